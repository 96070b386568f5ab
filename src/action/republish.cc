#include "action/republish.h"

#include <algorithm>
#include <string>

#include "action/control.h"
#include "action/events/audiences.h"
#include "action/events/profile.h"
#include "action/read_whole.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "state/entity_list.h"

namespace freshet::action {
namespace {

constexpr size_t kRepublishedInStep = FRESHET_BOUND(256, 3);

// The profile whole, as whoever reads it is shown it.
void say_again(state::Entity& entity, const AudienceContext& context, uint64_t raise, state::PartitionState& state,
               Outputs& out) {
  state::PartitionState::touch(entity, state);
  Touched touched;
  AudienceCounters counters;
  // One that leaves sends what it is in step by step: that must not change meanwhile.
  if (entity.state.status() == v1::EntityState::LIVE) follow_audiences(entity.state, context, touched, out, counters);
  entity.state.set_version(entity.state.version() + 1 + raise);
  if (!out.says_changes()) return out.note_change(entity.state.tenant(), context.received_at_us);
  v1::Change change;
  say_whole(entity.state, context.tenant, change);
  change.set_received_at_us(context.received_at_us);
  out.change(change);
}

// One that was merged away or erased stays what it is; whoever has lost the change that said so hears it now.
void say_gone(state::Entity& entity, int64_t received_at_us, uint64_t raise, state::PartitionState& state,
              Outputs& out) {
  state::PartitionState::touch(entity, state);
  entity.state.set_version(entity.state.version() + 1 + raise);
  if (!out.says_changes()) return out.note_change(entity.state.tenant(), received_at_us);
  v1::Change change;
  say_whose(entity.state, change);
  change.set_remove(true);
  change.set_received_at_us(received_at_us);
  out.change(change);
}

// It had a document once.
bool is_gone(const v1::EntityState& entity) {
  return entity.version() > 0 &&
         (entity.status() == v1::EntityState::REDIRECT || entity.status() == v1::EntityState::ERASED);
}

// A profile that changed since the rules did has been judged with that change.
void judge_user(state::Entity& entity, const AudienceContext& context, state::PartitionState& state, Outputs& out) {
  const bool is_judged = entity.state.audiences_judged() == context.tenant.audiences.hash();
  if (entity.ref.kind != v1::ENTITY_KIND_USER || entity.state.status() != v1::EntityState::LIVE || is_judged) return;
  state::PartitionState::touch(entity, state);
  Touched touched;
  AudienceCounters counters;
  follow_audiences(entity.state, context, touched, out, counters);
  if (!touched.any()) return;
  entity.state.set_version(entity.state.version() + 1);
  if (!out.says_changes()) return out.note_change(entity.state.tenant(), context.received_at_us);
  v1::Change change;
  say_whose(entity.state, change);
  change.set_received_at_us(context.received_at_us);
  touched.describe(entity.state, context.tenant, change);
  out.change(change);
}

// The users of one tenant; others that come meanwhile have a sweep of their own.
const Tenant* judged_tenant(const v1::Republish& asked, const Rules& rules) {
  const Tenant* const tenant = rules.find(asked.judges());
  return tenant != nullptr && tenant->audiences.hash() == asked.audiences() ? tenant : nullptr;
}

bool is_asked_for(const v1::Control& control, const std::string& tenant) {
  return control.tenants().empty() || std::any_of(control.tenants().begin(), control.tenants().end(),
                                                  [&](const v1::TenantRules& rules) { return rules.name() == tenant; });
}

}  // namespace

// A tenant that was not known has no profiles here yet, or has them judged with their changes.
void judge_anew(const std::map<std::string, uint64_t>& before, const v1::Envelope& control, uint32_t partition,
                const Rules& rules, Outputs& out) {
  for (const auto& [name, hash] : rules.audience_hashes()) {
    const auto was = before.find(name);
    if (was == before.end() || was->second == hash) continue;
    v1::Envelope sweep;
    sweep.set_kind(v1::Envelope::CONTROL);
    sweep.set_received_at_us(control.received_at_us());
    v1::Republish& asked = *sweep.mutable_control()->mutable_republish();
    asked.set_judges(name);
    asked.set_audiences(hash);
    out.loop(partition, sweep);
  }
}

bool is_sound(const v1::Republish& asked) {
  const auto is_id = [](const std::string& id) { return id.empty() || id.size() == sizeof(Hash128); };
  return asked.raise() <= kRaiseMost && is_id(asked.after()) && is_id(asked.id());
}

void republish(const v1::Envelope& record, uint32_t partition, const Rules& rules, state::PartitionState& state,
               Outputs& out) {
  FRESHET_ASSERT(record.control().has_republish() && is_sound(record.control().republish()));
  const v1::Republish& asked = record.control().republish();
  const Tenant* const judged = judged_tenant(asked, rules);
  if (!asked.judges().empty() && judged == nullptr) return;
  const std::vector<Hash128> ids = asked.id().empty() ? state::entities_after(state, asked.after(), kRepublishedInStep)
                                                      : std::vector<Hash128>{Hash128::from(asked.id())};
  state.prefetch_entities(ids);
  for (const Hash128& id : ids) {
    state::Entity* entity = state.find_entity(id);
    const bool gone = entity != nullptr && asked.gone_too() && is_gone(entity->state);
    if (entity == nullptr || (!gone && !has_document(entity->state))) continue;
    const Tenant* const tenant = rules.find(entity->state.tenant());
    if (tenant == nullptr) continue;  // One that is configured no longer can't be asked for.
    const AudienceContext context{*tenant, rules, record.received_at_us(), {}};
    if (!is_asked_for(record.control(), entity->state.tenant())) continue;
    if (gone) {
      say_gone(*entity, record.received_at_us(), asked.raise(), state, out);
    } else if (asked.judges().empty()) {
      say_again(*entity, context, asked.raise(), state, out);
    } else if (tenant == judged) {
      judge_user(*entity, context, state, out);
    }
  }
  if (ids.size() < kRepublishedInStep || !asked.id().empty()) return;
  v1::Envelope next = record;
  next.mutable_control()->mutable_republish()->set_after(std::string(ids.back().view()));
  out.loop(partition, next);
}

}  // namespace freshet::action
