// A broker that speaks as much of Kafka's protocol as watch asks for, for a cluster that is made up: topics that get
// messages all the time, and groups that read them a little later. Nothing is stored, all of it follows from the time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/clock.h"

namespace freshet::bench {

struct PlayedCluster {
  std::string id;
  uint32_t brokers = 10;
  uint32_t topics = 100;
  uint32_t partitions = 50;          // of each topic
  uint32_t groups = 20;              // each reads as many topics as the others
  std::vector<uint16_t> ports = {};  // of the brokers
};

// The answer of one broker to a frame, with the size in front. kInvalid: it is not a request that is played.
[[nodiscard]] Result<std::string> answer_of(const PlayedCluster& cluster, uint32_t broker, std::string_view frame,
                                            env::TimeUs elapsed_us);

}  // namespace freshet::bench
