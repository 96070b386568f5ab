#include "ingest/items/repeats.h"

#include <functional>
#include <string>
#include <string_view>

#include "base/assert.h"

namespace freshet::ingest {
namespace {

constexpr size_t kProbesMax = 16;

size_t place_of(const v1::Envelope& envelope) { return std::hash<std::string_view>()(envelope.message_id()); }

// What decides in which partition an envelope is counted.
const v1::Identifier* first_of(const v1::Envelope& envelope) {
  if (!envelope.user().empty()) return &envelope.user(0);
  return envelope.device().empty() ? nullptr : &envelope.device(0);
}

bool has_id(const v1::Envelope& a, const v1::Envelope& b) {
  if (a.message_id() != b.message_id()) return false;
  const v1::Identifier* const of_a = first_of(a);
  const v1::Identifier* const of_b = first_of(b);
  return of_a != nullptr && of_b != nullptr && a.user().empty() == b.user().empty() && of_a->type() == of_b->type() &&
         of_a->value() == of_b->value();
}

std::string content_of(v1::Envelope envelope) {
  envelope.clear_time_us();
  for (v1::Event& event : *envelope.mutable_events()) event.clear_time_us();
  return envelope.SerializeAsString();
}

}  // namespace

std::optional<size_t> RepeatFinder::other_with_id(const std::vector<v1::Envelope*>& taken,
                                                  const v1::Envelope& envelope) const {
  std::optional<size_t> found;
  if (slots_.empty()) {
    if (taken.size() == 1 && has_id(*taken[0], envelope)) found = 0;
  } else {
    const size_t begin = place_of(envelope);
    for (size_t i = 0; i < kProbesMax && !found; ++i) {
      const uint32_t slot = slots_[(begin + i) & (slots_.size() - 1)];
      if (slot == 0) break;
      // A parser may have taken back what was here.
      if (slot <= taken.size() && has_id(*taken[slot - 1], envelope)) found = slot - 1;
    }
  }
  return found && content_of(*taken[*found]) != content_of(envelope) ? found : std::nullopt;
}

void RepeatFinder::add(const std::vector<v1::Envelope*>& taken) {
  FRESHET_ASSERT(!taken.empty());
  if (taken.size() == 1) {
    // Many requests have one item, and need no table.
    slots_.clear();
    return;
  }
  if (slots_.empty() || 2 * (used_ + 1) > slots_.size()) {
    size_t size = 64;
    while (size < 4 * taken.size()) size *= 2;
    slots_.assign(size, 0);
    used_ = 0;
    for (size_t i = 0; i + 1 < taken.size(); ++i) insert(taken, i);
  }
  insert(taken, taken.size() - 1);
}

void RepeatFinder::insert(const std::vector<v1::Envelope*>& taken, size_t index) {
  const v1::Envelope& envelope = *taken[index];
  const size_t begin = place_of(envelope);
  for (size_t i = 0; i < kProbesMax; ++i) {
    uint32_t& slot = slots_[(begin + i) & (slots_.size() - 1)];
    if (slot == 0) {
      slot = static_cast<uint32_t>(index + 1);
      ++used_;
      return;
    }
    // One of those that say the same is enough.
    if (slot <= taken.size() && has_id(*taken[slot - 1], envelope)) return;
  }
}

}  // namespace freshet::ingest
