// The identity protocol decides which entity a record belongs to, over all partitions. There is one object for each
// partition; it does no I/O, reads no clock and is used by one thread. docs/identity.md tells the rules and the
// messages.
//
// Every partition plays two roles:
//   home     It decides who has the identifiers that hash to it (aliases). Were claimants to decide among themselves,
//            two that meet an e-mail address at the same moment would both take it, and one person would be two.
//   host     It keeps the state of the entities whose root identifier hashes to it.
// Four rules keep every partition of the same opinion, whatever the order in which it hears of things:
//   - Of two entities the one that model::survives() names goes on. It compares what was fixed when they were created,
//     so A joins B in one partition and B joins A in another never happen at once.
//   - An identifier is listed first and claimed then. So whoever merges the claimant takes the identifier along.
//   - A loser keeps its state, and holds what arrives for it, until the survivor has answered. Had it redirected at
//     once, a record could overtake the loser's own state on the way to the survivor.
//   - A home obeys a `free` or a `repoint` only if the identifier still leads to the very entity that sends it.
//
// No record makes more than bounded work: what grows with a profile (sending it, taking it in, forwarding what it
// held) goes on in steps. Each is asked for by a STEP message of the entity to itself, through the log, so that a
// profile with a million elements does not hold up the other profiles of its partition. Until it is done, what arrives
// for an entity that is leaving or winding up is held behind what it held before.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "action/events/profile.h"
#include "action/identity/edit.h"
#include "action/identity/turn.h"

namespace freshet::action {

// A message that has to queue behind held ones releases more than it adds, so that the queue ends.
inline constexpr uint64_t kReleasedByArrival = 2;

class Protocol {
 public:
  Protocol(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out,
           const StepBounds& bounds);

  // The rules for everything until the next call. Must stay valid.
  void use_rules(const Rules* rules) { turn_.use_rules(rules); }

  // A record that enters here, not a duplicate, of a known tenant. `routing_key`: alias key of its routing identifier.
  void enter(const v1::Envelope& record, const Tenant& tenant, const Hash128& routing_key);
  // A message that came through the log. REQUIRES: is_well_formed(), and this partition is its target_of(). The
  // message is moved from: what is left of it has no meaning.
  void receive(v1::Loop& message, const std::string& tenant);

  [[nodiscard]] Hash128 alias_key(const std::string& tenant, v1::EntityKind kind,
                                  const v1::Identifier& identifier) const;
  [[nodiscard]] const ProtocolCounters& counters() const { return turn_.counters(); }

 private:
  using Loop = v1::Loop;
  using Entity = state::Entity;
  using Chunks = google::protobuf::RepeatedPtrField<Loop>;

  // Why an entity lists an identifier no longer.
  struct Parting {
    v1::HistoryEntry::What what;
    std::string_view reason;
    const v1::Use& use;                   // of the record that led to it
    const v1::EntityRef* heir = nullptr;  // who has it now; nullptr: it is free, as far as this entity knows
  };

  // ---- dispatching (protocol.cc)
  void drain();
  void handle(Loop& message);
  void dispatch(Loop& message);

  // ---- home (home.cc)
  [[nodiscard]] Hash128 key_at_home(const Loop& m) const;
  model::EntityRef holder_of(v1::EntityKind kind, const v1::Identifier& identifier, const Hash128& key,
                             const v1::Use& use, int64_t received_at_us);
  void on_merge(const Loop& m);
  void on_link(const Loop& m);
  void on_free(const Loop& m, bool suppress);
  void on_repoint(const Loop& m);
  void on_enter_device(const Loop& m);
  void join(const model::EntityRef& a, const model::EntityRef& b, const v1::Cause* cause, const Loop& because);
  void enter_with_holder(const v1::Envelope& record, const model::EntityRef& ref);
  bool enter_without_holder(const v1::Envelope& record, v1::EntityKind kind, const Hash128& routing_key,
                            bool suppressed);
  void grant(const Loop& claim, const Hash128& key);
  void turn_down(const Loop& claim, const model::EntityRef& who, Reason reason);
  void take_from(const Loop& claim, const model::EntityRef& loser, const v1::Use& use);
  [[nodiscard]] bool counts_as_verified(const Loop& claim, const model::EntityRef& who) const;
  std::optional<Reason> too_many_claim(const Loop& claim, const Hash128& key);

  // ---- entities (entities.cc)
  Entity* entity_at(const v1::EntityRef& ref);  // nullptr: the state can't be read
  Entity* reach(const Loop& m);                 // nullptr: the same, or the message was held or forwarded
  [[nodiscard]] bool holds_back(const Entity& e) const;
  void hold(Entity& e, const Loop& m);
  void apply(const model::EntityRef& to, const v1::Envelope& record, const Loop* device_part);
  void apply_live(Entity& e, const v1::Envelope& record, const Loop* device_part);
  void apply_merge(Edit& edit, const v1::Envelope& record);
  void on_apply(const Loop& m);
  void emit_events(Entity& e, const v1::Envelope& record, const std::string& device);
  void count_erased(uint64_t messages, const v1::Envelope* late = nullptr);

  // ---- identifiers of entities (identifiers.cc)
  void apply_identifiers(Edit& edit, const v1::Envelope& record);
  [[nodiscard]] std::optional<Reason> no_room_for(const Entity& e, const v1::Identifier& identifier) const;
  void on_unlink(const Loop& m);
  void on_moved(const Loop& m);
  void on_unlink_record(const Loop& m);
  void on_ask_again(const Loop& m);
  void on_confirm(const Loop& m);
  void claim(Entity& e, const v1::IdentifierUse& identifier, int64_t received_at_us);
  void ask_again(const v1::EntityRef& claimant, const Loop& because);
  void drop(Edit& edit, int position, const Parting& why);
  void let_go_over_limit(Edit& edit);
  void remember_refusal(Entity& e, const v1::Identifier& identifier, bool verified);

  // ---- merging (merging.cc): the survivor
  void on_absorb(Loop& m);
  [[nodiscard]] std::optional<Reason> refusal_of(const Entity& w, const Chunks& chunks) const;
  void refuse(Entity& w, const Chunks& chunks, Reason reason);
  void accept(Entity& w, Chunks& chunks);
  void absorb_one(Entity& w);
  void finish_absorbing(Edit& edit, const Loop& last);

  // ---- merging (leaving.cc): the loser, and work in steps
  void on_join(const Loop& m);
  void point_on(Entity& e, const Loop& m);
  void on_answer(const Loop& m);
  void on_step(const Loop& m);
  void step(Entity& e, int64_t received_at_us);
  void send_chunk(Entity& e, int64_t received_at_us);
  void wind_up(Entity& e, int64_t received_at_us);
  void release(Entity& e, Budget& budget);
  void pass_on_gathered(Entity& e, Budget& budget);
  void repoint(Entity& e, Budget& budget, int64_t received_at_us);
  void repoint_one(Entity& e, int position, int64_t received_at_us);

  // ---- erasing (leaving.cc)
  void on_erase(const Loop& m);
  void make_erased(Entity& e, const Loop& because, bool frees_all);

  // ---- users and devices (devices.cc)
  std::string send_device_part(Entity& user, const v1::Envelope& record);
  [[nodiscard]] v1::Envelope device_part_of(const v1::Envelope& record) const;
  void attach_user(Edit& edit, const Loop& part, const v1::Envelope& record);
  void on_attach(const Loop& m);
  void learn_device(Entity& user, const Loop& m);
  bool add_attached(Edit& edit, const v1::EntityRef& ref);
  void absorb_attached(Edit& edit, const v1::EntityRef& loser, const v1::EntityState& chunk);

  Turn turn_;
  Editor editor_{turn_};
  const Entity* releasing_ = nullptr;  // whose held messages are under way
  PropertyReader properties_;          // a member only for its memory
};

// The fields of an entity fit its status: who leaves or redirects has a target that ranks before it, who lives has
// none, and who has work left has a STEP under way. Holds between any two messages.
[[nodiscard]] bool fits_its_status(const v1::EntityState& entity);

// ---- identifiers of an entity, sorted by (type, value) ----
// Where the identifier is listed; -1: it is not.
[[nodiscard]] int find_identifier(const v1::EntityState& entity, const v1::Identifier& identifier);
// Lists the identifier; if it is listed already, the later use stays (merge_use()).
void put_identifier(v1::EntityState& entity, const v1::Identifier& identifier, const v1::Use& use);
[[nodiscard]] uint32_t count_identifiers(const v1::EntityState& entity, std::string_view type);
// What was refused to it may be granted now.
void forget_refusals(v1::EntityState& entity);

// Whom a record is about: the identifier that it is routed by.
[[nodiscard]] inline const v1::Identifier& routing_of(const v1::Envelope& record) {
  return record.user_size() > 0 ? record.user(0) : record.device(0);
}

}  // namespace freshet::action
