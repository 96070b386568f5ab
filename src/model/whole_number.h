// Whole numbers as tools write them that know numbers with fractions only. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace freshet::model {

// The digits of a whole number that is written with a fraction of zeros: 123 of "123.0" and "123.00". Any other text as
// it is.
[[nodiscard]] std::string_view without_zero_fraction(std::string_view text);

// The same of "123.0" alone, as tools for tables write a whole number among fractions: of a cell "123.00" is a text.
[[nodiscard]] std::string_view without_point_zero(std::string_view text);

// "9.19877E+11": the power is larger than the digits behind the point, so some may have been lost. A point or a sign of
// the power must be there, or it is a text of digits and an e ("1e10"), which somebody's id may be.
[[nodiscard]] bool is_rounded_number(std::string_view text);

// The digits of a whole number that is written with a power and all its digits: 12345678 of "1.2345678E7", as some
// programs write it, and spreadsheets where they have room. nullopt: it is none, or digits may be lost.
[[nodiscard]] std::optional<std::string> whole_number_of_power(std::string_view text);

}  // namespace freshet::model
