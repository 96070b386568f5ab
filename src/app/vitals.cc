#include "app/vitals.h"

#include <sys/statvfs.h>

#include "telemetry/metrics.h"

namespace freshet::app {

void show_vitals(const std::string& data_dir, bool is_ready, env::TimeUs now_us) {
  static telemetry::Gauge& ready = telemetry::gauge("freshet_ready", "1 while /readyz would answer 200.");
  static telemetry::Gauge& clock = telemetry::gauge("freshet_clock_seconds", "This machine's clock.");
  static telemetry::Gauge& all = telemetry::gauge("freshet_disk_bytes", "Size of the data directory's file system.");
  static telemetry::Gauge& free = telemetry::gauge("freshet_disk_free_bytes", "What of it may still be used.");
  ready.set(is_ready ? 1 : 0);
  clock.set(static_cast<double>(now_us) / 1e6);
  struct statvfs disk{};
  // What can't be seen keeps its last value.
  if (::statvfs(data_dir.c_str(), &disk) != 0) return;
  const auto block = static_cast<double>(disk.f_frsize);
  all.set(block * static_cast<double>(disk.f_blocks));
  free.set(block * static_cast<double>(disk.f_bavail));
}

}  // namespace freshet::app
