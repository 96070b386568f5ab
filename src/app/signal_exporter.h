// Sends the process's metrics and the lines of its log to an OpenTelemetry collector, on a thread of its own: metrics
// each interval, cumulative, so that one that is missed costs nothing; lines a second after they came at the latest.
// While the collector is away lines wait in their bounded queue. Nothing else ever waits for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "app/otlp.h"
#include "app/otlp_sender.h"
#include "env/clock.h"

namespace freshet::app {

struct SignalExporterOptions {
  OtlpTarget to;
  TracedProcess process;
  env::TimeUs interval_us = 15'000'000;  // of metrics
};

class SignalExporter {
 public:
  // The clock outlives the exporter. From here on lines of the log are kept for it.
  SignalExporter(SignalExporterOptions options, env::Clock& clock);
  ~SignalExporter();
  SignalExporter(const SignalExporter&) = delete;
  SignalExporter& operator=(const SignalExporter&) = delete;

  // Sends what is left, once, and ends the thread. A second call does nothing.
  void stop();

 private:
  void run();
  void send_metrics();
  void send_lines();

  const SignalExporterOptions options_;
  env::Clock& clock_;
  const int64_t began_ns_;
  OtlpSender metrics_;
  OtlpSender logs_;
  std::string waiting_;  // lines that the collector did not take yet, as a body; "": none
  size_t waiting_lines_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace freshet::app
