// What waits to be written: at most one folded change per entity, in the order in which the entities came, and at most
// one write per entity in flight. Pure: no clock, no I/O; one thread.
//
//   add --> waiting --take--> in flight --written--> gone (or waiting again, if more came meanwhile)
//                                |------put_back---> delayed until `due` --> waiting, folded with what came meanwhile
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/hash.h"
#include "env/clock.h"
#include "freshet/v1/change.pb.h"
#include "telemetry/trace.h"

namespace freshet::reaction {

// A record of the log that a write stands for.
struct Mark {
  uint32_t lane = 0;    // of the reactor: one per partition and assignment
  uint64_t ticket = 0;  // Offsets::begin
  env::TimeUs received_at_us = 0;
  uint32_t bytes = 0;
};
using Marks = absl::InlinedVector<Mark, 2>;

// Of the wanted traces that led to a write, each once; further ones are not told of it.
using Traces = std::vector<telemetry::TraceContext>;
inline constexpr size_t kTracesMax = 8;

// One write: the change is in the bulk beside it.
struct Write {
  uint32_t entity = 0;  // handle, valid while the write is in flight
  uint32_t tenant = 0;
  uint32_t attempts = 0;  // failed ones before this
  Marks marks;
  Traces traces;
};

struct Bulk {
  std::vector<v1::Change> changes;
  std::vector<Write> writes;  // as many
};

class Coalescer {
 public:
  // Takes a change in and leaves `change` valid, its memory fit for the next one. `tenant`: tenant_handle(). A change
  // that is not newer than the one waiting adds nothing but its mark. The context of its trace is taken out of it:
  // stores need not keep it. REQUIRES: 16 bytes of id.
  void add(v1::Change& change, uint32_t tenant, const Mark& mark);
  [[nodiscard]] uint32_t tenant_handle(const std::string& tenant);
  [[nodiscard]] const std::string& tenant_name(uint32_t handle) const { return tenants_[handle]; }

  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  // Up to `count` entities, which are then in flight.
  [[nodiscard]] Bulk take(size_t count);
  // A write is over, for good; `change` is its change, taken for reuse.
  void written(const Write& write, v1::Change&& change);
  // A write is to be tried again, not before `due`.
  void put_back(Write&& write, v1::Change&& change, env::TimeUs due);
  // Makes what is due ready.
  void wake(env::TimeUs now);
  [[nodiscard]] env::TimeUs next_due() const;  // INT64_MAX: nothing is delayed
  // Forgets what waits and came by this lane only: its partition has another owner. What is in flight goes on.
  void forget(uint32_t lane);

  [[nodiscard]] size_t entities() const { return by_key_.size(); }
  [[nodiscard]] size_t bytes() const { return bytes_; }  // of the records that wait or are in flight
  [[nodiscard]] uint64_t coalesced() const { return coalesced_; }

 private:
  struct Key {
    Hash128 id;
    uint32_t tenant = 0;
    int kind = 0;
    bool operator==(const Key&) const = default;
    template <class H>
    friend H AbslHashValue(H h, const Key& key) {
      return H::combine(std::move(h), Hash128Hasher{}(key.id), key.tenant, key.kind);
    }
  };
  struct Entity {
    Key key;
    bool waits = false;  // `change` and `marks` hold something
    bool in_flight = false;
    bool queued = false;   // in ready_
    bool delayed = false;  // in delayed_
    uint32_t attempts = 0;
    v1::Change change;
    Marks marks;
    Traces traces;
  };

  uint32_t make_entity(const Key& key);
  void make_ready(uint32_t handle);
  void release_if_idle(uint32_t handle);
  void recycle(v1::Change&& change);

  absl::flat_hash_map<Key, uint32_t> by_key_;
  std::deque<Entity> entities_;  // by handle
  std::vector<uint32_t> free_;   // handles
  std::deque<uint32_t> ready_;
  std::multimap<env::TimeUs, uint32_t> delayed_;
  std::vector<v1::Change> spare_;  // cleared ones: their memory saves allocations
  absl::flat_hash_map<std::string, uint32_t> tenant_handles_;
  std::deque<std::string> tenants_;
  size_t bytes_ = 0;
  uint64_t coalesced_ = 0;
};

}  // namespace freshet::reaction
