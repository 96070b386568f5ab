// The message ids that were there before: rows of a store, and those that are not rows yet.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "kv/store.h"

namespace freshet::bench {

class Seen {
 public:
  explicit Seen(kv::Store& store) : store_(store) {}

  // Keeps the ids; first[i] says whether ids[i] was not there yet.
  [[nodiscard]] Status take(const std::vector<Hash128>& ids, std::vector<bool>& first);
  // Makes rows of what is in memory only.
  [[nodiscard]] Status write();

 private:
  kv::Store& store_;
  absl::flat_hash_set<Hash128, Hash128Hasher> fresh_;
  std::vector<size_t> order_;  // of a batch: its places, by rising id
  std::vector<std::string_view> keys_;
};

}  // namespace freshet::bench
