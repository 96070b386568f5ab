// The rule looks at form alone: which numbers are in use, and how long they are in which country, changes every month
// and would make the same person two by an upgrade.
#include "model/phone.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "model/code_point.h"
#include "model/digits.h"
#include "model/nobody.h"
#include "model/whole_number.h"

namespace freshet::model {
namespace {

constexpr size_t kPhoneDigitsMin = 3;
constexpr size_t kPhoneDigitsMax = 15;     // ITU-T E.164
constexpr size_t kWithCodeDigitsMin = 10;  // behind a country's code that has no + in front
constexpr size_t kFractionDigitsMin = 7;   // of what is a number without its fraction

// "p" stands before each number in the files of one large network's forms for leads.
constexpr std::array<std::string_view, 5> kSchemes = {"tel", "callto", "sms", "whatsapp", "p"};
constexpr size_t kSchemeBytesMax = 8;

// Country's codes of two digits; 1 and 7 have one, all others three (ITU-T E.164).
constexpr std::string_view kCodesOfTwo =
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98";

// Of these countries the leading 0 is a part of the number, also when it is called from abroad: Italy and the Vatican,
// Ivory Coast, Gabon, Congo, San Marino.
constexpr std::array<std::string_view, 5> kKeepsZero = {"39", "225", "241", "242", "378"};

bool keeps_zero(std::string_view code) {
  return std::find(kKeepsZero.begin(), kKeepsZero.end(), code) != kKeepsZero.end();
}

bool begins_with_zero_keeper(std::string_view digits) {
  return std::any_of(kKeepsZero.begin(), kKeepsZero.end(), [&](auto code) { return digits.starts_with(code); });
}

bool is_separator(char32_t c) {
  const bool ascii =
      c < 0x80 && std::string_view(" \t\r\n\v\f-.()/").find(static_cast<char>(c)) != std::string_view::npos;
  if (ascii || is_padding(c) || (c >= 0x2010 && c <= 0x2015)) return true;  // hyphens, dashes
  return c == 0x2212 || c == 0x30fc;                                        // the minus sign; the long dash of Japanese
}

// What a number is made of.
struct PhoneDigits {
  std::string all;
  bool plus = false;
  size_t trunk = std::string::npos;  // where among them the 0 of "(0)" stands
};

// Of a link what it leads to.
std::string_view without_scheme(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon > kSchemeBytesMax) return text;
  const std::string scheme = freshet::lower_case(text.substr(0, colon));
  const bool known = std::find(kSchemes.begin(), kSchemes.end(), scheme) != kSchemes.end();
  return known ? text.substr(colon + 1) : text;
}

// A column of numbers with a gap is one of fractions to some, and 919876543210 becomes 919876543210.0 there, or
// 9.1987654321E+11. With the 0 behind the point it would be somebody else's. What begins with + or 0 was no number to
// them.
std::string without_fraction(std::string text) {
  if (auto whole = whole_number_of_power(text)) return std::move(*whole);
  const std::string_view whole = without_point_zero(text);
  const bool meant = !whole.starts_with('0') && whole.size() >= kFractionDigitsMin;
  return meant ? std::string(whole) : text;
}

// Tools that write for spreadsheets put an apostrophe in front of a number that is to stay a text. No phone number
// begins with one of its own, so here, unlike in any other cell, it does not matter what stands behind it.
std::string_view without_text_mark(std::string_view text) { return text.starts_with('\'') ? text.substr(1) : text; }

std::optional<PhoneDigits> digits_of(std::string_view sent) {
  PhoneDigits out;
  const std::string ascii = without_fraction(with_ascii_digits(without_scheme(without_text_mark(sent))));
  std::string_view text = ascii;
  while (!text.empty()) {
    if (text.starts_with("(0)") && !out.all.empty() && out.trunk == std::string::npos) out.trunk = out.all.size();
    const CodePoint c = code_point(text);
    text.remove_prefix(c.bytes);
    if (c.letter < 0x80 && is_digit(static_cast<char>(c.letter))) {
      out.all += static_cast<char>(c.letter);
    } else if (c.letter == '+' && out.all.empty() && !out.plus) {
      out.plus = true;
    } else if ((c.bytes == 1 && c.letter >= 0x80) || !is_separator(c.letter)) {
      return std::nullopt;  // letters, an extension, damaged bytes
    }
  }
  return out;
}

size_t code_length(std::string_view digits) {
  if (digits.starts_with('1') || digits.starts_with('7')) return 1;
  return digits.size() < 2 || kCodesOfTwo.find(digits.substr(0, 2)) != std::string_view::npos ? 2 : 3;
}

bool is_phone_length(std::string_view digits) {
  return digits.size() >= kPhoneDigitsMin && digits.size() <= kPhoneDigitsMax;
}

}  // namespace

bool is_calling_code(std::string_view text) {
  return !text.empty() && text.size() <= 3 && text.front() != '0' && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_no_number(std::string_view text) {
  const auto found = digits_of(text);
  if (!found) return false;
  const bool zeros = !found->plus && found->all.starts_with("00");
  const std::string_view digits = std::string_view(found->all).substr(zeros ? 2 : 0);
  return digits.size() < kPhoneDigitsMin || ((zeros || found->plus) && digits.size() <= code_length(digits));
}

std::string normal_phone(std::string_view text, std::string_view default_country) {
  auto found = digits_of(text);
  if (!found) return std::string(text);
  std::string& digits = found->all;
  bool international = found->plus;
  if (found->trunk != std::string::npos && (found->plus || digits.starts_with("00")) &&
      !begins_with_zero_keeper(std::string_view(digits).substr(found->plus ? 0 : 2)))
    digits.erase(found->trunk, 1);
  if (!found->plus && digits.starts_with("00")) {
    digits.erase(0, 2);
    international = true;
  }
  if (international) return is_phone_length(digits) && digits.front() != '0' ? "+" + digits : std::string(text);
  if (!is_phone_length(digits)) return std::string(text);
  if (default_country.empty()) return digits;
  const bool has_code =
      digits.starts_with(default_country) && digits.size() >= default_country.size() + kWithCodeDigitsMin;
  if (has_code) return "+" + digits;
  if (digits.front() == '0' && !keeps_zero(default_country)) digits.erase(0, 1);
  const std::string whole = std::string(default_country) + digits;
  return is_phone_length(whole) ? "+" + whole : std::string(text);
}

}  // namespace freshet::model
