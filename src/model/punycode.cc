// The numbers and names are those of RFC 3492, section 5 and 6.
#include "model/punycode.h"

#include <cstdint>

#include "base/text.h"
#include "base/utf8.h"
#include "model/code_point.h"

namespace freshet::model {
namespace {

constexpr uint32_t kBase = 36, kTMin = 1, kTMax = 26, kSkew = 38, kDamp = 700, kBiasFirst = 72;
constexpr char32_t kFirstCoded = 0x80, kLastCoded = 0x10ffff;
constexpr char32_t kLeast = 0xa1;      // below are controls
constexpr size_t kLabelBytesMax = 63;  // RFC 1035

uint32_t adapted(uint32_t delta, uint32_t points, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / points;
  uint32_t k = 0;
  for (; delta > (kBase - kTMin) * kTMax / 2; k += kBase) delta /= kBase - kTMin;
  return k + (kBase - kTMin + 1) * delta / (delta + kSkew);
}

std::optional<uint32_t> digit_of(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<uint32_t>(c - 'a');
  if (is_digit(c)) return static_cast<uint32_t>(c - '0') + 26;
  return std::nullopt;
}

// Reads a number of the label's own kind. It can't overflow: a label is short, and what is beyond Unicode ends it.
std::optional<uint64_t> take_number(std::string_view& text, uint32_t bias) {
  uint64_t sum = 0, weight = 1;
  for (uint32_t k = kBase;; k += kBase) {
    if (text.empty()) return std::nullopt;
    const auto digit = digit_of(text.front());
    text.remove_prefix(1);
    if (!digit) return std::nullopt;
    sum += *digit * weight;
    if (sum > uint64_t{kLastCoded} * (kLabelBytesMax + 1)) return std::nullopt;
    const uint32_t threshold = k <= bias ? kTMin : k >= bias + kTMax ? kTMax : k - bias;
    if (*digit < threshold) return sum;
    weight *= kBase - threshold;
  }
}

}  // namespace

std::optional<std::string> decode_punycode(std::string_view label) {
  if (label.size() > kLabelBytesMax || !is_ascii(label)) return std::nullopt;
  const size_t dash = label.rfind('-');
  const std::string_view basic = dash == std::string_view::npos ? std::string_view() : label.substr(0, dash);
  std::u32string points(basic.begin(), basic.end());
  std::string_view rest = label.substr(dash == std::string_view::npos ? 0 : dash + 1);
  char32_t letter = kFirstCoded;
  uint64_t at = 0;
  uint32_t bias = kBiasFirst;
  for (bool first = true; !rest.empty(); first = false) {
    const auto delta = take_number(rest, bias);
    if (!delta) return std::nullopt;
    const auto size = static_cast<uint32_t>(points.size()) + 1;
    at += *delta;
    if (at / size > kLastCoded - letter) return std::nullopt;
    letter += static_cast<char32_t>(at / size);
    at %= size;
    if (letter < kLeast || (letter >= 0xd800 && letter <= 0xdfff)) return std::nullopt;
    bias = adapted(static_cast<uint32_t>(*delta), size, first);
    points.insert(points.begin() + static_cast<std::ptrdiff_t>(at++), letter);
  }
  std::string out;
  for (const char32_t c : points) append_code_point(out, c);
  return out;
}

}  // namespace freshet::model
