#include "action/republish.h"

#include "action/read_whole.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "state/entity_list.h"

namespace freshet::action {
namespace {

constexpr size_t kRepublishedInStep = FRESHET_BOUND(256, 3);

void say_again(state::Entity& entity, const Tenant& tenant, const v1::Envelope& record, state::PartitionState& state,
               Outputs& out) {
  state::PartitionState::touch(entity, state);
  entity.state.set_version(entity.state.version() + 1 + record.control().republish().raise());
  if (out.suppressed()) return;
  v1::Change change;
  say_whole(entity.state, tenant, change);
  change.set_received_at_us(record.received_at_us());
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
      say_again(*entity, *tenant, record, state, out);
  }
  if (ids.size() < kRepublishedInStep) return;
  v1::Envelope next = record;
  next.mutable_control()->mutable_republish()->set_after(std::string(ids.back().view()));
  out.loop(partition, next);
}

}  // namespace freshet::action
