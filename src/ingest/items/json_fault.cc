#include "ingest/items/json_fault.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/text.h"
#include "base/utf8.h"
#include "ingest/items/json_body.h"

namespace freshet::ingest {
namespace {

constexpr size_t kNestedMax = 1024;  // as deep as simdjson goes
constexpr size_t kStepsShown = 8;    // of a path
constexpr size_t kKeyShown = 40;     // characters of a step
constexpr size_t kWordShown = 16;

// The bytes of the character that the text begins with; 0: it begins with none.
size_t character_bytes(std::string_view text) {
  FRESHET_ASSERT(!text.empty());
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  const size_t bytes = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < bytes; ++i)
    if (i >= text.size() || begins_character(text[i])) return 0;
  // What has a shorter form, halves of pairs, and what is beyond Unicode.
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return bytes;
}

// Reads one value, and stops at the first byte that can't stand where it does.
class FaultFinder {
 public:
  explicit FaultFinder(std::string_view text) : text_(text) {}

  std::optional<JsonFault> find() {
    if (!value()) return std::move(fault_);
    skip_blanks();
    if (!empty()) (void)fail("something follows behind the end of the value");
    return std::move(fault_);
  }

 private:
  struct Step {
    std::string_view key;  // as it is escaped; without data: an element
    size_t index = 0;
  };

  [[nodiscard]] bool empty() const { return at_ == text_.size(); }
  [[nodiscard]] char next() const { return empty() ? '\0' : text_[at_]; }
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool take(char c) {
    if (empty() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool fail(std::string what) {
    fault_ = JsonFault{at_, path(), empty() ? "the text ends here, too early" : std::move(what)};
    return false;
  }
  [[nodiscard]] std::string path() const;

  bool value();
  bool object();
  bool list();
  bool string(std::string_view& inside);
  bool escape();
  bool number();
  bool word();
  bool digits();

  const std::string_view text_;
  size_t at_ = 0;
  std::vector<Step> steps_;
  std::optional<JsonFault> fault_;
};

std::string FaultFinder::path() const {
  std::string out;
  for (size_t i = 0; i < steps_.size() && i < kStepsShown; ++i) {
    if (steps_[i].key.data() == nullptr) {
      out.append("[").append(std::to_string(steps_[i].index)).append("]");
      continue;
    }
    if (!out.empty()) out += '.';
    const std::string_view key = steps_[i].key;
    const size_t shown = prefix_of(key, kKeyShown);
    out.append(key.substr(0, shown)).append(shown < key.size() ? "…" : "");
  }
  return steps_.size() > kStepsShown ? out + "…" : out;
}

bool FaultFinder::value() {
  skip_blanks();
  switch (next()) {
    case '{': return object();
    case '[': return list();
    case '"': {
      std::string_view inside;
      return string(inside);
    }
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return number();
    default: return word();
  }
}

bool FaultFinder::object() {
  if (steps_.size() == kNestedMax) return fail("values are nested too deep");
  ++at_;
  skip_blanks();
  if (take('}')) return true;
  do {
    skip_blanks();
    if (next() != '"') return fail("a name in double quotes is expected");
    std::string_view key;
    if (!string(key)) return false;
    skip_blanks();
    if (!take(':')) return fail("a colon is expected behind a name");
    steps_.push_back({key});
    if (!value()) return false;
    steps_.pop_back();
    skip_blanks();
  } while (take(','));
  return take('}') || fail("a comma or } is expected");
}

bool FaultFinder::list() {
  if (steps_.size() == kNestedMax) return fail("values are nested too deep");
  ++at_;
  skip_blanks();
  if (take(']')) return true;
  steps_.push_back({});
  do {
    if (!value()) return false;
    ++steps_.back().index;
    skip_blanks();
  } while (take(','));
  steps_.pop_back();
  return take(']') || fail("a comma or ] is expected");
}

bool FaultFinder::string(std::string_view& inside) {
  const size_t begin = ++at_;
  while (!empty() && next() != '"') {
    if (static_cast<unsigned char>(next()) < 0x20)
      return fail("a text has a control character, such as a line end, that is not escaped");
    if (next() == '\\') {
      if (!escape()) return false;
      continue;
    }
    const size_t bytes = character_bytes(text_.substr(at_));
    if (bytes == 0) return fail("a byte that is not UTF-8");
    at_ += bytes;
  }
  if (empty()) return fail("");
  inside = text_.substr(begin, at_++ - begin);
  return true;
}

bool FaultFinder::escape() {
  const std::string_view rest = text_.substr(at_ + 1);
  if (rest.empty()) {
    at_ = text_.size();
    return fail("");
  }
  size_t bytes = 1;
  if (rest.front() == 'u') {
    while (bytes < 5 && bytes < rest.size() &&
           std::string_view("0123456789abcdefABCDEF").find(rest[bytes]) != std::string_view::npos)
      ++bytes;
    if (bytes < 5) return fail("\\u wants four hexadecimal digits");
  } else if (std::string_view("\"\\/bfnrt").find(rest.front()) == std::string_view::npos) {
    return fail("a backslash begins no escape here");
  }
  at_ += 1 + bytes;
  return true;
}

bool FaultFinder::digits() {
  const size_t begin = at_;
  while (is_digit(next())) ++at_;
  return at_ > begin || fail("a number wants a digit here");
}

bool FaultFinder::number() {
  (void)take('-');
  if (take('0')) {
    if (is_digit(next())) return fail("a number begins with 0");
  } else if (!digits()) {
    return false;
  }
  if (take('.') && !digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) (void)take('-');
    return digits();
  }
  return true;
}

bool FaultFinder::word() {
  size_t bytes = 0;
  while (at_ + bytes < text_.size() && is_letter(text_[at_ + bytes])) ++bytes;
  const std::string_view word = text_.substr(at_, bytes);
  if (word == "true" || word == "false" || word == "null") {
    at_ += bytes;
    return true;
  }
  if (word.empty()) return fail(next() == '\'' ? "texts stand in double quotes" : "a value is expected");
  return fail(std::string(word.substr(0, kWordShown)) + " is no JSON");
}

// What a text is that is no JSON from its beginning; "": nobody knows.
std::string_view other_form(std::string_view text) {
  const auto begins = [text](std::string_view bytes) { return text.starts_with(bytes); };
  if (begins("\x1f\x8b")) return "the text is gzip, and no Content-Encoding says so";
  if (begins("\x28\xb5\x2f\xfd")) return "the text is zstd, which is not read here; send gzip or plain JSON";
  if (begins("\xff\xfe") || begins("\xfe\xff") || begins({"{\0", 2}) || begins({"\0{", 2}))
    return "the text is UTF-16; JSON is sent as UTF-8";
  if (begins("%7B") || begins("%7b") || begins("data=")) return "the text is a form; send the JSON itself";
  return {};
}

}  // namespace

std::string JsonFault::text() const {
  std::string out = "not valid JSON at byte " + std::to_string(at);
  if (!path.empty()) out.append(", in ").append(path);
  return out.append(": ").append(what);
}

std::optional<JsonFault> find_json_fault(std::string_view text) {
  const std::string_view bare = without_mark(text);
  auto fault = FaultFinder(bare).find();
  if (!fault) return std::nullopt;
  if (const auto form = other_form(bare); !form.empty()) *fault = {0, "", std::string(form)};
  fault->at += text.size() - bare.size();
  return fault;
}

}  // namespace freshet::ingest
