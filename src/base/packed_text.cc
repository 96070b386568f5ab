#include "base/packed_text.h"

#include <zstd.h>

#include "base/assert.h"

namespace freshet {
namespace {

constexpr int kPackedTextLevel = 3;

}  // namespace

PackedText::PackedText(std::string_view text) : size_(text.size()) {
  if (text.empty()) return;
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const size_t bytes = ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), kPackedTextLevel);
  FRESHET_ASSERT(ZSTD_isError(bytes) == 0);
  // A copy has nothing to spare.
  bytes_ = std::make_shared<const std::string>(bytes < text.size() ? std::string_view(packed).substr(0, bytes) : text);
}

std::string PackedText::text() const {
  if (bytes_ == nullptr || bytes_->size() == size_) return bytes_ == nullptr ? std::string() : *bytes_;
  std::string text(size_, '\0');
  const size_t bytes = ZSTD_decompress(text.data(), text.size(), bytes_->data(), bytes_->size());
  FRESHET_ASSERT(bytes == size_);
  return text;
}

}  // namespace freshet
