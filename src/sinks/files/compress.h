// Whole texts, compressed. The same text, the same bytes, whatever the clock says.
#pragma once

#include <string>
#include <string_view>

#include "model/sink.h"

namespace freshet::sinks {

[[nodiscard]] std::string compressed(std::string_view text, model::Compression how);
// ".gz", ".zst" or "".
[[nodiscard]] std::string_view suffix_of(model::Compression how);

}  // namespace freshet::sinks
