// Sends the process's spans to an OpenTelemetry collector, on a thread of its own: batches of at
// most 512, at most a second old. A collector that is away or busy is tried again with growing
// pauses. Meanwhile spans wait in the tracer's bounded queue, and what does not fit there is
// dropped and counted. Nothing else ever waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/otlp.h"
#include "app/otlp_sender.h"
#include "env/clock.h"
#include "telemetry/trace.h"

namespace freshet::app {

// Where spans go, and how patient the exporter is.
struct TraceExporterOptions {
  OtlpTarget to;
  TracedProcess process;
  env::TimeUs batch_age_us = 1'000'000;
  env::TimeUs retry_first_us = 100'000;  // the pause before the first retry; doubled with each further one
  env::TimeUs retry_max_us = 5'000'000;
  env::TimeUs give_up_us = 30'000'000;  // after so long a batch is dropped
};

class TraceExporter {
 public:
  // Tracer and clock outlive the exporter.
  TraceExporter(TraceExporterOptions options, telemetry::Tracer& tracer, env::Clock& clock);
  ~TraceExporter();
  TraceExporter(const TraceExporter&) = delete;
  TraceExporter& operator=(const TraceExporter&) = delete;

  // Stops the tracer and sends what is left for up to 2 s, and for as long as a request that is
  // under way then takes (a second for each of connecting, sending, answering). It blocks; a second
  // call does nothing.
  void stop();

 private:
  void run();
  void deliver(const std::vector<telemetry::Span>& batch);
  void flush();
  // True: the batch was taken, or refused for good.
  [[nodiscard]] bool send(const std::string& body, size_t spans);
  void pause(env::TimeUs duration);

  const TraceExporterOptions options_;
  telemetry::Tracer& tracer_;
  env::Clock& clock_;
  OtlpSender sender_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace freshet::app
