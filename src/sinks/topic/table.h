// What a state topic says of its profiles, beside the sink that writes it: changes say what is different, the topic
// what is, so the state before is needed. It has nothing that the topic has not: one that is lost, damaged or behind is
// made of the topic again.
//
// Rows (docs/format/state-topic.md), in a kv::Store of their own, without a write-ahead log:
//   r PARTITION ID   a v1::Document        PARTITION: 4 bytes, big endian; ID: 16 bytes
//   m PARTITION      "1 NEXT ASKED"        of the partition of the topic all below offset NEXT is in the rows; ASKED:
//                                          when action was asked for its profiles, in us since 1970; 0: never
//
// Thread-safe as kv::Store is. Errors are the store's: kCorrupt, or health() that is not ok, mean that it is to be
// made again.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/clock.h"
#include "freshet/v1/change.pb.h"
#include "kv/store.h"

namespace freshet::sinks {

struct StateMark {
  int64_t next = 0;
  env::TimeUs asked_at_us = 0;
};

// By id.
using StateRows = std::map<std::string, v1::Document>;

class StateTable {
 public:
  explicit StateTable(std::unique_ptr<kv::Store> store) : store_(std::move(store)) {}
  // In this directory. What can't be read there is thrown away.
  [[nodiscard]] static Result<std::unique_ptr<StateTable>> open(const std::string& directory,
                                                                std::shared_ptr<kv::MemoryBudget> memory);

  // A partition that is not known has a mark of zeros.
  [[nodiscard]] Result<StateMark> mark(uint32_t partition);
  // Partitions that have a mark.
  [[nodiscard]] Result<std::vector<uint32_t>> partitions();
  // nullopt: it is not known.
  [[nodiscard]] Result<std::optional<v1::Document>> find(uint32_t partition, const std::string& id);
  // Rows and mark together, or neither after a crash.
  [[nodiscard]] Status write(uint32_t partition, const StateRows& rows, const StateMark& mark);
  [[nodiscard]] Status drop(uint32_t partition);
  [[nodiscard]] Result<bool> has_rows(uint32_t partition);
  [[nodiscard]] Status health() { return store_->health(); }

 private:
  std::unique_ptr<kv::Store> store_;
};

}  // namespace freshet::sinks
