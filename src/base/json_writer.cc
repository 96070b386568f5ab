#include "base/json_writer.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/assert.h"

namespace freshet {
namespace {

// What stands after the backslash; 'u': \u00XX; 0: nothing to escape.
constexpr std::array<char, 256> make_escapes() {
  std::array<char, 256> table{};
  for (size_t c = 0; c < 0x20; ++c) table[c] = 'u';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}
constexpr auto kEscapes = make_escapes();

// Whether one of eight bytes must be escaped: the top bit of a byte is set where it was below 0x20, or became zero by
// XOR with a quote or a backslash (Sean Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less than n").
constexpr bool has_special(uint64_t eight) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t quotes = eight ^ (kOnes * '"');
  const uint64_t backslashes = eight ^ (kOnes * '\\');
  return (((eight - kOnes * 0x20) | (quotes - kOnes) | (backslashes - kOnes)) & ~eight & (kOnes * 0x80)) != 0;
}

// Where the first character stands that must be escaped, from `begin` on; the size if there is none.
size_t find_special(std::string_view text, size_t begin) {
  size_t i = begin;
  for (uint64_t eight = 0; i + sizeof eight <= text.size(); i += sizeof eight) {
    std::memcpy(&eight, text.data() + i, sizeof eight);
    if (has_special(eight)) break;
  }
  while (i < text.size() && kEscapes[static_cast<unsigned char>(text[i])] == 0) ++i;
  return i;
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 24> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  FRESHET_ASSERT(error == std::errc());
  out.append(text.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  size_t run = 0;  // start of what needs no escape
  for (size_t i = find_special(text, 0); i < text.size(); i = find_special(text, run)) {
    out.append(text, run, i - run);
    run = i + 1;
    const auto c = static_cast<unsigned char>(text[i]);
    out += '\\';
    out += kEscapes[c];
    if (kEscapes[c] == 'u') {
      out += "00";
      out += static_cast<char>('0' + (c >> 4));
      out += "0123456789abcdef"[c & 15];
    }
  }
  out.append(text, run);
  out += '"';
}

JsonWriter::~JsonWriter() { FRESHET_ASSERT(depth_ == 0 && has_value_ && space_.empty()); }

JsonWriter& JsonWriter::begin(char bracket, bool object) {
  begin_value();
  FRESHET_ASSERT(depth_ < kDepthMax);
  objects_[depth_++] = object;
  has_value_ = false;
  out_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::end(char bracket, bool object) {
  FRESHET_ASSERT(depth_ > 0 && in_object() == object && !has_key_);
  put_space();
  --depth_;
  has_value_ = true;
  out_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  FRESHET_ASSERT(in_object() && !has_key_);
  if (has_value_) out_ += ',';
  put_space();
  append_json_string(out_, name);
  out_ += ':';
  has_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  begin_value();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::integer(int64_t number) {
  begin_value();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::integer(uint64_t number) {
  begin_value();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  FRESHET_ASSERT(!json.empty());
  begin_value();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::space(std::string_view blanks) {
  FRESHET_ASSERT(blanks.find_first_not_of(" \n") == std::string_view::npos);
  space_ = blanks;
  return *this;
}

void JsonWriter::begin_value() {
  FRESHET_ASSERT(in_object() == has_key_);
  FRESHET_ASSERT(depth_ > 0 || !has_value_);
  if (has_value_ && !has_key_) out_ += ',';
  put_space();
  has_key_ = false;
  has_value_ = true;
}

void JsonWriter::put_space() {
  if (space_.empty()) return;
  out_ += space_;
  space_ = {};
}

}  // namespace freshet
