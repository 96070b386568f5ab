// Whether a time says where it is meant. Pure.
#pragma once

#include <string_view>

namespace freshet::model {

// False: it is a date or a date-time without a zone, as parse_time() reads them, so somebody's local time may be meant.
[[nodiscard]] bool has_zone(std::string_view text);

}  // namespace freshet::model
