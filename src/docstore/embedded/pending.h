// Changes that can be read but are not in the store yet, as merge operands by document key. Thread-safe.
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
  // The document was put whole: nothing newer waits for it.
  void forget(const std::string& key);
  // Operands of a document, oldest first.
  [[nodiscard]] std::vector<std::string> of(const std::string& key) const;
  // What waits and is not in flight.
  [[nodiscard]] size_t bytes() const;

  void begin_flight();                   // REQUIRES: none is under way
  void put(kv::SortedRows& rows) const;  // what flies, one operand per document
  void land();

 private:
  struct Document {
    uint64_t last = 0;  // version; the operands are all changes from some version up to it
    uint32_t count = 0;
    std::string operands;  // each with its length (4 bytes) before it
  };
  using Documents = absl::flat_hash_map<std::string, Document>;

  mutable std::mutex mutex_;
  Documents waiting_;
  Documents flying_;  // changed only while nobody reads it without the lock: by begin_flight() and land()
  size_t bytes_ = 0;
};

// Folds operands (at least one) into one with their effect; nullopt: one of them is damaged, or there is
// a gap between them.
[[nodiscard]] std::optional<std::string> fold_operands(std::span<const std::string_view> operands);

}  // namespace freshet::docstore
