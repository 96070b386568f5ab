// What is fixed is what the promises rest on: only committed records are read, offsets move with the work's transaction
// and never by themselves, and a position that is not there is an error instead of a jump.
#include "eventlog/kafka/consume/settings.h"

#include <algorithm>

namespace freshet::eventlog::kafka {
namespace {

constexpr size_t kFetchKbMin = 1024;

}  // namespace

Client::Settings settings_of_reader(const KafkaOptions& options, const std::string& group, const std::string& instance,
                                    size_t partitions) {
  // librdkafka's bound is that of one partition.
  const size_t fetch_kb = std::max(options.fetch_bytes_max / 1024 / std::max<size_t>(partitions, 1), kFetchKbMin);
  Client::Settings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.rebalances = true;
  settings.defaults = {{"fetch.wait.max.ms", "100"},
                       {"fetch.error.backoff.ms", "100"},
                       {"queued.min.messages", "10000"},
                       {"session.timeout.ms", std::to_string(to_ms(options.session_timeout_us))},
                       {"heartbeat.interval.ms", std::to_string(to_ms(options.session_timeout_us / 4))},
                       {"socket.nagle.disable", "true"}};
  settings.fixed = {{"group.id", group},
                    {"partition.assignment.strategy", "cooperative-sticky"},
                    {"isolation.level", "read_committed"},
                    {"enable.auto.commit", "false"},
                    {"enable.auto.offset.store", "false"},
                    {"auto.offset.reset", "error"},
                    {"enable.partition.eof", "true"},
                    {"check.crcs", "true"},
                    {"queued.max.messages.kbytes", std::to_string(fetch_kb)}};
  if (!instance.empty()) settings.fixed.emplace_back("group.instance.id", instance);
  return settings;
}

}  // namespace freshet::eventlog::kafka
