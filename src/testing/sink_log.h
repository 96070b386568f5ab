// For tests of sinks: a log with events and changes, in memory, and what a sink is made with.
#pragma once

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "eventlog/embedded/embedded_log.h"
#include "freshet/v1/event.pb.h"
#include "sinks/runner_loop.h"
#include "testing/clock.h"
#include "testing/memory_store.h"

namespace freshet::sinks {

struct SinkLog {
  static constexpr uint32_t kPartitions = 3;

  explicit SinkLog(uint64_t retention_bytes = 0) {
    using eventlog::Topic;
    kv::Options store;
    auto opened = eventlog::open_embedded_log(kv::open_memory(std::make_shared<kv::MemoryDisk>(), store), clock, {});
    EXPECT_TRUE(opened);
    log = std::move(*opened);
    EXPECT_TRUE(log->create_topic(Topic::kEvents, {kPartitions, retention_bytes, 0, {}}));
    EXPECT_TRUE(log->create_topic(Topic::kChanges, {kPartitions, 0, 0, {}}));
    EXPECT_TRUE(log->create_topic(Topic::kDeadLetters, {1, 0, 0, {}}));
    around.tenant = "acme";
    around.sink.name = "s";
    around.clock = &clock;
    around.random = &env::real_random();
    around.stopping = &stopping;
    around.secret = [](const std::string& text) -> Result<std::string> { return text; };
  }

  void append(eventlog::TopicPartition to, const std::string& key, const std::string& value) {
    std::vector<eventlog::Produce> batches(1);
    batches[0].to = to;
    batches[0].records.add(key, value);
    std::promise<Status> done;
    log->append(std::move(batches), [&](Status status) { done.set_value(std::move(status)); });
    const Status status = done.get_future().get();
    EXPECT_TRUE(status) << status.error().message;
  }

  // An event of acme with property n, two minutes after the one before; and one of somebody else.
  void event(uint32_t partition, int n, const std::string& name = "E") {
    const auto text = [&](const char* tenant) {
      return fmt::format(
          R"({{"message_id":"m{}","tenant":"{}","user":"u","event":"{}","properties":{{"n":{}}},"received_at":"2026-01-02T{:02}:{:02}:00.000Z","enriched":{{"city":"Pune"}}}})",
          n, tenant, name, n, n / 30 % 24, n % 30 * 2);
    };
    append({eventlog::Topic::kEvents, partition}, "u", text("acme"));
    append({eventlog::Topic::kEvents, partition}, "u", text("acme2"));
  }

  // Action says that somebody was erased.
  void erasure(const std::string& tenant, const std::string& id, const std::vector<std::string>& merged) {
    v1::ErasureNotice notice;
    notice.set_id(id);
    for (const std::string& one : merged) notice.add_merged(one);
    v1::DeadLetter letter;
    letter.set_tenant(tenant);
    letter.set_body_type(v1::DeadLetter::ERASURE_NOTICE);
    letter.set_body(notice.SerializeAsString());
    letter.set_received_at_us(1'767'323'045'678'000);
    append({eventlog::Topic::kDeadLetters, 0}, "", letter.SerializeAsString());
  }

  std::unique_ptr<eventlog::Consumer> consumer() {
    eventlog::ConsumerOptions options;
    options.group = group_of(around.tenant, around.sink.name);
    options.topics = topics_of(around.sink);
    options.delivery = eventlog::Delivery::kAtLeastOnce;
    auto opened = log->open_consumer(options);
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }

  [[nodiscard]] RunnerOptions options() const {
    RunnerOptions out;
    out.log = log.get();
    out.around = around;
    out.poll_us = 0;
    return out;
  }

  env::FakeClock clock;
  std::atomic<bool> stopping{false};
  Around around;
  std::unique_ptr<eventlog::EventLog> log;
};

}  // namespace freshet::sinks
