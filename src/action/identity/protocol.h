// The identity protocol decides which entity a record belongs to, over all partitions. There is one object for each
// partition; it does no I/O, reads no clock and is used by one thread. docs/identity.md tells the rules and the
// messages.
//
// Every partition plays two roles:
//   home     It decides who has the identifiers that hash to it (aliases). Were claimants to decide among themselves,
//            two that meet an e-mail address at the same moment would both take it, and one person would be two.
//   host     It keeps the state of the entities whose root identifier hashes to it.
// Whatever is for another partition leaves through Outputs as a Loop message in `actions`. Whatever is for this one is
// done within the same turn, in the order in which it was sent: a claim that overtook the `free` before it would be
// undone by it.
//
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
//
// Each role is a class with a header of its own: home.h; and of a host host.h (records), links.h (identifiers),
// devices.h, merging.h (survivors), leaving.h (losers), erasing.h. What they share in a turn is in turn.h, edit.h and
// arrivals.h; what goes on in steps, in steps.h.
#pragma once

#include <string>

#include "action/identity/arrivals.h"
#include "action/identity/counters.h"
#include "action/identity/devices.h"
#include "action/identity/edit.h"
#include "action/identity/erasing.h"
#include "action/identity/home.h"
#include "action/identity/host.h"
#include "action/identity/leaving.h"
#include "action/identity/links.h"
#include "action/identity/merging.h"
#include "action/identity/steps.h"
#include "action/identity/turn.h"
#include "action/outputs.h"
#include "action/rules.h"
#include "state/partition_state.h"

namespace freshet::action {

class Protocol final : private MessageHandler {
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
  // A message that came through the log and can't be: a dead letter, and an answer if somebody waits for one.
  // REQUIRES: if it is a chunk of a loser's state, it names the loser, with its kind.
  void turn_away(const v1::Loop& message, const std::string& tenant);

  [[nodiscard]] Hash128 alias_key(const std::string& tenant, v1::EntityKind kind,
                                  const v1::Identifier& identifier) const;
  [[nodiscard]] const ProtocolCounters& counters() const { return turn_.counters(); }

 private:
  void handle(v1::Loop& message) override;
  void dispatch(v1::Loop& message);
  void drain();

  // Each knows only those before it.
  Turn turn_;
  Editor editor_{turn_};
  Arrivals arrivals_{turn_, *this};
  Erasing erasing_{turn_, editor_, arrivals_};
  Links links_{turn_, editor_, arrivals_};
  Devices devices_{turn_, editor_, arrivals_, erasing_};
  Host host_{turn_, editor_, arrivals_, links_, devices_};
  Home home_{turn_, editor_, host_};
  Merging merging_{turn_, editor_, arrivals_, links_, devices_};
  Leaving leaving_{turn_, editor_, arrivals_, erasing_};
  Steps steps_{turn_, arrivals_, merging_, leaving_};
};

}  // namespace freshet::action
