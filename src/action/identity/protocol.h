// The identity protocol: which entity a record belongs to, over all partitions. One object per partition; no I/O, no
// clock, no threads. docs/identity.md tells the messages with examples; docs/decisions/ says what each rule prevents.
//
// Two roles, both played by every partition:
//   home     of the identifiers that hash to it: decides who has one (aliases)
//   entities that live here, because their root identifier does: keep the state
// Whatever is for another partition leaves through Outputs as a Loop message in `actions`; whatever is for this one is
// done within the same step, in the order sent.
#pragma once

#include <deque>
#include <string>

#include "action/events/profile.h"
#include "action/outputs.h"
#include "action/rules.h"
#include "state/partition_state.h"

namespace freshet::action {

struct ProtocolCounters {
  uint64_t created = 0, linked = 0, merged = 0, refused = 0, erased = 0, erased_messages = 0, dropped_identifiers = 0;
};

class Protocol {
 public:
  Protocol(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out);

  // The rules for everything until the next call. Must stay valid.
  void use_rules(const Rules* rules) { rules_ = rules; }

  // A record that enters here, not a duplicate, of a known tenant. `routing_key`: alias key of its routing identifier.
  void enter(const v1::Envelope& record, const Tenant& tenant, const Hash128& routing_key);
  void receive(v1::Loop&& message, const std::string& tenant);

  [[nodiscard]] Hash128 alias_key(const std::string& tenant, v1::EntityKind kind,
                                  const v1::Identifier& identifier) const;
  [[nodiscard]] const ProtocolCounters& counters() const { return counters_; }

 private:
  using Loop = v1::Loop;
  using Entity = state::Entity;

  // ---- sending
  void to_entity(Loop&& message);
  void to_home(Loop&& message);
  void send(uint32_t target, Loop&& message);
  void drain();
  void handle(Loop& message);

  // ---- home (home.cc)
  model::EntityRef holder_of(v1::EntityKind kind, const v1::Identifier& identifier, const Hash128& key,
                             const v1::Use& use);
  void on_merge(const Loop& m);
  void on_link(const Loop& m);
  void on_free(const Loop& m, bool suppress);
  void on_repoint(const Loop& m);
  void on_enter_device(const Loop& m);
  void join(const model::EntityRef& a, const model::EntityRef& b, const v1::Cause* cause, int64_t received_at_us);
  void join_at(const model::EntityRef& loser, const model::EntityRef& survivor, const v1::Cause* cause,
               int64_t received_at_us);
  void enter_with_holder(const v1::Envelope& record, const model::EntityRef& ref);
  bool enter_without_holder(const v1::Envelope& record, v1::EntityKind kind, const Hash128& routing_key,
                            bool suppressed);
  void send_device_part(const v1::Envelope& record, const model::EntityRef& user);

  // ---- entities (entities.cc)
  Entity* entity_at(const v1::EntityRef& ref);
  Entity* reach(const Loop& m);  // nullptr: the message was held or forwarded
  void apply(const model::EntityRef& to, const v1::Envelope& record, const v1::EntityRef* attach);
  void apply_live(Entity& e, const v1::Envelope& record, const v1::EntityRef* attach);
  void apply_identifiers(Entity& e, const v1::Envelope& record);
  void on_apply(const Loop& m);
  void on_unlink(const Loop& m);
  void on_unlink_record(const Loop& m);
  void on_erase(const Loop& m);
  void on_join(const Loop& m);
  void on_ask_again(const Loop& m);
  void on_absorb(const Loop& m);
  void on_absorbed(const Loop& m);
  void on_revive(const Loop& m);
  void on_erased_too(const Loop& m);
  void on_confirm(const Loop& m);
  void on_attach(const Loop& m);
  void absorb(Entity& w, const model::EntityRef& loser, google::protobuf::RepeatedPtrField<Loop>& chunks);
  [[nodiscard]] bool breaks_limit(const Entity& w, const v1::EntityState& loser) const;
  void claim(Entity& e, const v1::IdentifierUse& identifier, int64_t received_at_us);
  void drop(Entity& e, int position, int64_t received_at_us);
  void let_go_over_limit(Entity& e, int64_t received_at_us);
  void attach(Entity& e, const v1::EntityRef& other, int64_t received_at_us);
  void make_erased(Entity& e, int64_t received_at_us);
  void send_state(Entity& e, const model::EntityRef& survivor, const v1::Cause* cause, int64_t received_at_us);
  void release(Entity& e);
  void remember_refusal(Entity& e, const v1::Identifier& identifier);
  void count_erased(uint64_t messages);
  void emit_events(Entity& e, const v1::Envelope& record);
  void emit_change(Entity& e, int64_t received_at_us);
  void emit_removal(Entity& e, int64_t received_at_us);

  [[nodiscard]] const Tenant& tenant() const { return *tenant_; }
  [[nodiscard]] bool shared(v1::EntityKind kind, const v1::Identifier& i) const;

  uint32_t partition_;
  uint32_t partitions_;
  state::PartitionState& state_;
  Outputs& out_;
  const Rules* rules_ = nullptr;
  const Tenant* tenant_ = nullptr;  // of the message under way
  std::string tenant_name_;
  std::deque<Loop> local_;  // messages to this partition, within the step
  v1::Envelope envelope_;   // reused for what leaves
  v1::Change change_;       // reused
  Touched touched_;
  PropertyReader properties_;
  std::unique_ptr<Entity> scratch_;  // stands in for an entity that could not be read: the batch is given up
  ProtocolCounters counters_;
};

// ---- identifiers of an entity, sorted by (type, value) ----
[[nodiscard]] int find_identifier(const v1::EntityState& entity, const v1::Identifier& identifier);  // -1: not listed
void put_identifier(v1::EntityState& entity, const v1::Identifier& identifier,
                    const v1::Use& use);  // the later use stays
[[nodiscard]] uint32_t count_identifiers(const v1::EntityState& entity, std::string_view type);

}  // namespace freshet::action
