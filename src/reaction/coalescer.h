// What waits to be written: at most one folded change for each entity, in the order in which the
// entities came, and at most one write of an entity in flight. Two writes at once could land in the
// wrong order, and the older one would be lost as stale. It is pure: it has no clock and does no
// I/O. One thread uses it.
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

// The sampled traces that led to a write, each of them once. Further ones are not told of it.
using Traces = std::vector<telemetry::TraceContext>;
inline constexpr size_t kTracesMax = 8;

// One write; its change is at the same place of the bulk's changes.
struct Write {
  uint32_t entity = 0;  // its handle, which is valid while the write is in flight
  uint32_t tenant = 0;
  uint32_t attempts = 0;  // how often it failed before
  Marks marks;
  Traces traces;
};

// What goes to the store in one call.
struct Bulk {
  std::vector<v1::Change> changes;
  std::vector<Write> writes;  // as many as there are changes
};

class Coalescer {
 public:
  // Takes a change in and leaves `change` valid, its memory fit for the next one. `tenant` is a
  // tenant_handle(). A change that is not newer than the one that waits adds nothing but its mark.
  // The context of its trace is taken out of it, since stores need not keep it. REQUIRES: an id of
  // 16 bytes.
  void add(v1::Change& change, uint32_t tenant, const Mark& mark);
  // A number for a tenant's name, for ever the same, so that keys and writes carry no text.
  [[nodiscard]] uint32_t tenant_handle(const std::string& tenant);
  [[nodiscard]] const std::string& tenant_name(uint32_t handle) const { return tenants_[handle]; }

  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  // Takes up to `count` entities, which are in flight then.
  [[nodiscard]] Bulk take(size_t count);
  // A write is over for good. `change` is its change, which is taken for reuse.
  void written(const Write& write, v1::Change&& change);
  // A write is to be tried again, but not before `due`.
  void put_back(Write&& write, v1::Change&& change, env::TimeUs due);
  // Makes ready what is due at `now`.
  void wake(env::TimeUs now);
  // When the next delayed write is due; INT64_MAX if none is delayed.
  [[nodiscard]] env::TimeUs next_due() const;
  // Forgets what waits and came by this lane: its partition has another owner, who reads it again.
  // What is in flight goes on.
  void forget(uint32_t lane);

  // How many entities have a change that waits or is in flight.
  [[nodiscard]] size_t entities() const { return by_key_.size(); }
  [[nodiscard]] size_t bytes() const { return bytes_; }  // of the records that wait or are in flight
  // How many changes were folded into another one.
  [[nodiscard]] uint64_t coalesced() const { return coalesced_; }

  // Entities are told apart by tenant and kind too: ids are hashes of identifiers, which two tenants
  // may share.
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
  // Between a first change and the end of its last write an entity has one of these; the flags say
  // where it stands.
  struct Entity {
    Key key;
    bool waits = false;  // `change` and `marks` hold something
    bool in_flight = false;
    bool queued = false;   // it is in ready_
    bool delayed = false;  // it is in delayed_
    uint32_t attempts = 0;
    v1::Change change;
    Marks marks;
    Traces traces;
  };

  uint32_t make_entity(const Key& key);
  void make_ready(uint32_t handle);
  // Frees the handle of an entity that has nothing waiting, delayed or in flight.
  void release_if_idle(uint32_t handle);
  void recycle(v1::Change&& change);

  absl::flat_hash_map<Key, uint32_t> by_key_;
  std::deque<Entity> entities_;  // by handle; references to them stay valid
  std::vector<uint32_t> free_;   // handles
  std::deque<uint32_t> ready_;
  std::multimap<env::TimeUs, uint32_t> delayed_;
  std::vector<v1::Change> spare_;  // cleared changes, whose memory saves allocations
  absl::flat_hash_map<std::string, uint32_t> tenant_handles_;
  std::deque<std::string> tenants_;
  size_t bytes_ = 0;
  uint64_t coalesced_ = 0;
};

}  // namespace freshet::reaction
