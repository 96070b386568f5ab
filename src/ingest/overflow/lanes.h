// Which way a tenant's records take at this ingest node: straight into `actions`, or behind what waits in `overflow`.
//
// A request goes straight in if its tenant's rate allows all of it, it is the tenant's turn (crowd.h), and nothing of
// the tenant waits. Otherwise it opens
// the tenant's lane: from then on everything of that tenant goes into one partition of `overflow`, in order, until the
// drain (drain_loop.h) has moved all of it. A lane that is full refuses (429).
//
// A rate holds over all ingest nodes: each has the share of it that it has of the partitions of `overflow`, which the
// log's group deals out among the nodes. So the shares never sum up to more than the whole, whatever nodes come and go;
// a node without partitions puts everything into `overflow`, which the others drain.
//
// Order is kept per tenant and lane, for what this node has taken one after the other; requests that are under way at
// the same time have none.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "env/clock.h"
#include "ingest/overflow/crowd.h"
#include "ingest/overflow/lane_key.h"
#include "ingest/overflow/token_bucket.h"
#include "model/tenant.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {

struct LanesOptions {
  env::Clock* clock = nullptr;
  std::shared_ptr<Crowd> crowd;       // without one it is always everybody's turn
  uint32_t partitions = 1;            // of topic overflow
  uint64_t records_max = 1'000'000;   // that wait of a tenant in one of its lanes
  uint64_t bytes_max = 256ull << 20;  // the same
  // Something waits in `overflow` since before this process began: until the drain has found whose it is, everything
  // goes behind it.
  bool left_over = false;
};

// What waits of a lane.
struct LaneDepth {
  uint64_t records = 0;
  uint64_t bytes = 0;
  env::TimeUs oldest_us = 0;  // received_at of the first of them; 0: not known, or nothing waits
};

// Thread-safe.
class Lanes {
 public:
  explicit Lanes(LanesOptions options) : options_(options), settled_(!options.left_over) {}

  // What these tenants may send from now on: the drain needs it before their first request comes, and when what waits
  // of them is all that there is.
  void know(const std::vector<std::shared_ptr<const model::Tenant>>& tenants);

  // ---- for ingest
  // In how many seconds something fits into this lane of the tenant again, by its rate; 0: it does.
  [[nodiscard]] uint32_t full_for_s(const model::Tenant& tenant, LaneKind kind);
  // The partition of `overflow` for `records` more of this tenant, or nullopt: they go straight into `actions`. After a
  // partition left() has to be called.
  [[nodiscard]] std::optional<uint32_t> enter(const model::Tenant& tenant, LaneKind kind, size_t records);
  // What entered has so many bytes.
  void entered(const LaneName& lane, size_t records, size_t bytes);
  // What entered is in the log, or (`taken` is false) was given up.
  void left(const LaneName& lane, bool taken, size_t records, size_t bytes);

  // ---- for the drain
  // These partitions are this node's to drain.
  void own(std::vector<uint32_t> partitions);
  // It is known what waits in the partitions that are this node's; each lane of it was told by found().
  void settle() { settled_ = true; }
  // False: what lay in `overflow` from before is not read yet, so waiting() says too little.
  [[nodiscard]] bool is_settled() const { return settled_; }
  // So much waits in a partition that this node begins to drain; it may be told again.
  void found(const LaneName& lane, uint32_t partition, uint64_t records, uint64_t bytes);
  // How many records of this tenant may be moved now.
  [[nodiscard]] uint64_t available(const std::string& tenant);
  // So much was moved.
  void moved(const LaneName& lane, uint64_t records, uint64_t bytes);
  // An open lane, all of whose appends so far are answered.
  struct Open {
    LaneName lane;
    uint32_t partition = 0;
    uint64_t appends = 0;
  };
  [[nodiscard]] std::vector<Open> quiet();
  [[nodiscard]] bool any_open() const { return open_ > 0; }
  // All of it was moved: unless something has entered since, the lane is closed.
  void close(const Open& lane);

  // ---- for whoever looks
  // What waits in the partitions of this node; the drain says it about every second.
  void show(std::map<LaneName, LaneDepth> depths);
  [[nodiscard]] LaneDepth depth(const std::string& tenant, LaneKind kind);
  [[nodiscard]] uint64_t waiting();  // records, of all tenants

 private:
  struct Lane {
    bool open = false;
    uint32_t partition = 0;
    uint64_t appends = 0;  // that were begun
    uint32_t under_way = 0;
    uint64_t records = 0;  // that wait, as far as this node knows
    uint64_t bytes = 0;
    LaneDepth shown;
    bool gauged = false;                    // it has had something to show
    telemetry::Counter* entered = nullptr;  // made with its first record
  };
  struct OfTenant {
    model::Rate rate;
    TokenBucket bucket;
    std::array<Lane, kLaneKinds> lanes;
  };

  // REQUIRES, for these: the mutex is held.
  [[nodiscard]] OfTenant& of(const model::Tenant& tenant);
  [[nodiscard]] Lane& lane(const LaneName& name);
  [[nodiscard]] uint64_t available(OfTenant& tenant);
  // How many records a lane takes: no more than its rate moves in the longest time that one may wait.
  [[nodiscard]] uint64_t records_max(const model::Rate& rate) const;
  [[nodiscard]] static LaneDepth depth_of(const Lane& lane);
  [[nodiscard]] uint32_t partition_for(const std::string& tenant) const;
  void open(const LaneName& name, Lane& lane, uint32_t partition);

  const LanesOptions options_;
  std::atomic<bool> settled_;
  std::atomic<uint32_t> open_{0};  // lanes: a tenant without a rate asks nothing else while it is 0
  std::mutex mutex_;
  std::map<std::string, OfTenant, std::less<>> tenants_;
  std::set<LaneName> open_lanes_;  // so that of ten thousand tenants only these are looked at
  std::vector<uint32_t> owned_;
};

}  // namespace freshet::ingest
