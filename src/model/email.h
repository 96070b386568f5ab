// How e-mail addresses are spelled before they are compared. Pure.
#pragma once

#include <string>
#include <string_view>

namespace freshet::model {

inline constexpr std::string_view kEmail = "email";

// In small letters, also beyond ASCII, and without what has no width: as release 0.2 stored it.
[[nodiscard]] std::string small_email(std::string_view text);
// The same, with letters and their marks as one (model/composed.h), full-width letters as ASCII, names of hosts
// readable ("xn--mller-kva" is "müller"), and of a link (mailto:), a header ("Ann <a@b.c>") or a quotation the address.
// Twice is once.
// REQUIRES: no blanks around it.
[[nodiscard]] std::string normal_email(std::string_view text);

}  // namespace freshet::model
