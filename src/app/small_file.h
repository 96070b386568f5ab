// The small files that Freshet writes itself beside its stores: lines of text behind a line with their checksum. They
// are written whole or not at all, and a damaged one is never taken for another one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::app {

// Durable when it returns.
[[nodiscard]] Status write_small_file(const std::string& path, std::string_view text);

struct SmallFile {
  std::string text;
  bool checked = false;  // false: it has no checksum, as those of the first releases
};
// nullopt: there is no such file. kCorrupt: it is damaged, or is not a file.
[[nodiscard]] Result<std::optional<SmallFile>> read_small_file(const std::string& path);
[[nodiscard]] Status remove_small_file(const std::string& path);

}  // namespace freshet::app
