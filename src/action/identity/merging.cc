// Merging two entities, and erasing one.
#include <utility>

#include "action/events/attributes.h"
#include "action/events/sorted.h"
#include "action/identity/protocol.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

// Of content; with its frame an `absorb` stays under 512 KiB.
constexpr size_t kChunkBytesMax = FRESHET_BOUND(384u << 10, 100);

bool before(const v1::EntityRef& a, const v1::EntityRef& b) {
  return a.id_high() != b.id_high() ? a.id_high() < b.id_high() : a.id_low() < b.id_low();
}

void add_ref(google::protobuf::RepeatedPtrField<v1::EntityRef>& list, const v1::EntityRef& ref) {
  int at = 0;
  while (at < list.size() && before(list[at], ref)) ++at;
  if (at < list.size() && !before(ref, list[at])) return;
  insert_at(list, at) = ref;
}

// Takes the content away; what tells who it is stays.
void clear_profile(v1::EntityState& state) {
  state.clear_attributes();
  state.clear_sets();
  state.clear_events();
  state.clear_computed();
  state.clear_attached();
  state.clear_merged();
  state.clear_refused();
  state.clear_messages();
  state.clear_first_seen_us();
  state.clear_last_seen_us();
  state.clear_listed_first();
  state.clear_listed_first_use();
}

// Cuts a state into chunks: identifiers (and what else is small) first, then the lists, element by element.
class Chunker {
 public:
  explicit Chunker(const v1::EntityState& state) {
    v1::EntityState& first = chunks_.emplace_back();
    *first.mutable_ref() = state.ref();  // marks the beginning
    *first.mutable_identifiers() = state.identifiers();
    *first.mutable_merged() = state.merged();
    first.set_first_seen_us(state.first_seen_us());
    first.set_last_seen_us(state.last_seen_us());
    first.set_messages(state.messages());
    if (state.has_listed_first()) {
      *first.mutable_listed_first() = state.listed_first();
      *first.mutable_listed_first_use() = state.listed_first_use();
    }
    bytes_ = first.ByteSizeLong();
    add_all(state.attributes(), [](v1::EntityState& s) { return s.mutable_attributes(); });
    add_sets(state);
    add_all(state.events(), [](v1::EntityState& s) { return s.mutable_events(); });
    add_all(state.computed(), [](v1::EntityState& s) { return s.mutable_computed(); });
    add_all(state.attached(), [](v1::EntityState& s) { return s.mutable_attached(); });
  }

  [[nodiscard]] std::vector<v1::EntityState>& chunks() { return chunks_; }

 private:
  v1::EntityState& room_for(size_t bytes) {
    if (bytes_ + bytes > kChunkBytesMax) {
      chunks_.emplace_back();
      bytes_ = 0;
    }
    bytes_ += bytes + 8;
    return chunks_.back();
  }

  template <class List, class Mutable>
  void add_all(const List& list, const Mutable& of) {
    for (const auto& element : list) *of(room_for(element.ByteSizeLong()))->Add() = element;
  }

  void add_sets(const v1::EntityState& state) {  // one set can be larger than a chunk
    for (const v1::ElementSet& set : state.sets())
      for (const v1::SetElement& element : set.elements()) {
        auto& sets = *room_for(element.ByteSizeLong() + set.name().size()).mutable_sets();
        if (sets.empty() || sets[sets.size() - 1].name() != set.name()) sets.Add()->set_name(set.name());
        *sets[sets.size() - 1].add_elements() = element;
      }
  }

  std::vector<v1::EntityState> chunks_;
  size_t bytes_ = 0;
};

}  // namespace

// ---- the loser ----------------------------------------------------------------------------------------------------

void Protocol::on_join(const Loop& m) {
  const Entity* at = entity_at(m.to());
  const auto status = at->state.status();
  const bool has_cause = m.has_cause();
  if (status == v1::EntityState::REDIRECT && (!has_cause || FRESHET_MUTANT(kJoinFollowsRedirect)))
    return join(model::from_proto(at->state.target()), model::from_proto(m.ref()), has_cause ? &m.cause() : nullptr,
                m.received_at_us());
  const bool reason_gone = status == v1::EntityState::LIVE && has_cause && !FRESHET_MUTANT(kJoinForDropped) &&
                           find_identifier(at->state, m.cause().identifier()) < 0;
  if (status == v1::EntityState::REDIRECT || status == v1::EntityState::ERASED || reason_gone) {
    if (!has_cause) return;
    // The home decides anew, asked by the claimant itself, so that its claims and frees keep their order.
    Loop ask;
    ask.set_type(Loop::ASK_AGAIN);
    *ask.mutable_to() = m.cause().claimant();
    *ask.mutable_identifier() = m.cause().identifier();
    ask.set_received_at_us(m.received_at_us());
    return to_entity(std::move(ask));
  }
  Entity* e = reach(m);
  if (e == nullptr) return;
  state::PartitionState::touch(*e, state_);
  e->state.set_status(FRESHET_MUTANT(kRedirectBeforeAbsorbed) ? v1::EntityState::REDIRECT : v1::EntityState::LEAVING);
  *e->state.mutable_target() = m.ref();
  send_state(*e, model::from_proto(m.ref()), has_cause ? &m.cause() : nullptr, m.received_at_us());
}

// The loser keeps its state and its document until the survivor has answered.
void Protocol::send_state(Entity& e, const model::EntityRef& survivor, const v1::Cause* cause, int64_t received_at_us) {
  Chunker chunker(e.state);
  std::vector<v1::EntityState>& chunks = chunker.chunks();
  for (size_t n = 0; n < chunks.size(); ++n) {
    Loop m;
    m.set_type(Loop::ABSORB);
    to_proto(survivor, *m.mutable_to());
    to_proto(e.ref, *m.mutable_ref());
    m.mutable_chunk()->Swap(&chunks[n]);
    m.set_last(n + 1 == chunks.size());
    if (cause != nullptr) *m.mutable_cause() = *cause;
    m.set_received_at_us(received_at_us);
    to_entity(std::move(m));
  }
}

void Protocol::on_absorbed(const Loop& m) {
  Entity* e = entity_at(m.to());
  state::PartitionState::touch(*e, state_);
  e->state.set_status(v1::EntityState::REDIRECT);
  *e->state.mutable_target() = m.ref();
  clear_profile(e->state);
  // Chunks that it had gathered itself: the beginning of what the held messages continue.
  google::protobuf::RepeatedPtrField<Loop> gathered;
  gathered.Swap(e->state.mutable_gathered());
  if (FRESHET_MUTANT(kChunksLeftBehind)) gathered.Clear();
  for (Loop& chunk : gathered) {
    *chunk.mutable_to() = m.ref();
    to_entity(std::move(chunk));
  }
  release(*e);
  google::protobuf::RepeatedPtrField<v1::IdentifierUse> identifiers;
  identifiers.Swap(e->state.mutable_identifiers());
  for (const v1::IdentifierUse& i : identifiers) {
    Loop repoint;
    repoint.set_type(Loop::REPOINT);
    repoint.set_kind(e->ref.kind);
    *repoint.mutable_identifier() = i.identifier();
    to_proto(e->ref, *repoint.mutable_ref());
    *repoint.mutable_other() = m.ref();
    repoint.set_received_at_us(m.received_at_us());
    to_home(std::move(repoint));
  }
  emit_removal(*e, m.received_at_us());
}

void Protocol::on_revive(const Loop& m) {
  Entity* e = entity_at(m.to());
  state::PartitionState::touch(*e, state_);
  e->state.set_status(v1::EntityState::LIVE);
  e->state.clear_target();
  release(*e);
}

void Protocol::on_erased_too(const Loop& m) {
  Entity* e = entity_at(m.to());
  make_erased(*e, m.received_at_us());
  release(*e);
}

// In order, and before anything that comes later.
void Protocol::release(Entity& e) {
  google::protobuf::RepeatedPtrField<Loop> held;
  held.Swap(e.state.mutable_held());
  if (FRESHET_MUTANT(kHeldForgotten)) held.Clear();
  state::PartitionState::touch(e, state_);
  for (Loop& message : held) {
    to_proto(e.ref, *message.mutable_to());
    handle(message);
  }
}

// ---- the survivor -------------------------------------------------------------------------------------------------

void Protocol::on_absorb(const Loop& m) {
  Entity* w = reach(m);
  if (w == nullptr) return;
  state::PartitionState::touch(*w, state_);
  *w->state.add_gathered() = m;
  if (!m.last()) return;
  const model::EntityRef loser = model::from_proto(m.ref());
  google::protobuf::RepeatedPtrField<Loop> chunks;
  google::protobuf::RepeatedPtrField<Loop> others;
  for (Loop& chunk : *w->state.mutable_gathered())
    (model::from_proto(chunk.ref()) == loser ? chunks : others).Add()->Swap(&chunk);
  w->state.mutable_gathered()->Swap(&others);
  FRESHET_ASSERT(!chunks.empty() && chunks[0].chunk().has_ref());

  Loop answer;
  *answer.mutable_to() = m.ref();
  answer.set_received_at_us(m.received_at_us());
  if (w->state.status() == v1::EntityState::ERASED) {
    answer.set_type(FRESHET_MUTANT(kErasedSurvivorRevives) ? Loop::REVIVE : Loop::ERASED_TOO);
    return to_entity(std::move(answer));
  }
  if (m.has_cause() && breaks_limit(*w, chunks[0].chunk()) &&
      !FRESHET_MUTANT(kMergeOverLimit)) {  // only an explicit merge may force it
    ++counters_.refused;
    answer.set_type(Loop::REVIVE);
    to_entity(std::move(answer));
    if (FRESHET_MUTANT(kNoUnlinkOnRefusal)) return;
    Loop unlink;
    unlink.set_type(Loop::UNLINK);
    *unlink.mutable_to() = m.cause().claimant();
    *unlink.mutable_identifier() = m.cause().identifier();
    *unlink.mutable_other() = m.cause().holder();
    unlink.set_received_at_us(m.received_at_us());
    return to_entity(std::move(unlink));
  }
  touched_.clear();
  absorb(*w, loser, chunks);
  if (FRESHET_MUTANT(kAbsorbTwice)) absorb(*w, loser, chunks);
  answer.set_type(Loop::ABSORBED);
  to_proto(w->ref, *answer.mutable_ref());
  to_entity(std::move(answer));
  let_go_over_limit(*w, m.received_at_us());
  touched_.all();
  emit_change(*w, m.received_at_us());
  ++counters_.merged;
}

bool Protocol::breaks_limit(const Entity& w, const v1::EntityState& loser) const {
  for (const v1::IdentifierUse& theirs : loser.identifiers()) {
    const v1::Identifier& i = theirs.identifier();
    if (shared(w.ref.kind, i) || find_identifier(w.state, i) >= 0) continue;
    const uint32_t mine = count_identifiers(w.state, i.type());
    if (mine == 0) continue;
    uint32_t added = 0;
    for (const v1::IdentifierUse& other : loser.identifiers())
      if (other.identifier().type() == i.type() && find_identifier(w.state, other.identifier()) < 0) ++added;
    if (mine + added > model::identifier_limit(i.type(), tenant().rules)) return true;
  }
  return false;
}

void Protocol::absorb(Entity& w, const model::EntityRef& loser, google::protobuf::RepeatedPtrField<Loop>& chunks) {
  const v1::EntityState& head = chunks[0].chunk();
  for (const v1::IdentifierUse& i : head.identifiers()) put_identifier(w.state, i.identifier(), i.use());
  v1::EntityRef loser_ref;
  to_proto(loser, loser_ref);
  add_ref(*w.state.mutable_merged(), loser_ref);
  for (const v1::EntityRef& ref : head.merged()) add_ref(*w.state.mutable_merged(), ref);
  if (head.has_listed_first() && !earlier(head.listed_first_use(), w.state.listed_first_use())) {
    *w.state.mutable_listed_first() = head.listed_first();
    *w.state.mutable_listed_first_use() = head.listed_first_use();
  }
  w.state.clear_refused();  // its identifiers have changed: it may ask again
  for (const Loop& chunk : chunks) {
    absorb_profile(w.state, chunk.chunk(), tenant());
    for (const v1::EntityRef& ref : chunk.chunk().attached()) {
      add_ref(*w.state.mutable_attached(), ref);
    }
  }
}

// ---- erasing ------------------------------------------------------------------------------------------------------

void Protocol::on_erase(const Loop& m) {
  Entity* e = reach(m);
  if (e != nullptr && e->state.status() == v1::EntityState::LIVE) make_erased(*e, m.received_at_us());
}

void Protocol::make_erased(Entity& e, int64_t received_at_us) {
  state::PartitionState::touch(e, state_);
  if (e.ref.kind == v1::ENTITY_KIND_USER) count_erased(e.state.messages());
  ++counters_.erased;
  e.state.set_status(v1::EntityState::ERASED);
  e.state.clear_target();
  clear_profile(e.state);
  google::protobuf::RepeatedPtrField<v1::IdentifierUse> identifiers;
  identifiers.Swap(e.state.mutable_identifiers());
  for (const v1::IdentifierUse& i : identifiers) {
    Loop m;
    const bool frees = shared(e.ref.kind, i.identifier()) || FRESHET_MUTANT(kEraseWithoutSuppress);
    m.set_type(frees ? Loop::FREE : Loop::SUPPRESS);
    m.set_kind(e.ref.kind);
    *m.mutable_identifier() = i.identifier();
    to_proto(e.ref, *m.mutable_ref());
    m.set_received_at_us(received_at_us);
    to_home(std::move(m));
  }
  emit_removal(e, received_at_us);
}

}  // namespace freshet::action
