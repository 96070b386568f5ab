#include "action/republish.h"

#include "action/events/audiences.h"
#include "action/events/profile.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "state/entity_list.h"

namespace freshet::action {
namespace {

constexpr size_t kRepublishedInStep = FRESHET_BOUND(256, 3);

// Only those with a document. One that was never said has none, nor has one that was merged away or erased: a change of
// it would bring one back.
bool has_document(const v1::EntityState& entity) {
  return entity.version() > 0 &&
         (entity.status() == v1::EntityState::LIVE || entity.status() == v1::EntityState::LEAVING);
}

void say_whole(state::Entity& entity, const Tenant& tenant, const Rules& rules, const v1::Envelope& record,
               state::PartitionState& state, Outputs& out) {
  state::PartitionState::touch(entity, state);
  entity.state.set_version(entity.state.version() + 1 + record.control().republish().raise());
  Touched touched;
  touched.all();
  // One that leaves sends what it is in step by step: that must not change meanwhile.
  if (entity.state.status() == v1::EntityState::LIVE) {
    const auto moves = judge_audiences(entity.state, tenant, record.received_at_us(), touched);
    AudienceCounters counters;
    say_moves(moves, entity.state, tenant,
              {entity.state.version(), record.received_at_us(), {}, nullptr, rules.events_as_protobuf()}, out, counters);
  }
  if (out.suppressed()) return;
  v1::Change change;
  change.set_tenant(entity.state.tenant());
  change.set_kind(entity.ref.kind);
  change.set_id(std::string(entity.ref.id.view()));
  change.set_version(entity.state.version());
  change.set_received_at_us(record.received_at_us());
  touched.describe(entity.state, tenant, change);
  out.change(change);
}

}  // namespace

void republish(const v1::Envelope& record, uint32_t partition, const Rules& rules, state::PartitionState& state,
               Outputs& out) {
  FRESHET_ASSERT(record.control().has_republish());
  const std::vector<Hash128> ids =
      state::entities_after(state, record.control().republish().after(), kRepublishedInStep);
  state.prefetch_entities(ids);
  for (const Hash128& id : ids) {
    state::Entity* entity = state.find_entity(id);
    if (entity == nullptr || !has_document(entity->state)) continue;
    // A tenant that is configured no longer can't be asked for.
    if (const Tenant* tenant = rules.find(entity->state.tenant()); tenant != nullptr)
      say_whole(*entity, *tenant, rules, record, state, out);
  }
  if (ids.size() < kRepublishedInStep) return;
  v1::Envelope next = record;
  next.mutable_control()->mutable_republish()->set_after(std::string(ids.back().view()));
  out.loop(partition, next);
}

}  // namespace freshet::action
