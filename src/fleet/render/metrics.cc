// The table of metrics, by what they tell. Names of MBeans and attributes are Kafka's ("Monitoring" in its
// documentation); names of series are in the style of the JMX exporter's example configuration, which many dashboards
// know.
#include "fleet/render/metrics.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace freshet::fleet {
namespace {

constexpr bool kCounter = true;
constexpr bool kGauge = false;
constexpr MbeanKey kTopicKey = {"topic", "(.+)", "topic"};
constexpr MbeanKey kPartition = {"partition", "([0-9]+)", "partition"};

// A rate is taken from the counter "Count" and made in Prometheus, never from Kafka's own "OneMinuteRate": those can't
// be summed over a restart. Only the idle share of request handlers has nothing else.
Metric of_kafka(std::string_view name, bool counter, std::string_view domain, std::vector<MbeanKey> keys,
                std::string_view attribute, std::string_view help, std::string_view quantile = "") {
  return {name, Exporter::kKafka, counter, domain, std::move(keys), attribute, quantile, help};
}

Metric of_mirror(std::string_view name, std::string_view domain, std::vector<MbeanKey> keys, std::string_view attribute,
                 std::string_view help) {
  return {name, Exporter::kMirrorMaker, kGauge, domain, std::move(keys), attribute, "", help};
}

std::vector<MbeanKey> named(std::string_view type, std::string_view name) {
  return {{"type", type, ""}, {"name", name, ""}};
}

std::vector<MbeanKey> named(std::string_view type, std::string_view name, std::initializer_list<MbeanKey> more) {
  std::vector<MbeanKey> keys = named(type, name);
  keys.insert(keys.end(), more);
  return keys;
}

void add_replication(std::vector<Metric>& out) {
  out.push_back(of_kafka("kafka_server_replicamanager_underreplicatedpartitions", kGauge, "kafka.server",
                         named("ReplicaManager", "UnderReplicatedPartitions"), "Value",
                         "Partitions led here that lack a replica"));
  out.push_back(of_kafka("kafka_server_replicamanager_underminisrpartitioncount", kGauge, "kafka.server",
                         named("ReplicaManager", "UnderMinIsrPartitionCount"), "Value",
                         "Partitions led here that refuse acks=all"));
  out.push_back(of_kafka("kafka_server_replicamanager_partitioncount", kGauge, "kafka.server",
                         named("ReplicaManager", "PartitionCount"), "Value", "Replicas on this broker"));
  out.push_back(of_kafka("kafka_server_replicamanager_leadercount", kGauge, "kafka.server",
                         named("ReplicaManager", "LeaderCount"), "Value", "Partitions led here"));
  out.push_back(of_kafka("kafka_server_replicamanager_isrshrinks_total", kCounter, "kafka.server",
                         named("ReplicaManager", "IsrShrinksPerSec"), "Count", "Replicas that fell out of sync"));
}

void add_controller(std::vector<Metric>& out) {
  out.push_back(of_kafka("kafka_controller_kafkacontroller_offlinepartitionscount", kGauge, "kafka.controller",
                         named("KafkaController", "OfflinePartitionsCount"), "Value", "Partitions without a leader"));
  out.push_back(of_kafka("kafka_controller_kafkacontroller_activecontrollercount", kGauge, "kafka.controller",
                         named("KafkaController", "ActiveControllerCount"), "Value", "1 on the active controller"));
  out.push_back(of_kafka("kafka_controller_controllerstats_uncleanleaderelections_total", kCounter, "kafka.controller",
                         named("ControllerStats", "UncleanLeaderElectionsPerSec"), "Count",
                         "Leaders that lacked acknowledged messages"));
}

void add_load(std::vector<Metric>& out) {
  constexpr MbeanKey kRequest = {"request", "(Produce|FetchConsumer)", "request"};
  out.push_back(
      of_kafka("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent", kGauge, "kafka.server",
               named("KafkaRequestHandlerPool", "RequestHandlerAvgIdlePercent"), "OneMinuteRate",
               "Idle share of the request handlers, 0 to 1 (to 2 where broker and controller are one process)"));
  out.push_back(of_kafka("kafka_network_socketserver_networkprocessoravgidle_percent", kGauge, "kafka.network",
                         named("SocketServer", "NetworkProcessorAvgIdlePercent"), "Value",
                         "Idle share of the network threads, 0 to 1"));
  out.push_back(of_kafka("kafka_network_requestmetrics_totaltimems", kGauge, "kafka.network",
                         named("RequestMetrics", "TotalTimeMs", {kRequest}), "99thPercentile",
                         "Milliseconds from a request's arrival to its answer", "0.99"));
  out.push_back(of_kafka("kafka_network_requestmetrics_requests_total", kCounter, "kafka.network",
                         named("RequestMetrics", "RequestsPerSec", {kRequest, {"version", "([0-9]+)", "version"}}),
                         "Count", "Requests"));
}

void add_topics(std::vector<Metric>& out) {
  struct Topic {
    std::string_view name, bean, help;
  };
  constexpr std::array<Topic, 3> kTopics = {{
      {"kafka_server_brokertopicmetrics_messagesin_total", "MessagesInPerSec", "Messages produced"},
      {"kafka_server_brokertopicmetrics_bytesin_total", "BytesInPerSec", "Bytes produced, as sent"},
      {"kafka_server_brokertopicmetrics_bytesout_total", "BytesOutPerSec", "Bytes read by consumers and mirrors"},
  }};
  for (const Topic& topic : kTopics) {
    out.push_back(of_kafka(topic.name, kCounter, "kafka.server", named("BrokerTopicMetrics", topic.bean, {kTopicKey}),
                           "Count", topic.help));
    out.push_back(
        of_kafka(topic.name, kCounter, "kafka.server", named("BrokerTopicMetrics", topic.bean), "Count", topic.help));
  }
}

void add_disk(std::vector<Metric>& out) {
  out.push_back(of_kafka("kafka_log_logmanager_offlinelogdirectorycount", kGauge, "kafka.log",
                         named("LogManager", "OfflineLogDirectoryCount"), "Value", "Log directories that failed"));
  out.push_back(of_kafka("kafka_log_log_size", kGauge, "kafka.log", named("Log", "Size", {kTopicKey, kPartition}),
                         "Value", "Bytes of one replica"));
}

// Since 4.0 MirrorMaker says the source, too.
void add_mirrors(std::vector<Metric>& out) {
  const std::vector<MbeanKey> partition = {{"type", "MirrorSourceConnector", ""},
                                           {.key = "source", .pattern = "[^,]+", .label = "", .optional = true},
                                           {"target", "(.+)", "target"},
                                           kTopicKey,
                                           kPartition};
  out.push_back(of_mirror("kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms", "kafka.connect.mirror",
                          partition, "replication-latency-ms",
                          "Milliseconds from a message's time at the source to its copy being written"));
  out.push_back(of_mirror("kafka_connect_mirror_mirrorsourceconnector_record_rate", "kafka.connect.mirror", partition,
                          "record-rate", "Messages copied a second"));
  out.push_back(of_mirror("kafka_connect_mirror_mirrorsourceconnector_byte_rate", "kafka.connect.mirror", partition,
                          "byte-rate", "Bytes copied a second"));
  out.push_back(of_mirror("kafka_connect_worker_connector_failed_task_count", "kafka.connect",
                          {{"type", "connect-worker-metrics", ""}, {"connector", "\"?([^\"]+)\"?", "connector"}},
                          "connector-failed-task-count", "Tasks that failed and stay so"));
}

// From here on metrics are found in PromQL. This is no parser of it: it is just enough to tell names of metrics from
// words, labels, functions and numbers in the expressions that stand in alerts.cc, grafana.cc and this file.
bool is_metric_char(char c) { return is_name_char(c) || c == ':'; }

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

// Finds the end of the bracket that opens at `at`; quotes are respected.
size_t close_of(std::string_view text, size_t at, char close) {
  char quote = 0;
  for (++at; at < text.size(); ++at) {
    if (quote != 0) {
      if (text[at] == '\\')
        ++at;
      else if (text[at] == quote)
        quote = 0;
    } else if (text[at] == '"' || text[at] == '\'') {
      quote = text[at];
    } else if (text[at] == close) {
      break;
    }
  }
  return std::min(at + 1, text.size());
}

// These words of PromQL are followed by a list of labels in parentheses.
bool takes_labels(std::string_view word) {
  constexpr std::array<std::string_view, 6> kWords = {"by", "without", "on", "ignoring", "group_left", "group_right"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

bool is_operator(std::string_view word) {
  constexpr std::array<std::string_view, 5> kWords = {"and", "or", "unless", "bool", "offset"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

}  // namespace

const std::vector<Metric>& exported_metrics() {
  static const std::vector<Metric> kMetrics = [] {
    std::vector<Metric> out;
    add_replication(out);
    add_controller(out);
    add_load(out);
    add_topics(out);
    add_disk(out);
    add_mirrors(out);
    return out;
  }();
  return kMetrics;
}

std::span<const std::string_view> built_in_metrics() {
  static constexpr std::array<std::string_view, 4> kNames = {"up", "ALERTS", "process_cpu_seconds_total",
                                                             "jvm_memory_used_bytes"};
  return kNames;
}

std::span<const std::string_view> watch_metrics() {
  static constexpr std::array<std::string_view, 18> kNames = {"freshet_fleet_cluster_up",
                                                              "freshet_fleet_group_lag_messages",
                                                              "freshet_fleet_group_has_members",
                                                              "freshet_fleet_group_read_messages_per_second",
                                                              "freshet_fleet_group_lag_seconds",
                                                              "freshet_fleet_group_verdict",
                                                              "freshet_fleet_group_retention_seconds",
                                                              "freshet_fleet_group_catch_up_seconds",
                                                              "freshet_fleet_group_lost_messages",
                                                              "freshet_fleet_probe_up",
                                                              "freshet_fleet_broker_cpu_ratio",
                                                              "freshet_fleet_probe_seconds",
                                                              "freshet_fleet_probes",
                                                              "freshet_fleet_probe_failures",
                                                              "freshet_fleet_topic_batches_per_second",
                                                              "freshet_fleet_topic_batch_messages",
                                                              "freshet_fleet_topic_batches_advised_per_second",
                                                              "freshet_fleet_topic_codec_bytes_ratio"};
  return kNames;
}

std::span<const std::string_view> mirror_metrics() {
  static constexpr std::array<std::string_view, 2> kNames = {"freshet_mirror_lag_seconds", "freshet_mirror_halted"};
  return kNames;
}

std::span<const std::string_view> disk_metrics() {
  static constexpr std::array<std::string_view, 4> kNames = {
      "node_filesystem_avail_bytes", "node_filesystem_size_bytes", "kubelet_volume_stats_available_bytes",
      "kubelet_volume_stats_capacity_bytes"};
  return kNames;
}

std::span<const Recorded> recorded_metrics() {
  static constexpr std::array<Recorded, 10> kRecorded = {{
      {"kafka:brokers_up",
       "count by (cluster) (up{job=\"kafka\",role=\"broker\"} == 1) or sum by (cluster) (fleet:cluster_brokers) * 0",
       "Brokers that are there, also where none is found at all"},
      {"kafka:brokers_missing", "sum by (cluster) (fleet:cluster_brokers) - kafka:brokers_up",
       "Brokers of the topology that are not there"},
      {"kafka:brokers_lost",
       "(max_over_time(kafka:brokers_up[7d]) < sum by (cluster) (fleet:cluster_brokers)"
       " or sum by (cluster) (fleet:cluster_brokers)) - kafka:brokers_up",
       "Those of them that were there within a week: the topology has new ones before they have machines"},
      {"kafka:disk_used_ratio",
       "sum by (cluster, broker) (kafka_log_log_size{topic!=\"__cluster_metadata\"}) / on (cluster) group_left ()"
       " sum by (cluster) (fleet:broker_disk_bytes)",
       "Share of a broker's log directories that replicas take; controllers have the log of metadata alone, on disks "
       "of "
       "their own"},
      {"kafka:log_dir_used_ratio",
       "1 - max by (cluster, broker, directory) (node_filesystem_avail_bytes{directory!=\"\"}"
       " / node_filesystem_size_bytes{directory!=\"\"})"
       " or 1 - max by (cluster, broker, directory) (kubelet_volume_stats_available_bytes{directory!=\"\"}"
       " / kubelet_volume_stats_capacity_bytes{directory!=\"\"})",
       "Share of each log directory's file system that is in use: Kafka tells what replicas take, not in which "
       "directory"},
      {"kafka:request_handlers_idle_ratio",
       "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent"
       " * on (cluster) group_left () sum by (cluster) (fleet:cluster_shared_handlers) - 1"
       " or kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent"
       " unless on (cluster) fleet:cluster_shared_handlers",
       "Idle share of brokers' request handlers, 0 to 1. Where a broker is a controller, too, Kafka tells that of "
       "both: "
       "up to 4.1 their sum, then their mean; a controller's are taken to be idle"},
      {"kafka:group_lag_messages", "max by (cluster, consumergroup, topic) (freshet_fleet_group_lag_messages)",
       "Messages that wait for a group, whichever of several watchers says so"},
      {"kafka:group_lag_seconds", "max by (cluster, consumergroup, topic) (freshet_fleet_group_lag_seconds)",
       "Of the partition that is furthest behind: the age of the oldest message that waits"},
      {"kafka:group_read_at_seconds",
       "max by (cluster, consumergroup, topic) (freshet_fleet_group_has_members == 1"
       " or freshet_fleet_group_read_messages_per_second > 0) * 0 + time()"
       " or last_over_time(kafka:group_read_at_seconds[6h]) > time() - 259200",
       "When a group was last seen to have members or to commit; forgotten after three days, which is longer than a "
       "weekend, and not while Prometheus is away for some hours"},
      {"kafka:group_abandoned",
       "(max by (cluster, consumergroup, topic) (freshet_fleet_group_has_members) == 0) + 1"
       " unless on (cluster, consumergroup, topic) kafka:group_read_at_seconds",
       "1: nobody has read for so long, and Kafka keeps its place until offsets.retention.minutes are over"},
  }};
  return kRecorded;
}

std::span<const std::string_view> fact_metrics() {
  static constexpr std::array<std::string_view, 18> kNames = {"fleet:cluster_info",
                                                              "fleet:cluster_brokers",
                                                              "fleet:cluster_brokers_spare",
                                                              "fleet:cluster_controllers",
                                                              "fleet:cluster_shared_handlers",
                                                              "fleet:cluster_topics",
                                                              "fleet:broker_disk_bytes",
                                                              "fleet:broker_cpus",
                                                              "fleet:cluster_produce_p99_milliseconds",
                                                              "fleet:cluster_probed",
                                                              "fleet:cluster_unavailability_max",
                                                              "fleet:topic_messages_per_second_max",
                                                              "fleet:mirror_info",
                                                              "fleet:mirror_messages_per_second",
                                                              "fleet:mirror_source_topic",
                                                              "fleet:group_info",
                                                              "fleet:group_lag_max_seconds",
                                                              "fleet:group_lag_max_messages"};
  return kNames;
}

bool is_known_metric(std::string_view name) {
  const auto named = [&](const auto& metric) { return metric.name == name; };
  const auto same = [&](std::string_view other) { return other == name; };
  return std::ranges::any_of(exported_metrics(), named) || std::ranges::any_of(recorded_metrics(), named) ||
         std::ranges::any_of(built_in_metrics(), same) || std::ranges::any_of(watch_metrics(), same) ||
         std::ranges::any_of(mirror_metrics(), same) || std::ranges::any_of(disk_metrics(), same) ||
         std::ranges::any_of(fact_metrics(), same);
}

std::vector<std::string> metrics_in(std::string_view text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = close_of(text, at, c);
    } else if (c == '{') {
      at = close_of(text, at, '}');
    } else if (c == '[') {
      at = close_of(text, at, ']');
      // A number may go on with letters: 1e12, 10m.
    } else if (c >= '0' && c <= '9') {
      while (at < text.size() && (is_metric_char(text[at]) || text[at] == '.')) ++at;
    } else if (!is_metric_char(c)) {
      ++at;
    } else {
      const size_t begin = at;
      while (at < text.size() && is_metric_char(text[at])) ++at;
      const std::string word(text.substr(begin, at - begin));
      const size_t next = skip_blanks(text, at);
      const bool opens = next < text.size() && text[next] == '(';
      if (takes_labels(word)) {
        if (opens) at = close_of(text, next, ')');
      } else if (!is_operator(word) && !opens && std::find(out.begin(), out.end(), word) == out.end()) {
        // An aggregation may have its labels before its operand: sum by (a) (x).
        const std::string_view after = text.substr(next);
        if (!after.starts_with("by ") && !after.starts_with("by(") && !after.starts_with("without "))
          out.push_back(word);
      }
    }
  }
  return out;
}

}  // namespace freshet::fleet
