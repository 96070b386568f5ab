// Sizes and durations as a file takes them, exactly: what yaml/reader.h reads back.
#pragma once

#include <cstdint>
#include <string>

namespace freshet::yaml {

[[nodiscard]] std::string duration_text(int64_t us);  // "7d", "90s", "20ms": the largest unit that is whole
[[nodiscard]] std::string size_text(uint64_t bytes);  // "64KiB", "1000"

}  // namespace freshet::yaml
