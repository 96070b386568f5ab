// Rows in the form in which the store has them, kept in memory: those put last, within a budget, and all that the store
// does not have yet ("dirty"). One thread.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace freshet::state {

class RowCache {
 public:
  // Replaces what is there. An empty row is one: of a key that the store does not know.
  void put(const Hash128& key, std::string_view row, bool dirty);
  struct Found {
    std::string_view row;  // valid until the next call of put() or take()
    bool dirty = false;
    bool found = false;
  };
  [[nodiscard]] Found find(const Hash128& key) const;
  [[nodiscard]] bool contains(const Hash128& key) const { return by_key_.contains(key); }
  void take(const Hash128& key);  // REQUIRES: contains(key)
  // The store has it now.
  void clean(const Hash128& key);
  // Lets go of clean rows, those put first before the others, until bytes() is within the budget.
  void trim(size_t budget_bytes);
  void clear();

  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] size_t rows() const { return by_key_.size(); }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // Clean rows form a ring through slot 0, the newest first.
  struct Slot {
    Hash128 key;
    std::unique_ptr<char[]> row;
    uint32_t size = 0;
    uint32_t newer = kNone, older = kNone;
    bool dirty = false;
  };
  void link(uint32_t at);
  void unlink(uint32_t at);
  void release(uint32_t at);
  [[nodiscard]] static size_t cost(const Slot& slot);

  absl::flat_hash_map<Hash128, uint32_t, Hash128Hasher> by_key_;
  std::vector<Slot> slots_ = make_ring();
  std::vector<uint32_t> free_;
  size_t bytes_ = 0;

  [[nodiscard]] static std::vector<Slot> make_ring();
};

}  // namespace freshet::state
