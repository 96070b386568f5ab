// A fast reader of the plain part of YAML, of which nearly all files consist: block and flow maps and lists, keys of
// letters, digits and "_ . -", scalars of one line, quotes without escapes, comments. yaml-cpp takes most of a second
// for a file of 3 MB; this reads it in a tenth of that.
//
// Whatever else there is, and whatever is wrong: nullopt, and the full parser decides. What it returns is what the full
// parser returns, places included (yaml/plain_fuzz.cc and yaml/plain_test.cc compare).
#pragma once

#include <optional>
#include <string_view>

#include "yaml/node.h"

namespace freshet::yaml {

// nullopt says nothing about the text but that this reader does not know it.
[[nodiscard]] std::optional<Node> parse_plain(std::string_view text);

// parse() by the full parser alone: what tests compare with.
[[nodiscard]] std::optional<Node> parse_without_plain(std::string_view text, const ParseOptions& options,
                                                      Problems& problems);

}  // namespace freshet::yaml
