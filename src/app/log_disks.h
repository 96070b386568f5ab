// How much room the brokers' disks have that carry our topics. A broker whose log dir is full stops, and with it all
// that it leads, of everybody; so ingest takes nothing more before that. Brokers are asked every half minute, on a
// thread of its own, by Kafka's protocol itself, as librdkafka has no such request.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "cluster/protocol/client.h"
#include "env/turns.h"

namespace freshet::app {

// What brokers have said of their log dirs.
struct LogDisksSeen {
  uint64_t bytes = 0;                 // of our topics, all replicas
  std::optional<int64_t> free_least;  // of the volumes that have some of them; nullopt: no broker tells (before 3.3)
  std::string fullest;                // the log dir that has `free_least`: "/data of broker 2"

  void add(int32_t broker, const cluster::protocol::DescribeLogDirsResponse& answer);
};

class LogDisks {
 public:
  explicit LogDisks(const Config& config);
  void start();
  void stop();  // blocks; a second call does nothing

  // On any thread. 0: not known.
  [[nodiscard]] uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // False while a log dir that has some of our topics has less free than Config::Log::disk_reserve.
  [[nodiscard]] bool has_room() const { return has_room_.load(std::memory_order_relaxed); }

  // What the thread does with what it has seen. Called by tests without start().
  void judge(const LogDisksSeen& seen);

 private:
  void look();
  [[nodiscard]] Result<LogDisksSeen> ask();

  const Config::Log log_;
  const std::vector<eventlog::WantedTopic> topics_;
  std::unique_ptr<cluster::protocol::Client> client_;  // of the thread; null: not connected
  std::string told_;                                   // why nothing can be seen, as it was told last
  std::atomic<uint64_t> bytes_{0};
  std::atomic<bool> has_room_{true};
  std::optional<env::Turns> turns_;  // the last, as they use all of the above
};

}  // namespace freshet::app
