// Rows are copied into large blocks one after the other, which takes the worker's thread a fraction of what an
// allocation for each of a hundred thousand rows would. Sorting is left to the thread that writes.
#include "state/snapshot.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "base/assert.h"

namespace freshet::state {
namespace {

constexpr size_t kBlockBytes = 1u << 20;

}  // namespace

std::string_view Snapshot::keep(std::string_view row) {
  if (row.empty()) return {};
  if (row.size() > room_) {
    room_ = std::max(kBlockBytes, row.size());
    next_ = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(room_)).get();
  }
  FRESHET_ASSERT(row.size() <= room_);
  std::memcpy(next_, row.data(), row.size());
  const std::string_view kept(next_, row.size());
  next_ += row.size();
  room_ -= row.size();
  return kept;
}

void Snapshot::add(char kind, const Hash128& hash, std::string_view row) { rows_.push_back({kind, hash, keep(row)}); }

void Snapshot::put(kv::SortedRows& rows) {
  std::sort(rows_.begin(), rows_.end(),
            [](const Row& a, const Row& b) { return std::tie(a.kind, a.hash) < std::tie(b.kind, b.hash); });
  std::string key;
  for (const Row& row : rows_) {
    key.assign(1, row.kind).append(row.hash.view());
    rows.put(key, row.row);
  }
}

}  // namespace freshet::state
