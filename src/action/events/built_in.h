// What the product makes of events and attributes by itself, beside what tenants declare: sessions, subscriptions, and
// whether a device can be reached by push. Pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "action/events/profile.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

// What a record says of its own beside events and attributes. REQUIRES, of all here: tenant.knows_activity.
void apply_built_in_record(v1::EntityState& entity, const v1::Envelope& record, Touched& touched);
void apply_built_in_attribute(v1::EntityState& entity, const v1::AttributeOp& op, const v1::Use& use,
                              const Tenant& tenant, Touched& touched);
void apply_built_in_event(v1::EntityState& entity, const v1::Event& event, const v1::Use& use, const Tenant& tenant,
                          Touched& touched);
// Adds what a merged profile (or a chunk of it) had.
void absorb_built_in(v1::EntityState& entity, const v1::EntityState& from, const Tenant& tenant);

// Notes all that a chunk of an entity's state speaks of.
void touch_built_in(const v1::EntityState& part, v1::EntityKind kind, Touched& touched);
// Notes the state of a device's push token, which follows from others.
void touch_push_token(Touched& touched);
// What documents have; nullopt: nothing. REQUIRES: `section` is SESSIONS, SUBSCRIPTIONS or PUSH_TOKEN.
[[nodiscard]] std::optional<v1::Value> built_in_value(const v1::EntityState& entity, v1::Section section,
                                                      std::string_view name);

// When the record says that the app is gone from its device, for the device's part of it; 0: it does not.
[[nodiscard]] int64_t uninstall_time(const v1::Envelope& record);

}  // namespace freshet::action
