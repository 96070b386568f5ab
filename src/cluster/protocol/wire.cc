// Every length that comes in is compared with what is left before anything is reserved for it: a broker, or whoever
// passes for one, must not choose how much memory is taken.
#include "cluster/protocol/wire.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "base/varint.h"

namespace freshet::cluster::protocol {
namespace {

// Of a text in either form, as Kafka itself has it.
constexpr size_t kTextBytesMax = std::numeric_limits<int16_t>::max();

}  // namespace

void Encoder::big_endian(uint64_t value, size_t bytes) {
  FRESHET_ASSERT(bytes <= 8);
  for (size_t i = bytes; i > 0; --i) out_.push_back(static_cast<char>(value >> (8 * (i - 1))));
}

void Encoder::uvarint(uint32_t value) { append_varint(out_, value); }

std::optional<uint32_t> Encoder::count(std::optional<size_t> items) {
  if (!items) {
    no_list();
    return std::nullopt;
  }
  FRESHET_ASSERT(*items < static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  const auto number = static_cast<uint32_t>(*items);
  is_flexible() ? uvarint(number + 1) : big_endian(number, 4);
  return number;
}

void Encoder::no_list() { is_flexible() ? uvarint(0) : big_endian(~uint64_t{0}, 4); }

void Encoder::length(size_t bytes, size_t classic_width) {
  FRESHET_ASSERT(bytes < static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  is_flexible() ? uvarint(static_cast<uint32_t>(bytes) + 1) : big_endian(bytes, classic_width);
}

void Encoder::no_text() { is_flexible() ? uvarint(0) : big_endian(~uint64_t{0}, 2); }

void Encoder::text(std::string& value) {
  has_long_text_ = has_long_text_ || value.size() > kTextBytesMax;
  length(value.size(), 2);
  out_ += value;
}

void Encoder::text(std::optional<std::string>& value) { value ? text(*value) : no_text(); }

void Encoder::bytes(std::string& value) {
  length(value.size(), 4);
  out_ += value;
}

void Encoder::records(std::optional<std::string>& value) {
  const uint64_t plus_one = value ? uint64_t{value->size()} + 1 : 0;
  FRESHET_ASSERT(plus_one <= static_cast<uint64_t>(std::numeric_limits<int32_t>::max()));
  is_flexible() ? uvarint(static_cast<uint32_t>(plus_one)) : big_endian(plus_one - 1, 4);
  if (value) out_ += *value;
}

void Encoder::numbers(std::vector<int32_t>& values) {
  (void)count(values.size());
  for (int32_t& value : values) number(value);
}

void Encoder::texts(std::vector<std::string>& values) {
  (void)count(values.size());
  for (std::string& value : values) text(value);
}

void Encoder::tags() {
  if (is_flexible()) uvarint(0);
}

void Decoder::wrong(const char* what) {
  if (wrong_ != nullptr) return;
  wrong_ = what;
  wrong_at_ = size_ - rest_.size();
  rest_ = {};
}

Status Decoder::status() const {
  if (wrong_ == nullptr) return {};
  return fail(Code::kCorrupt, fmt::format("{}, at byte {} of {}", wrong_, wrong_at_, size_));
}

Status Decoder::finish() {
  if (!rest_.empty()) wrong("more bytes than the message has");
  return status();
}

std::string_view Decoder::take(uint64_t bytes) {
  if (bytes > rest_.size()) {
    wrong("it ends in the midst of a value");
    return {};
  }
  const std::string_view out = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return out;
}

uint64_t Decoder::big_endian(size_t bytes) {
  uint64_t value = 0;
  for (const char c : take(bytes)) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

uint32_t Decoder::uvarint() {
  uint64_t value = 0;
  for (uint32_t shift = 0; shift < 35; shift += 7) {
    const uint64_t byte = big_endian(1);
    value |= (byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (value > std::numeric_limits<uint32_t>::max()) break;
    return static_cast<uint32_t>(value);
  }
  wrong("a varint of more than 32 bits");
  return 0;
}

std::optional<uint32_t> Decoder::count(std::optional<size_t>) {
  // Both forms as one number: 0 is null, n + 1 is n items.
  const int64_t plus_one = is_flexible() ? int64_t{uvarint()} : int64_t{static_cast<int32_t>(big_endian(4))} + 1;
  if (wrong_ != nullptr || plus_one == 0) return std::nullopt;
  const int64_t items = plus_one - 1;
  // No item is smaller than a byte.
  if (items < 0 || items > static_cast<int64_t>(rest_.size())) {
    wrong("a list of more items than there are bytes");
    return std::nullopt;
  }
  items_ += std::min(static_cast<uint32_t>(items), kItemsMax);
  if (items_ >= kItemsMax) {
    wrong("more items than a message may have");
    return std::nullopt;
  }
  return static_cast<uint32_t>(items);
}

std::optional<std::string_view> Decoder::sized(size_t classic_width) {
  FRESHET_ASSERT(classic_width == 2 || classic_width == 4);
  int64_t plus_one = 0;
  if (is_flexible()) {
    plus_one = uvarint();
  } else if (classic_width == 2) {
    plus_one = int64_t{static_cast<int16_t>(big_endian(2))} + 1;
  } else {
    plus_one = int64_t{static_cast<int32_t>(big_endian(4))} + 1;
  }
  if (wrong_ != nullptr || plus_one == 0) return std::nullopt;
  if (plus_one < 0) {
    wrong("a negative length");
    return std::nullopt;
  }
  if (classic_width == 2 && plus_one - 1 > static_cast<int64_t>(kTextBytesMax)) {
    wrong("a text of more than 32 KiB");
    return std::nullopt;
  }
  return take(static_cast<uint64_t>(plus_one - 1));
}

void Decoder::text(std::optional<std::string>& value) {
  const auto read = sized(2);
  value = read ? std::optional<std::string>(*read) : std::nullopt;
}

void Decoder::text(std::string& value) {
  const auto read = sized(2);
  if (!read) wrong("a text that must not be null is");
  value = read.value_or(std::string_view());
}

void Decoder::bytes(std::string& value) {
  const auto read = sized(4);
  if (!read) wrong("bytes that must not be null are");
  value = read.value_or(std::string_view());
}

void Decoder::records(std::optional<std::string>& value) {
  const auto read = sized(4);
  value = read ? std::optional<std::string>(*read) : std::nullopt;
}

void Decoder::uuid(Uuid& value) {
  value = {};
  const std::string_view read = take(value.size());
  std::copy(read.begin(), read.end(), value.begin());
}

void Decoder::numbers(std::optional<std::vector<int32_t>>& values) {
  values.reset();
  const auto items = count(std::nullopt);
  if (!items) return;
  if (uint64_t{*items} * 4 > rest_.size()) return wrong("a list of more numbers than there are bytes");
  values.emplace(*items);
  for (int32_t& value : *values) number(value);
}

void Decoder::texts(std::optional<std::vector<std::string>>& values) {
  values.reset();
  const auto items = count(std::nullopt);
  if (!items) return;
  values.emplace();
  for (uint32_t i = 0; i < *items && wrong_ == nullptr; ++i) text(values->emplace_back());
}

void Decoder::numbers(std::vector<int32_t>& values) {
  std::optional<std::vector<int32_t>> found;
  numbers(found);
  never_null(values, std::move(found));
}

void Decoder::texts(std::vector<std::string>& values) {
  std::optional<std::vector<std::string>> found;
  texts(found);
  never_null(values, std::move(found));
}

void Decoder::tags() {
  if (!is_flexible()) return;
  const uint32_t tags = uvarint();
  for (uint32_t i = 0; i < tags && wrong_ == nullptr; ++i) {
    (void)uvarint();
    (void)take(uvarint());
  }
}

}  // namespace freshet::cluster::protocol
