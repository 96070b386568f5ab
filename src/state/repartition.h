// Rebuilds the states of P partitions for N: docs/decisions/0016-repartition.md. Each row says in its key where it is
// at home (model/home.h), so it moves as it is; the rows of the dedup window are filed under the clock that the new
// states begin with, each as old as it was.
//
// REQUIRES: the old states are of the same moment and nothing is on its way between them: all of `actions` is in them.
// What the rows themselves show of the contrary is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "freshet/v1/state.pb.h"
#include "kv/store.h"

namespace freshet::state {

// The meta of each new partition, of a new log: offset 0, the rules in force, a clock that is not ahead of any old
// window. kConflict: the old partitions do not have the same rules.
[[nodiscard]] Result<std::vector<v1::PartitionMeta>> repartition_metas(std::span<const v1::PartitionMeta> old,
                                                                       uint32_t partitions);

// Where a row goes, and under which key.
struct MovedRow {
  uint32_t to = 0;  // the new partition
  std::string key;
};

// Decides where the rows of one old partition go. It has no state but the numbers that it was made with.
class RowMover {
 public:
  // `old` is the partition's meta, `made` is any of repartition_metas().
  RowMover(uint32_t partition, uint32_t partitions_before, const v1::PartitionMeta& old, const v1::PartitionMeta& made);

  // True: it goes to `moved`; rows of one kind keep their order. False: it goes nowhere (the meta row, messages out of
  // the window). kConflict: an entity in the middle of something; kCorrupt: not a row of this partition.
  [[nodiscard]] Result<bool> move(std::string_view key, std::string_view row, MovedRow& moved) const;

  // The first span of messages that goes along, and by how many spans later each of them is filed.
  [[nodiscard]] uint32_t lowest_span() const { return lowest_span_; }
  [[nodiscard]] uint32_t spans_later() const { return spans_later_; }

 private:
  const uint32_t partition_, before_, after_;
  const uint32_t lowest_span_, spans_later_;
};

struct RepartitionOptions {
  size_t memory_bytes = 256u << 20;           // of rows that wait to be written, of all threads
  uint32_t threads = 1;                       // that read, move and write rows
  std::function<void(double part)> progress;  // of the whole; called by any of them, one at a time
};

struct Repartitioned {
  uint64_t rows = 0;
  uint64_t bytes = 0;  // of their keys and values
};

// From the old states, in the order of their partitions, into as many empty ones. What is in those after a failure is
// to be thrown away.
[[nodiscard]] Result<Repartitioned> repartition(std::span<kv::Store* const> from, std::span<kv::Store* const> into,
                                                const RepartitionOptions& options = {});

}  // namespace freshet::state
