// What one thread of a repartitioning does (state/repartition.h): it takes its ranges of rows from all old states and
// deals them out to the new ones, sorted, in files. Memory is bounded by the numbers that it is made with.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kv/store.h"
#include "state/repartition.h"
#include "state/row_ranges.h"

namespace freshet::state {

// One thread uses it; others may work on the same stores.
class RowDealer {
 public:
  // `movers`: of the stores in `from`. All of these outlive it. `bytes_max`: of rows in memory, about.
  RowDealer(std::span<kv::Store* const> from, std::span<const RowMover> movers, std::span<kv::Store* const> into,
            size_t bytes_max);

  // The rows of a kind whose hashes begin with [begin, end). Some of them may wait in memory afterwards. `done` is told
  // of each part of that, in hashes; false from it ends the work early, as somebody else has failed.
  [[nodiscard]] Status deal(RowKind kind, uint64_t begin, uint64_t end, const std::function<bool(uint64_t)>& done);
  // Writes what waits, if it is worth files of its own or `all`.
  [[nodiscard]] Status write_waiting(bool all);

  [[nodiscard]] const Repartitioned& dealt() const { return dealt_; }

 private:
  // A row of the range that is being gathered, in bytes_: its key, then its value.
  struct Row {
    uint64_t order;  // the first bytes of what keys of a range differ in
    size_t at;
    uint32_t key, value;  // sizes
    uint32_t to;
  };
  // Rows for one new partition, in the order of their keys.
  struct Waiting {
    std::vector<std::pair<uint32_t, uint32_t>> sizes;  // of key and value
    std::string bytes;
    [[nodiscard]] size_t size() const { return bytes.size() + sizes.size() * sizeof sizes[0]; }
  };

  // False: there is more than a range may have.
  [[nodiscard]] Result<bool> gather(RowKind kind, uint64_t begin, uint64_t end);
  [[nodiscard]] Result<bool> gather_from(size_t partition, const KeyRange& keys, size_t bytes_max);
  [[nodiscard]] Status hand_out();
  [[nodiscard]] Status write(size_t partition);

  const std::span<kv::Store* const> from_;
  const std::span<const RowMover> movers_;
  const std::span<kv::Store* const> into_;
  const size_t waiting_max_, range_max_;
  uint64_t width_;  // of the next range
  std::string bytes_;
  std::vector<Row> rows_;
  std::vector<Waiting> waiting_;  // by new partition
  size_t waiting_bytes_ = 0;
  Repartitioned dealt_;
};

}  // namespace freshet::state
