// Changes that can be read but are not in the store yet, as merge operands by the key of their
// document. Thread-safe.
//
// They gather between two syncs, so that a document that changes often is written once. begin_flight() sets apart what
// there is for one writer; land() forgets it once the store has it. Until then a reader finds both.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/v1/change.pb.h"
#include "kv/store.h"

namespace freshet::docstore {

class Pending {
 public:
  // Takes a change in. One that is not newer than what waits for its document changes nothing.
  void add(const std::string& key, const v1::Change& change);
  // The document was put whole, so nothing newer waits for it.
  void forget(const std::string& key);
  // The operands of a document, the oldest first.
  [[nodiscard]] std::vector<std::string> of(const std::string& key) const;
  // The size of what waits and is not in flight.
  [[nodiscard]] size_t bytes() const;

  // Sets apart what waits. What a flight that failed has left is not lost to readers: it flies again, alone.
  void begin_flight();
  // Writes what flies, one operand for each document.
  void put(kv::SortedRows& rows) const;
  // The store has what flew.
  void land();

 private:
  struct Document {
    uint64_t last = 0;  // the version up to which the operands are all changes
    uint32_t count = 0;
    size_t folded = 0;     // bytes of the operands when they were folded last
    std::string operands;  // each of them with its length (4 bytes) before it
  };
  using Documents = absl::flat_hash_map<std::string, Document>;

  mutable std::mutex mutex_;
  Documents waiting_;
  // Changed only while nobody reads it without the lock: by begin_flight() and land().
  Documents flying_;
  size_t bytes_ = 0;
};

// Folds operands (at least one) into one that has their effect. nullopt: one of them is damaged, or
// there is a gap between them.
[[nodiscard]] std::optional<std::string> fold_operands(std::span<const std::string_view> operands);

}  // namespace freshet::docstore
