// Builds the body once with blanks of fixed width, and writes digits over them for each request.

#include "common/body.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "common/zipf.h"

namespace freshet::bench {

namespace {

constexpr size_t kUserDigits = 9;
constexpr size_t kSequenceDigits = 16;
constexpr size_t kTimeSize = 24;
constexpr size_t kPadBytesMax = 400;  // of one property; values above 512 characters would be cut
constexpr std::string_view kTimeBlank = "1970-01-01T00:00:00.000Z";

constexpr std::array<std::string_view, 12> kEvents = {
    "Page Viewed",      "Product Viewed",  "Product Searched", "Product Added", "Product Removed", "Cart Viewed",
    "Checkout Started", "Order Completed", "Coupon Applied",   "Push Opened",   "Email Clicked",   "App Opened"};
constexpr std::array<std::string_view, 8> kCities = {"Pune",    "Mumbai", "Delhi", "Chennai",
                                                     "Kolkata", "Lima",   "Oslo",  "Turin"};
constexpr std::array<std::string_view, 3> kPlans = {"free", "plus", "pro"};
constexpr std::string_view kContext =
    R"("context":{"library":{"name":"freshet-load","version":"1"},"locale":"en-IN","os":{"name":"Android","version":"14"}})";

void write_digits(char* to, size_t digits, uint64_t value) {
  for (size_t i = digits; i > 0; --i) {
    to[i - 1] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

void write_hex(char* to, size_t digits, uint64_t value) {
  for (size_t i = digits; i > 0; --i) {
    to[i - 1] = "0123456789abcdef"[value & 15];
    value >>= 4;
  }
}

// The civil date of a day number since 1970 (proleptic Gregorian; years begin in March, so that
// leap days come last).
void write_date(char* to, int64_t days) {
  const int64_t shifted = days + 719'468;
  const int64_t era = shifted / 146'097;
  const int64_t day_of_era = shifted - era * 146'097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
  const int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  write_digits(to, 4, static_cast<uint64_t>(year));
  write_digits(to + 5, 2, static_cast<uint64_t>(month));
  write_digits(to + 8, 2, static_cast<uint64_t>(day));
}

void write_time(char* to, env::TimeUs time) {
  constexpr int64_t kDayMs = 86'400'000;
  const int64_t time_ms = time / 1000;
  const auto of_day = static_cast<uint64_t>(time_ms % kDayMs);
  write_date(to, time_ms / kDayMs);
  write_digits(to + 11, 2, of_day / 3'600'000);
  write_digits(to + 14, 2, of_day / 60'000 % 60);
  write_digits(to + 17, 2, of_day / 1000 % 60);
  write_digits(to + 20, 3, of_day % 1000);
}

}  // namespace

// Makes a body from its options and seed.
class BodyMaker {
 public:
  explicit BodyMaker(const BodyOptions& options) : options_(options), numbers_(options.seed) {}

  Result<Body> make() {
    body_.text_ = R"({"batch":[)";
    const auto share = std::clamp(options_.identify_share, 0.0, 1.0);
    for (size_t i = 0; i < options_.batch; ++i) {
      // A pair needs room for two items.
      if (options_.merge_share > 0 && i + 1 < options_.batch && numbers_.unit() < options_.merge_share) {
        FRESHET_TRY(add_item(Part::kAnonymous));
        FRESHET_TRY(add_item(Part::kMerge));
        ++i;
      } else {
        FRESHET_TRY(add_item(numbers_.unit() < share ? Part::kIdentify : Part::kTrack));
      }
    }
    body_.text_ += R"(],"sentAt":")";
    body_.sent_at_ = body_.text_.size();
    body_.text_ += kTimeBlank;
    body_.text_ += "\"}";
    if (body_.text_.size() > kBodyBytesMax) {
      return fail(Code::kInvalid, fmt::format("a batch of {} events of {} bytes is {} bytes; at most {} are taken",
                                              options_.batch, options_.event_bytes, body_.text_.size(), kBodyBytesMax));
    }
    return std::move(body_);
  }

 private:
  enum class Part { kTrack, kIdentify, kAnonymous, kMerge };

  Status add_item(Part part) {
    const bool identify = part == Part::kIdentify || part == Part::kMerge;
    std::string& text = body_.text_;
    if (!body_.items_.empty()) text += ',';
    const size_t begin = text.size();
    Body::Item item;
    text += identify ? R"({"type":"identify","messageId":")" : R"({"type":"track","messageId":")";
    item.message = text.size();
    text.append(kRunIdSize + 1 + kSequenceDigits, '0');
    text += R"(","timestamp":")";
    item.time = text.size();
    text += kTimeBlank;
    if (part == Part::kAnonymous || part == Part::kMerge) {
      text += R"(","anonymousId":")";
      item.anonymous = text.size();
      item.second = part == Part::kMerge;
      text.append(kRunIdSize + 1 + kSequenceDigits, '0');
    }
    if (part != Part::kAnonymous) {
      text += R"(","userId":")";
      item.user = text.size();
      add_user();
    }
    text += R"(",)";
    text += kContext;
    if (identify) {
      text += R"(,"traits":{"email":")";
      item.email = text.size();
      add_user();
      text += fmt::format(R"(@example.com","city":"{}","plan":"{}")", pick(kCities), pick(kPlans));
    } else {
      text += fmt::format(
          R"(,"event":"{}","properties":{{"order":"o{:08x}","total":{}.{:02},"quantity":{},"currency":"INR")",
          pick(kEvents), numbers_.next() >> 32, numbers_.below(5000), numbers_.below(100), numbers_.below(9) + 1);
    }
    FRESHET_TRY(pad(begin));
    text += "}}";
    body_.items_.push_back(item);
    return {};
  }

  void add_user() {
    body_.text_ += 'u';
    body_.text_.append(kUserDigits, '0');
  }

  // Adds properties note0, note1, … until the item has its size, but for the two braces at its end.
  Status pad(size_t begin) {
    constexpr size_t kBraces = 2;
    constexpr size_t kFrame = 12;  // ,"note0":"…"
    const size_t size = body_.text_.size() - begin + kBraces;
    if (size > options_.event_bytes) {
      return fail(Code::kInvalid, fmt::format("an event takes at least {} bytes, not {}", size, options_.event_bytes));
    }
    size_t left = options_.event_bytes - size;
    for (int i = 0; i < 10 && left > kFrame; ++i) {
      const size_t bytes = std::min(left - kFrame, kPadBytesMax);
      body_.text_ += fmt::format(R"(,"note{}":")", i);
      for (size_t k = 0; k < bytes; ++k) body_.text_ += static_cast<char>('a' + numbers_.below(26));
      body_.text_ += '"';
      left -= bytes + kFrame - 1;
    }
    return {};
  }

  template <size_t N>
  std::string_view pick(const std::array<std::string_view, N>& of) {
    return of[numbers_.below(N)];
  }

  const BodyOptions& options_;
  Numbers numbers_;
  Body body_;
};

Result<Body> Body::make(const BodyOptions& options) {
  if (options.batch == 0) return fail(Code::kInvalid, "a batch has at least one event");
  return BodyMaker(options).make();
}

void Body::set_user(size_t item, uint64_t user) {
  FRESHET_ASSERT(item < items_.size() && user < kUsersMax);
  const Item& at = items_[item];
  if (at.user == 0) return;
  write_digits(text_.data() + at.user + 1, kUserDigits, user);
  if (at.email != 0) std::memcpy(text_.data() + at.email + 1, text_.data() + at.user + 1, kUserDigits);
}

void Body::set_message_id(size_t item, std::string_view run_id, uint64_t sequence) {
  FRESHET_ASSERT(item < items_.size() && run_id.size() == kRunIdSize);
  const Item& at = items_[item];
  const auto write = [&](size_t offset, uint64_t number) {
    char* to = text_.data() + offset;
    std::memcpy(to, run_id.data(), kRunIdSize);
    to[kRunIdSize] = '-';
    write_hex(to + kRunIdSize + 1, kSequenceDigits, number);
  };
  write(at.message, sequence);
  // The second of a pair has the sequence after that of the first, whose anonymous id it names.
  if (at.anonymous != 0) write(at.anonymous, at.second ? sequence - 1 : sequence);
}

void Body::set_time(env::TimeUs time) {
  FRESHET_ASSERT(sent_at_ + kTimeSize <= text_.size());
  char* sent_at = text_.data() + sent_at_;
  write_time(sent_at, time);
  for (const Item& item : items_) std::memcpy(text_.data() + item.time, sent_at, kTimeSize);
}

}  // namespace freshet::bench
