// Cutting the state of an entity into chunks. Where a chunk begins is a number of elements, not of bytes, so that it
// means the same whenever the next chunk is cut; the state itself does not change meanwhile, as a leaving entity holds
// back.
#include "action/identity/chunks.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::action {
namespace {

using google::protobuf::RepeatedPtrField;

constexpr size_t kFrameBytes = 8;  // An element within its list has about so many bytes more.

// Counts through the elements, passes over those that earlier chunks had, and takes the following ones until the chunk
// is full. One element is taken in any case: a single one that is larger than a chunk would otherwise never be sent.
class Cutter {
 public:
  Cutter(uint64_t from, size_t bytes, size_t bytes_max)
      : skip_(from), next_(from), bytes_(bytes), bytes_max_(bytes_max) {}

  template <class T>
  void add_all(const RepeatedPtrField<T>& list, RepeatedPtrField<T>* out) {
    add_parts(list, [out] { return out; });
  }

  // `open` makes the list that the parts go to. It is called only if there are any, so that no empty list is sent.
  template <class T, class Open>
  void add_parts(const RepeatedPtrField<T>& parts, const Open& open) {
    RepeatedPtrField<T>* out = nullptr;
    for (int i = skip(parts.size()); i < parts.size() && fits(parts[i].ByteSizeLong()); ++i) {
      if (out == nullptr) out = open();
      *out->Add() = parts[i];
    }
  }

  // How many of a list's `size` elements earlier chunks had.
  int skip(int size) {
    const auto skipped = static_cast<int>(std::min<uint64_t>(skip_, static_cast<uint64_t>(size)));
    skip_ -= static_cast<uint64_t>(skipped);
    return skipped;
  }

  bool fits(size_t bytes) {
    if (full_ || (any_ && bytes_ + bytes > bytes_max_)) {
      full_ = true;
      return false;
    }
    any_ = true;
    bytes_ += bytes + kFrameBytes;
    ++next_;
    return true;
  }

  [[nodiscard]] Cut result() const { return {next_, !full_}; }

 private:
  uint64_t skip_;
  uint64_t next_;
  size_t bytes_;
  const size_t bytes_max_;
  bool any_ = false;
  bool full_ = false;
};

void add_computed(const v1::EntityState& state, Cutter& cutter, v1::EntityState& chunk) {
  for (const v1::Computed& computed : state.computed()) {
    v1::Computed* out = nullptr;
    // First comes the accumulator itself, once; then its values, as elements of an accumulator with the count 0. A
    // survivor adds the counts of all parts, so a count that went along with each of them would be multiplied.
    if (cutter.skip(1) == 0) {
      v1::Computed head = computed;
      head.clear_set();
      if (cutter.fits(head.ByteSizeLong())) (out = chunk.add_computed())->Swap(&head);
    }
    cutter.add_parts(computed.set(), [&] {
      if (out == nullptr) {
        out = chunk.add_computed();
        out->set_name(computed.name());
        out->set_definition(computed.definition());
      }
      return out->mutable_set();
    });
  }
}

void set_head(const v1::EntityState& state, v1::EntityState& chunk) {
  *chunk.mutable_ref() = state.ref();
  chunk.set_first_seen_us(state.first_seen_us());
  chunk.set_last_seen_us(state.last_seen_us());
  if (state.has_sessions()) *chunk.mutable_sessions() = state.sessions();
  if (state.has_windows()) *chunk.mutable_windows() = state.windows();
  *chunk.mutable_subscriptions() = state.subscriptions();
  if (state.has_uninstalled()) *chunk.mutable_uninstalled() = state.uninstalled();
  if (!state.has_listed_first()) return;
  *chunk.mutable_listed_first() = state.listed_first();
  *chunk.mutable_listed_first_use() = state.listed_first_use();
}

}  // namespace

Cut cut_chunk(const v1::EntityState& state, uint64_t from, size_t bytes_max, v1::EntityState& chunk) {
  FRESHET_ASSERT(bytes_max > 0);
  FRESHET_ASSERT(state.packed().empty());  // What is packed would be left out.
  if (from == 0) set_head(state, chunk);
  Cutter cutter(from, chunk.ByteSizeLong(), bytes_max);
  cutter.add_all(state.identifiers(), chunk.mutable_identifiers());
  cutter.add_all(state.merged(), chunk.mutable_merged());
  cutter.add_all(state.attributes(), chunk.mutable_attributes());
  for (const v1::ElementSet& set : state.sets())
    cutter.add_parts(set.elements(), [&] {
      v1::ElementSet& out = *chunk.add_sets();
      out.set_name(set.name());
      return out.mutable_elements();
    });
  cutter.add_all(state.events(), chunk.mutable_events());
  add_computed(state, cutter, chunk);
  cutter.add_all(state.attached(), chunk.mutable_attached());
  cutter.add_all(state.known_as(), chunk.mutable_known_as());
  cutter.add_all(state.history(), chunk.mutable_history());
  cutter.add_all(state.audiences(), chunk.mutable_audiences());
  const Cut cut = cutter.result();
  FRESHET_ASSERT(cut.next >= from && (cut.last || cut.next > from));
  if (cut.last) chunk.set_messages(state.messages());
  return cut;
}

}  // namespace freshet::action
