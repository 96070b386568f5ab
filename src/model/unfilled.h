// Texts that stand where a value should: what templates, macros and spreadsheets leave. Pure.
#pragma once

#include <string_view>

namespace freshet::model {

// A template's or a partner's macro that nobody has filled in: {{user.id}}, ${id}, <%= id %>, *|EMAIL|*, %%ID%%,
// __IDFA__, [IDFA], {user_id}. Of the forms with single brackets only names without a digit are meant, as GUIDs have
// brackets, too.
[[nodiscard]] bool is_unfilled_template(std::string_view text);

// What a spreadsheet or a dump of a database has instead of a value: #N/A, #REF!, \N, and a whole number that was
// rounded for display (9.19877E+11), which is the same for all numbers that begin so.
[[nodiscard]] bool is_lost_value(std::string_view text);

}  // namespace freshet::model
