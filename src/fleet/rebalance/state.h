// A cluster as a plan of moves sees it: where each replica lies, how large it is and how fast it grows, and how full
// each log dir is. Plain values, so that a plan is a pure function.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/assert.h"

namespace freshet::fleet::rebalance {

struct LogDir {
  std::string path;
  double total_bytes = 0;  // of its volume
  double used_bytes = 0;   // of its volume, by whatever: also by files that are deleted and not gone yet
  bool is_online = true;
};

struct Broker {
  int32_t id = 0;
  std::string rack;
  std::vector<LogDir> dirs;
  // How long a replica that was taken away stays on disk: the broker's log.segment.delete.delay.ms. What its topic has
  // as file.delete.delay.ms counts for segments that retention deletes, not for replicas (Kafka's LogManager).
  double delete_delay_s = 60;
};

// A log dir of a broker.
struct Place {
  int32_t broker = 0;
  uint32_t dir = 0;  // in Broker::dirs
  auto operator<=>(const Place&) const = default;
};

struct Replica {
  Place place;
  double bytes = 0;
};

struct Partition {
  std::string topic;
  int32_t index = 0;
  int32_t leader = -1;
  std::vector<Replica> replicas;  // the preferred leader first
  double in_bytes_per_s = 0;      // what its leader takes in
  double bytes_max = 0;           // where retention stops it; 0: nothing does

  // What a new replica has to copy.
  [[nodiscard]] double bytes() const {
    double most = 0;
    for (const Replica& replica : replicas) most = std::max(most, replica.bytes);
    return most;
  }
  // At the latest, seconds from now.
  [[nodiscard]] double bytes_at(double seconds) const {
    const double grown = bytes() + in_bytes_per_s * seconds;
    return bytes_max <= 0 ? grown : std::min(grown, std::max(bytes(), bytes_max));
  }
  // "clicks[3]"
  [[nodiscard]] std::string name() const { return topic + "[" + std::to_string(index) + "]"; }
};

struct State {
  std::vector<Broker> brokers;        // by id; those that are up
  std::vector<Partition> partitions;  // by topic and index

  [[nodiscard]] const Broker* find(int32_t id) const {
    const auto at = std::lower_bound(brokers.begin(), brokers.end(), id,
                                     [](const Broker& broker, int32_t wanted) { return broker.id < wanted; });
    return at != brokers.end() && at->id == id ? &*at : nullptr;
  }
  // REQUIRES: the place is there.
  [[nodiscard]] const LogDir& dir_of(Place place) const {
    const Broker* const broker = find(place.broker);
    FRESHET_ASSERT(broker != nullptr && place.dir < broker->dirs.size());
    return broker->dirs[place.dir];
  }
};

}  // namespace freshet::fleet::rebalance
