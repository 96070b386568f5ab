// A text that is kept for long and seldom read: compressed, if it is smaller then. It never changes, and copies share
// it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace freshet {

class PackedText {
 public:
  PackedText() = default;
  explicit PackedText(std::string_view text);

  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] size_t size() const { return size_; }  // of the text
  [[nodiscard]] size_t packed_bytes() const { return bytes_ == nullptr ? 0 : bytes_->size(); }

  // Within a process the same text is always packed into the same bytes.
  friend bool operator==(const PackedText& a, const PackedText& b) {
    return a.size_ == b.size_ && (a.bytes_ == b.bytes_ || (a.bytes_ != nullptr && *a.bytes_ == *b.bytes_));
  }

 private:
  std::shared_ptr<const std::string> bytes_;  // as many as the text has: they are the text; null: it has none
  size_t size_ = 0;
};

}  // namespace freshet
