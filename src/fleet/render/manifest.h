// What was rendered into a folder: paths and hashes, in the format of `xxh128sum` ("HASH  PATH" a line) after comment
// lines. People can edit it, and so it is not trusted.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::fleet {

// By path, relative to the folder, which it does not leave. A hash is 32 lower-case hexadecimal digits.
using Hashes = std::map<std::string, std::string>;

// One line for each file, after `header` (whole comment lines, or nothing).
[[nodiscard]] std::string write_manifest(const Hashes& hashes, std::string_view header);

// kInvalid, "line N: …": a line is neither a comment nor of this form, a path leaves the folder, or one is there twice.
[[nodiscard]] Result<Hashes> parse_manifest(std::string_view text);

}  // namespace freshet::fleet
