#include "action/events/built_in.h"

#include <algorithm>
#include <string>

#include "action/events/attributes.h"
#include "action/events/person_limits.h"
#include "action/events/push_token.h"
#include "action/events/sessions.h"
#include "action/events/subscriptions.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/session_gap.h"

namespace freshet::action {
namespace {

constexpr std::string_view kCount = "count", kCurrent = "current", kSeconds = "seconds";
constexpr std::string_view kTokenReason = "reason", kTokenState = "state", kTokenValue = "value";

bool is_device(const v1::EntityState& entity) { return entity.ref().kind() == v1::ENTITY_KIND_DEVICE; }

v1::Value text_value(std::string_view text) {
  v1::Value value;
  value.set_text(text.data(), text.size());
  return value;
}

void note_subscription(v1::EntityState& entity, const std::optional<Subscription>& subscription, const v1::Use& use,
                       Touched& touched) {
  if (!subscription || !write_subscription(entity, *subscription, use)) return;
  touched.add(v1::SUBSCRIPTIONS, subscription->channel);
  if (is_device(entity)) touch_push_token(touched);
}

void note_uninstalled(v1::EntityState& device, const v1::Use& use, Touched& touched) {
  if (note_uninstall(device, use)) touch_push_token(touched);
}

std::optional<v1::Value> session_value(const v1::Sessions& sessions, std::string_view name) {
  if (sessions.recent().empty()) return std::nullopt;
  v1::Value value;
  if (name == kCount) value.set_integer(static_cast<int64_t>(session_count(sessions)));
  if (name == kSeconds) value.set_integer(session_seconds(sessions));
  if (name == kCurrent) *value.mutable_stats() = last_session(sessions);
  return value;
}

std::optional<v1::Value> token_value(const v1::EntityState& device, std::string_view name) {
  const std::optional<PushToken> token = push_token_of(device);
  if (!token) return std::nullopt;
  if (name == kTokenValue) return text_value(token->value);
  if (name == kTokenState) return text_value(token->invalid.empty() ? "valid" : "invalid");
  return token->invalid.empty() ? std::nullopt : std::optional(text_value(token->invalid));
}

}  // namespace

// ---- records ------------------------------------------------------------------------------------------------------

void apply_built_in_record(v1::EntityState& entity, const v1::Envelope& record, Touched& touched) {
  if (!is_device(entity)) return;
  if (record.uninstalled_us() != 0) {
    v1::Use use = use_of(record);
    use.set_time_us(record.uninstalled_us());
    note_uninstalled(entity, use, touched);
  }
  // Another token may be the last one used now.
  const auto is_token = [](const v1::Identifier& i) { return i.type() == kPushToken; };
  if (std::any_of(record.device().begin(), record.device().end(), is_token)) touch_push_token(touched);
}

// What is unset says nothing: neither that somebody wants messages nor that he does not.
void apply_built_in_attribute(v1::EntityState& entity, const v1::AttributeOp& op, const v1::Use& use,
                              const Tenant& tenant, Touched& touched) {
  if (op.type() == v1::AttributeOp::SET)
    note_subscription(entity, subscription_of_attribute(op.name(), op.value(), tenant.knows_short_words), use, touched);
}

void apply_built_in_event(v1::EntityState& entity, const v1::Event& event, const v1::Use& use, const Tenant& tenant,
                          Touched& touched) {
  v1::Sessions& sessions = *entity.mutable_sessions();
  const int64_t seconds = session_seconds(sessions);
  const bool other_count = note_activity(sessions, event.time_us(), model::session_gap_us(tenant.rules));
  if (other_count) touched.add(v1::SESSIONS, kCount);
  if (other_count || session_seconds(sessions) != seconds) touched.add(v1::SESSIONS, kSeconds);
  touched.add(v1::SESSIONS, kCurrent);
  note_subscription(entity, subscription_of_event(event.name()), use, touched);
  if (is_device(entity) && is_uninstall(event.name())) note_uninstalled(entity, use, touched);
}

void absorb_built_in(v1::EntityState& entity, const v1::EntityState& from, const Tenant& tenant) {
  if (from.has_sessions())
    absorb_sessions(*entity.mutable_sessions(), from.sessions(), model::session_gap_us(tenant.rules));
  if (from.has_windows()) absorb_windows(*entity.mutable_windows(), from.windows());
  absorb_subscriptions(entity, from);
  if (from.has_uninstalled() && !FRESHET_MUTANT(kUninstallStaysBehind)) note_uninstall(entity, from.uninstalled());
}

int64_t uninstall_time(const v1::Envelope& record) {
  int64_t time_us = 0;
  for (const v1::Event& event : record.events())
    if (is_uninstall(event.name())) time_us = std::max(time_us, event.time_us());
  return time_us;
}

// ---- documents ----------------------------------------------------------------------------------------------------

void touch_built_in(const v1::EntityState& part, v1::EntityKind kind, Touched& touched) {
  if (part.has_sessions())
    for (const std::string_view name : {kCount, kCurrent, kSeconds}) touched.add(v1::SESSIONS, name);
  for (const v1::Register& r : part.subscriptions()) touched.add(v1::SUBSCRIPTIONS, r.name());
  const bool reachable = part.has_uninstalled() || !part.subscriptions().empty() || !part.identifiers().empty();
  if (kind == v1::ENTITY_KIND_DEVICE && reachable) touch_push_token(touched);
}

void touch_push_token(Touched& touched) {
  for (const std::string_view name : {kTokenReason, kTokenState, kTokenValue}) touched.add(v1::PUSH_TOKEN, name);
}

std::optional<v1::Value> built_in_value(const v1::EntityState& entity, v1::Section section, std::string_view name) {
  switch (section) {
    case v1::SESSIONS: return session_value(entity.sessions(), name);
    case v1::SUBSCRIPTIONS:
      if (const auto word = subscription_word(entity, name)) return text_value(*word);
      return std::nullopt;
    case v1::PUSH_TOKEN: return token_value(entity, name);
    default: break;
  }
  FRESHET_ASSERT(false && "the section is one of these rules");
  return std::nullopt;
}

}  // namespace freshet::action
