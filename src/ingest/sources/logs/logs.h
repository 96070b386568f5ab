// Log records on their way into topic `logs`. They share the listener with what customers do and nothing else: they are
// bounded by themselves, whatever waits elsewhere does not hold them back, and what can't be taken is refused here with
// 429, to their senders alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "http/body_budget.h"
#include "http/message.h"
#include "ingest/source.h"

namespace freshet::ingest {

inline constexpr size_t kLogsBodyBytesMax = 8u << 20;     // of a request, decompressed
inline constexpr size_t kLogsBodiesBytesMax = 64u << 20;  // of all that are being received or worked on

// Why more logs are not taken now.
[[nodiscard]] Refusal logs_are_full();

// How much of the machine logs may have, of the process.
struct LogsOptions {
  // What is not durable yet, of all tenants; one of them has at most half of it. A request that is larger is taken
  // where nothing else is under way.
  size_t inflight_bytes_max = 8u << 20;
  // As they are in the topic, and a second's worth at once. What is above it is refused, so that a program that logs
  // without end takes neither processor nor disk from customers' data.
  uint64_t bytes_per_s = 16u << 20;
  // Of kLogsBodiesBytesMax, for one address. A body that comes in chunks takes twice its size, so it is at least that.
  uint64_t bodies_of_an_address = kLogsBodiesBytesMax / 4;
};

// Thread-safe. It and the log outlive every append that is under way.
class Logs {
 public:
  Logs(eventlog::EventLog& log, env::Clock& clock, const LogsOptions& options);

  // Whether more of this tenant would be taken now: asked before a body is read.
  [[nodiscard]] bool has_room(const std::string& tenant);

  // Memory for the bodies of requests with logs, so that they take none from others.
  [[nodiscard]] const std::shared_ptr<http::SharedBodyBudget>& bodies() const { return bodies_; }

  // What came of each record of the body, or why nothing was taken. It is called once: on this thread, or on one of the
  // log, where all that was not rejected is durable.
  using Done = std::function<void(tl::expected<Parsed, Refusal>)>;
  // `call` is that of the route: otlp or lines. The request's body is decoded.
  void append(const std::string& tenant, std::string_view call, const http::Request& request, Done done);

 private:
  struct UnderWay {
    std::mutex mutex;
    size_t bytes = 0;
    std::map<std::string, size_t> of_tenant;
    int64_t allowed_bytes = 0;  // by the rate; below 0 after a request that was larger than what was left
    env::TimeUs refilled_us = 0;
  };
  // The rate allows more again as time goes by. REQUIRES: the lock of under_way_ is held.
  void refill();
  [[nodiscard]] bool reserve(const std::string& tenant, size_t bytes);
  static void release(UnderWay& under_way, const std::string& tenant, size_t bytes);

  eventlog::EventLog& log_;
  env::Clock& clock_;
  const LogsOptions options_;
  const std::shared_ptr<http::SharedBodyBudget> bodies_;
  // Shared with the callbacks.
  const std::shared_ptr<UnderWay> under_way_ = std::make_shared<UnderWay>();
};

}  // namespace freshet::ingest
