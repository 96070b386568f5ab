// How phone numbers are spelled before they are compared, so that "+91 98765-43210" and "0091 98765 43210" are one
// person. Pure. Decision 0027.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/names.h"

namespace freshet::model {

// Which spelling a tenant's phone numbers have as identifiers.
enum class PhoneSpelling : uint8_t {
  kNormal,  // normal_phone()
  kAsSent,  // as they come, without blanks around them
  kBoth,    // the normal one, and beside it the one that was sent: profiles from before are joined by it
};
[[nodiscard]] constexpr auto names_of(PhoneSpelling) {
  using enum PhoneSpelling;
  return std::to_array<Name<PhoneSpelling>>({{kNormal, "normal"}, {kAsSent, "as_sent"}, {kBoth, "both"}});
}

struct PhoneRule {
  std::optional<PhoneSpelling> spelling;  // nullopt: nobody has said; TenantBook fills it in for an installation
  std::string default_country;            // a calling code such as "91"; "": numbers without one stay national

  [[nodiscard]] PhoneSpelling in_force() const { return spelling.value_or(PhoneSpelling::kNormal); }
};

// A number without what people write around and between its digits (blanks, - . ( ) / and dashes; tel: of a link, .0 of
// a table), with digits of any script as ASCII's. An international one (+ or 00 in front) becomes + and digits, without
// a trunk 0 in parentheses; else one of the default country gets that code in the place of its leading 0, and without a
// default country its digits stay. What is no number (letters, an extension, fewer than 3 digits or more than 15) stays
// as it is. Twice is once, and two numbers with different country codes or digits never become one.
[[nodiscard]] std::string normal_phone(std::string_view text, std::string_view default_country);

// 1 to 3 digits, the first of them no 0 (ITU-T E.164).
[[nodiscard]] bool is_calling_code(std::string_view text);

}  // namespace freshet::model
