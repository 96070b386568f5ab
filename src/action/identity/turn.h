// What is shared by all who take part in handling one record or message: the state of the partition, what is said, the
// rules that hold, whose turn it is, and how messages set out. It decides nothing.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "action/events/audiences.h"
#include "action/identity/chunks.h"
#include "action/identity/counters.h"
#include "action/outputs.h"
#include "action/rules.h"
#include "base/mutant.h"
#include "state/partition_state.h"

namespace freshet::action {

// Bounds of one step: it begins nothing more once one of them is used up. They are part of the logic. A worker that
// replays with other bounds would end its steps elsewhere, and say other things than were committed. (Tests take small
// ones.)
struct StepBounds {
  size_t chunk_bytes = FRESHET_BOUND(kChunkBytesMax, 800);
  size_t bytes = FRESHET_BOUND(128u << 10, 4000);
  uint64_t messages = FRESHET_BOUND(64, 12);  // held messages released and identifiers repointed, together
};

// An entity that has something to go on with (steps.h); nullptr: there is nothing to do.
struct Work {
  state::Entity* entity = nullptr;
  int64_t received_at_us = 0;
};

class Turn {
 public:
  Turn(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out, const StepBounds& bounds);
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  void use_rules(const Rules* rules) { rules_ = rules; }
  // REQUIRES: the turn before is over: none of its messages is left. A null `tenant` is one that the rules no longer
  // know.
  void begin(const std::string& tenant_name, const Tenant* tenant);
  // Which trace what follows belongs to ("": none that is wanted). Returns the one before.
  std::string_view follow(std::string_view trace_parent) { return std::exchange(trace_, trace_parent); }

  [[nodiscard]] state::PartitionState& state() const { return state_; }
  [[nodiscard]] Outputs& out() const { return out_; }
  [[nodiscard]] const StepBounds& bounds() const { return bounds_; }
  [[nodiscard]] const Rules& rules() const { return *rules_; }
  [[nodiscard]] const Tenant& tenant() const { return *tenant_; }
  [[nodiscard]] const std::string& tenant_name() const { return tenant_name_; }
  [[nodiscard]] std::string_view trace() const { return trace_; }
  [[nodiscard]] ProtocolCounters& counters() { return counters_; }
  [[nodiscard]] const ProtocolCounters& counters() const { return counters_; }

  // What hashes to this, an entity's id or an alias key, is at home in this partition.
  [[nodiscard]] bool is_here(const Hash128& hash) const;
  [[nodiscard]] bool shared(v1::EntityKind kind, const v1::Identifier& identifier) const;
  void count_dropped(Reason reason) { ++counters_.dropped_by[static_cast<size_t>(reason)]; }
  // What is changed of the entity is kept.
  void touch(state::Entity& entity) { state::PartitionState::touch(entity, state_); }

  // A message that cannot be: no partition has sent it, or one that was told of what is not. It is a dead letter, and
  // nothing is done. In tests and in the simulator, where nobody forges messages, there must be none.
  void set_aside(const v1::Loop& message);

  // ---- sending
  void to_entity(v1::Loop&& message);
  void to_home(v1::Loop&& message);
  // To an entity of this partition, but through the log: other records have their turn before.
  void to_later_turn(v1::Loop&& message) { send_through_log(partition_, std::move(message)); }
  // The next message to this partition; nullopt: the turn is over.
  [[nodiscard]] std::optional<v1::Loop> next();

 private:
  void send(v1::Loop&& message);
  void send_through_log(uint32_t target, v1::Loop&& message);
  [[nodiscard]] v1::Envelope& begin_envelope(const v1::Loop& message);

  uint32_t partition_;
  uint32_t partitions_;
  state::PartitionState& state_;
  Outputs& out_;
  const StepBounds bounds_;
  const Rules* rules_ = nullptr;
  const Tenant* tenant_ = nullptr;
  std::string tenant_name_;
  std::string_view trace_;
  std::deque<v1::Loop> local_;
  v1::Envelope envelope_;  // the last message that left or was set aside: a member only for its memory
  ProtocolCounters counters_;
};

// What a step may still begin.
class Budget {
 public:
  Budget(size_t bytes, uint64_t messages, ProtocolCounters& counters)
      : bytes_(bytes), messages_(messages), counters_(counters) {}
  [[nodiscard]] bool any() const { return bytes_ > 0 && messages_ > 0; }
  // REQUIRES: any().
  void spend(size_t bytes);

 private:
  size_t bytes_;
  uint64_t messages_;
  ProtocolCounters& counters_;
};

}  // namespace freshet::action
