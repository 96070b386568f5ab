#include "state/entity_list.h"

#include <algorithm>
#include <string>

#include "state/partition_state.h"

namespace freshet::state {

std::vector<Hash128> entities_after(PartitionState& state, std::string_view after, size_t count) {
  std::vector<Hash128> ids;
  const auto add = [&](const Hash128& id) {
    if (after.empty() || id.view() > after) ids.push_back(id);
  };
  for (const Entity* entity : state.touched_entities_) add(entity->ref.id);
  for (const Hash128& id : state.changed_.dirty_entities()) add(id);
  for (const Hash128& id : state.changed_.flying_entities()) add(id);
  std::string begin = "e" + std::string(after);
  if (!after.empty()) begin += '\0';  // the smallest key behind that one
  size_t stored = 0;
  state.note(state.store_->scan(begin, "f", [&](std::string_view key, std::string_view) {
    ids.push_back(Hash128::from(key.substr(1)));
    return ++stored < count;
  }));
  if (!state.status()) return {};
  std::sort(ids.begin(), ids.end(), [](const Hash128& a, const Hash128& b) { return a.view() < b.view(); });
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  ids.resize(std::min(ids.size(), count));
  return ids;
}

}  // namespace freshet::state
