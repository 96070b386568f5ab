// EventLog::append: one idempotent producer, and the thread that takes its delivery reports in. Answers are given on
// that thread, so whoever blocks it holds up all others.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "eventlog/kafka/produce/sender.h"

namespace freshet::eventlog::kafka {

// Thread-safe.
class Appender {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Appender>> open(const KafkaOptions& options, const Names& names);
  // Waits for what is under way, a few seconds; what is left is answered kRetry.
  ~Appender();

  // REQUIRES: the partitions exist. See EventLog::append.
  void append(std::vector<Produce> batches, AppendDone done);

 private:
  struct Call;
  Appender(const KafkaOptions& options, std::shared_ptr<Client> client, const Names& names);
  static void delivered(rd_kafka_t* handle, const rd_kafka_message_t* message, void* client);
  void run();

  const size_t queue_bytes_max_;
  const std::shared_ptr<Client> client_;
  Sender sender_;
  std::atomic<size_t> queued_bytes_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace freshet::eventlog::kafka
