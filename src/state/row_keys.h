// Keys of many rows, a prefix and a hash each, in one buffer: for multi_get. A string for each of them would be an
// allocation for each record.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"

namespace freshet::state {

class RowKeys {
 public:
  // The views are valid until the next call; they ascend if the hashes do.
  [[nodiscard]] std::span<const std::string_view> of(std::string_view prefix, std::span<const Hash128> hashes) {
    const size_t size = prefix.size() + sizeof(Hash128::bytes);
    bytes_.clear();
    bytes_.reserve(size * hashes.size());
    keys_.clear();
    for (const Hash128& hash : hashes) {
      keys_.emplace_back(bytes_.data() + bytes_.size(), size);
      bytes_.append(prefix).append(hash.view());
    }
    FRESHET_ASSERT(bytes_.size() == size * hashes.size());  // The buffer was not moved: the views are good.
    return keys_;
  }

 private:
  std::string bytes_;
  std::vector<std::string_view> keys_;
};

}  // namespace freshet::state
