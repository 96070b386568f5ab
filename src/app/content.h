// A file's content as a stream, decompressed if it is gzip or zstd, which its first bytes tell and
// not its name. Memory is bounded, whatever the size. Several members or frames one after another
// are one content.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace freshet::app {

// One content, read once from its start to its end. One thread uses it.
class Content {
 public:
  // kInvalid: it can't be opened.
  [[nodiscard]] static Result<std::unique_ptr<Content>> open(const std::string& path);
  virtual ~Content() = default;
  // Fills `out` as far as there is content; it returns less than all of it, or 0, only at the end.
  // kCorrupt: the file is damaged or cut off.
  [[nodiscard]] virtual Result<size_t> read(std::span<char> out) = 0;
  // Both are of the file itself, for a progress bar.
  [[nodiscard]] virtual uint64_t file_position() const = 0;
  [[nodiscard]] virtual uint64_t file_size() const = 0;
};

}  // namespace freshet::app
