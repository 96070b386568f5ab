// A cluster as far as a rolling restart has to know it, and what follows for the broker that would go away. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace freshet::fleet::restart {

struct Broker {
  int32_t id = 0;
  std::string host;
  uint16_t port = 0;
  std::string rack;  // "": it says none
  bool operator==(const Broker&) const = default;
};

struct Partition {
  std::string topic;
  int32_t index = 0;
  int32_t leader = -1;  // -1: none
  int32_t leader_epoch = -1;
  std::vector<int32_t> replicas;  // the preferred leader first
  std::vector<int32_t> in_sync;
  int32_t min_isr = 1;  // without so many in sync, writes that wait for all are refused
  [[nodiscard]] std::string name() const { return topic + "[" + std::to_string(index) + "]"; }
  [[nodiscard]] bool has_replica_on(int32_t broker) const;
  [[nodiscard]] bool is_in_sync_on(int32_t broker) const;
};

struct State {
  std::string cluster_id;
  std::vector<Broker> brokers;  // those that are up; sorted by id
  std::vector<Partition> partitions;
  uint32_t moving = 0;                                 // partitions whose replicas are being moved
  [[nodiscard]] const Broker* find(int32_t id) const;  // null: it is not up
};

// What stands in the way of taking a broker away, with figures and the first name; "": nothing does. Whatever lacks
// only `ours` (a broker that we took away ourselves; -1: none) does not count.
[[nodiscard]] std::string unready(const State& state, int32_t ours);

// What would stop while this broker is away.
struct Cost {
  uint32_t leads = 0;         // partitions that get another leader
  uint32_t offline = 0;       // partitions that nobody could read or write
  uint32_t read_only = 0;     // partitions that refuse writes with acks=all
  std::string first_offline;  // "": none
  std::string first_read_only;
  [[nodiscard]] bool stops_something() const { return offline + read_only > 0; }
};
[[nodiscard]] Cost cost_of(const State& state, int32_t broker);

// All of these brokers (empty: all that are up), rack by rack, so that what goes wrong has hurt one rack first.
[[nodiscard]] std::vector<Broker> order_of(const State& state, const std::vector<int32_t>& wanted);

// Whether the broker is up and in sync wherever it has a replica.
[[nodiscard]] bool is_back(const State& state, int32_t broker);

}  // namespace freshet::fleet::restart
