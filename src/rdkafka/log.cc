#include "rdkafka/log.h"

#include <string_view>

#include "telemetry/log.h"

namespace freshet::rdkafka {
namespace {

// Levels of syslog, which librdkafka has.
constexpr int kErrorLevel = 3, kNoticeLevel = 5;

}  // namespace

void forward_log(const rd_kafka_t* handle, int level, const char* facility, const char* words) {
  // Every client gets all properties, also those that only another kind of client knows.
  if (std::string_view(facility) == "CONFWARN") return;
  const auto to = level <= kErrorLevel    ? log::Level::kWarn
                  : level <= kNoticeLevel ? log::Level::kInfo
                                          : log::Level::kDebug;
  log::line(to, "kafka: {}: {}", rd_kafka_name(handle), words);
}

}  // namespace freshet::rdkafka
