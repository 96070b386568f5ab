// A file's content as a stream, decompressed if it is gzip or zstd (told by its first bytes, not by its name). Bounded
// memory, whatever the size; several members or frames one after another are one content.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace freshet::app {

class Content {
 public:
  // kInvalid: can't be opened.
  [[nodiscard]] static Result<std::unique_ptr<Content>> open(const std::string& path);
  virtual ~Content() = default;
  // Fills `out` as far as there is content; less than all of it, or 0, only at the end. kCorrupt: damaged or cut off.
  [[nodiscard]] virtual Result<size_t> read(std::span<char> out) = 0;
  // Of the file itself: for progress.
  [[nodiscard]] virtual uint64_t file_position() const = 0;
  [[nodiscard]] virtual uint64_t file_size() const = 0;
};

}  // namespace freshet::app
