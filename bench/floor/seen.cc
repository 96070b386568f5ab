#include "floor/seen.h"

#include <algorithm>
#include <numeric>

namespace freshet::bench {

Status Seen::take(const std::vector<Hash128>& ids, std::vector<bool>& first) {
  first.assign(ids.size(), false);
  order_.resize(ids.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
  // Of ids that are twice in a batch the first one counts.
  std::ranges::stable_sort(order_, [&](size_t a, size_t b) { return ids[a] < ids[b]; });
  keys_.clear();
  std::erase_if(order_, [&](size_t at) { return !fresh_.insert(ids[at]).second; });
  for (const size_t at : order_) {
    first[at] = true;
    keys_.push_back(ids[at].view());
  }
  if (keys_.empty()) return {};
  return store_.multi_get(keys_, [&](size_t i, std::string_view) { first[order_[i]] = false; });
}

Status Seen::write() {
  std::vector<Hash128> sorted(fresh_.begin(), fresh_.end());
  std::ranges::sort(sorted);
  fresh_.clear();
  if (sorted.empty()) return {};
  return store_.write_sorted([&](kv::SortedRows& rows) {
    for (const Hash128& id : sorted) rows.put(id.view(), {});
  });
}

}  // namespace freshet::bench
