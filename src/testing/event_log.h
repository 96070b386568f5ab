// A log that is empty and takes everything. Tests override what they look at, and need not say what they don't.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/event_log.h"

namespace freshet::eventlog {

class FakeLog : public EventLog {
 public:
  explicit FakeLog(uint32_t partitions = 1) : partitions_(partitions) {}

  Status create_topic(Topic, const TopicOptions&) override { return {}; }
  [[nodiscard]] uint32_t partitions(Topic) const override { return partitions_; }
  void append(std::vector<Produce>, AppendDone done) override { done({}); }
  Result<std::unique_ptr<Consumer>> open_consumer(const ConsumerOptions&) override {
    return fail(Code::kFatal, "a fake log has no consumers: the test makes its own");
  }
  Result<Watermarks> watermarks(TopicPartition) override { return Watermarks{}; }
  Result<Fetched> read(TopicPartition, Offset, size_t) override { return Fetched{}; }
  Status trim(TopicPartition, Offset) override { return {}; }
  Result<std::optional<Offset>> committed(const std::string&, TopicPartition) override { return std::nullopt; }
  uint64_t disk_bytes() override { return 0; }

 private:
  uint32_t partitions_;
};

}  // namespace freshet::eventlog
