// The alerts, by concern. Each has an incident and a near miss beside it, in promtool's notation, one value a minute:
// "0x9 3x60" is zero at the minutes 0 to 9 and three for an hour from then. Thresholds come from the topology
// (fleet:…) wherever it has one, so that the rules are the same for every fleet. `for_minutes` is how long a trouble
// may mend itself: a rolling restart, a move of leaders, a scrape that fails.
#include "fleet/render/alerts.h"

#include <fmt/core.h>

#include "fleet/render/alerts_watch.h"

namespace freshet::fleet {
namespace {

using enum AlertSubject;

Series of_cluster(std::string_view metric, std::string_view values, std::string_view labels = "") {
  return {fmt::format("{}{{cluster=\"{{cluster}}\",broker=\"1\"{}}}", metric, labels), std::string(values)};
}

// Six brokers, `down` of which are away from minute 10 to `until`.
std::vector<Series> brokers(uint32_t down, uint32_t until = 60) {
  std::vector<Series> out;
  for (uint32_t i = 1; i <= 6; ++i) {
    out.push_back({fmt::format("up{{job=\"kafka\",role=\"broker\",cluster=\"{{cluster}}\",broker=\"{}\"}}", i),
                   i > down ? "1x60" : fmt::format("1x9 0x{} 1x60", until - 11)});
  }
  return out;
}

// And three that the topology has from minute 20.
std::vector<Series> with_three_more(std::vector<Series> brokers) {
  brokers.push_back({"fleet:cluster_brokers{cluster=\"{cluster}\",added=\"yes\"}", "_x20 3x60"});
  return brokers;
}

// Three controllers, one of which is up as `first` says.
std::vector<Series> controllers(std::string_view first) {
  std::vector<Series> out;
  for (uint32_t i = 1; i <= 3; ++i) {
    out.push_back({fmt::format("up{{job=\"kafka\",role=\"controller\",cluster=\"{{cluster}}\",broker=\"999{}\"}}", i),
                   i > 1 ? "1x80" : std::string(first)});
  }
  return out;
}

// Two brokers have disks, so that an alert of one of them shows that it does not add up or mix them.
std::vector<Series> disks(std::string_view first, std::string_view second) {
  const auto disk = [](int broker, std::string_view values) {
    return Series{
        fmt::format("kafka_log_log_size{{cluster=\"{{cluster}}\",broker=\"{}\",topic=\"t\",partition=\"0\"}}", broker),
        std::string(values)};
  };
  return {disk(1, first), disk(2, second)};
}

void add_availability(std::vector<Alert>& out) {
  out.push_back({kClusterDown,
                 Severity::kCritical,
                 "availability",
                 1,
                 kCluster,
                 "kafka:brokers_missing == on (cluster) sum by (cluster) (fleet:cluster_brokers)",
                 "No broker of {cluster} is found",
                 "Look whether the machines run, whether Prometheus reaches their exporters, and what changed last.",
                 "",
                 {.series = brokers(6), .fires_within = 2},
                 {"five of six brokers are away", brokers(5)}});
  out.push_back({"KafkaBrokersDown",
                 Severity::kCritical,
                 "availability",
                 2,
                 kCluster,
                 "kafka:brokers_lost > on (cluster) sum by (cluster) (fleet:cluster_brokers_spare)"
                 " or min_over_time(kafka:brokers_missing[6h])"
                 " > on (cluster) sum by (cluster) (fleet:cluster_brokers_spare)",
                 "{value} brokers of {cluster} are away, more than its topics can spare",
                 "Bring brokers back before anything else: partitions refuse writes or are lost to readers.",
                 "humanize",
                 {.series = brokers(2), .fires_within = 3, .value = "2"},
                 {"as many are away as can be spared", brokers(1)},
                 {"three are added, and have no machines yet", with_three_more(brokers(0))}});
  out.push_back({"KafkaBrokerDown",
                 Severity::kWarn,
                 "availability",
                 5,
                 kCluster,
                 "kafka:brokers_missing > 0",
                 "{value} of {cluster}'s brokers away",
                 "See the machine and the broker's log; until it is back the cluster can spare one less.",
                 "humanize",
                 {.series = brokers(1), .fires_within = 6, .value = "1"},
                 {"a broker restarts within four minutes", brokers(1, 14)}});
  out.push_back({"KafkaPartitionsOffline",
                 Severity::kCritical,
                 "availability",
                 1,
                 kCluster,
                 "max by (cluster) (kafka_controller_kafkacontroller_offlinepartitionscount) > 0",
                 "{value} partitions of {cluster} have no leader",
                 "Bring back the brokers that hold their replicas; an unclean election loses messages.",
                 "humanize",
                 {.series = {of_cluster("kafka_controller_kafkacontroller_offlinepartitionscount", "0x9 3x60")},
                  .fires_within = 2,
                  .value = "3"},
                 {"leaders move within a minute",
                  {of_cluster("kafka_controller_kafkacontroller_offlinepartitionscount", "0x9 3 0x60")}}});
}

void add_controllers(std::vector<Alert>& out) {
  out.push_back({"KafkaNoActiveController",
                 Severity::kCritical,
                 "controller",
                 2,
                 kCluster,
                 "(sum by (cluster) (kafka_controller_kafkacontroller_activecontrollercount)"
                 " or sum by (cluster) (fleet:cluster_info) * 0) != 1",
                 "{cluster} has {value} active controllers, not one",
                 "See the controllers' logs and quorum; topics and leaders can't change meanwhile.",
                 "humanize",
                 {.series = {of_cluster("kafka_controller_kafkacontroller_activecontrollercount", "1x9 0x60")},
                  .fires_within = 3,
                  .value = "0"},
                 {"another controller takes over within a minute",
                  {of_cluster("kafka_controller_kafkacontroller_activecontrollercount", "1x9 0x1 1x60")}}});
  out.push_back(
      {"KafkaControllerDown",
       Severity::kWarn,
       "controller",
       5,
       kCluster,
       "sum by (cluster) (fleet:cluster_controllers) - (count by (cluster) "
       "(up{job=\"kafka\",role=\"controller\"} == 1) or sum by (cluster) (fleet:cluster_controllers) * 0) > 0",
       "{value} of {cluster}'s controllers away",
       "See the machine and the controller's log: without a majority nothing can be led anew.",
       "humanize",
       {.series = controllers("1x9 0x60"), .fires_within = 6, .value = "1"},
       {"a controller restarts within four minutes", controllers("1x9 0x3 1x60")}});
}

void add_replication(std::vector<Alert>& out) {
  constexpr std::string_view kMinIsr = "kafka_server_replicamanager_underminisrpartitioncount";
  constexpr std::string_view kUnderReplicated = "kafka_server_replicamanager_underreplicatedpartitions";
  constexpr std::string_view kUnclean = "kafka_controller_controllerstats_uncleanleaderelections_total";
  constexpr std::string_view kShrinks = "kafka_server_replicamanager_isrshrinks_total";
  out.push_back({"KafkaUnderMinIsr",
                 Severity::kCritical,
                 "replication",
                 2,
                 kCluster,
                 "sum by (cluster) (kafka_server_replicamanager_underminisrpartitioncount) > 0",
                 "{value} partitions of {cluster} refuse writes with acks=all",
                 "Too few replicas are in sync: bring back brokers, or find what slows their followers.",
                 "humanize",
                 {.series = {of_cluster(kMinIsr, "0x9 4x60")}, .fires_within = 3, .value = "4"},
                 {"replicas are back within two minutes", {of_cluster(kMinIsr, "0x9 4x1 0x60")}}});
  out.push_back(
      {"KafkaUnderReplicated",
       Severity::kWarn,
       "replication",
       10,
       kCluster,
       "sum by (cluster) (kafka_server_replicamanager_underreplicatedpartitions) > 0",
       "{value} partitions of {cluster} lack a replica",
       "Usual for minutes after a restart or during a move; else look at the brokers' disks and network.",
       "humanize",
       {.series = {of_cluster(kUnderReplicated, "0x9 7x60")}, .fires_within = 11, .value = "7"},
       {"a restarted broker catches up within nine minutes", {of_cluster(kUnderReplicated, "0x9 7x8 0x60")}}});
  out.push_back({"KafkaUncleanElection",
                 Severity::kCritical,
                 "replication",
                 0,
                 kCluster,
                 "sum by (cluster) (increase(kafka_controller_controllerstats_uncleanleaderelections_total[10m])) > 0",
                 "{cluster} made a replica leader that lacked messages: acknowledged ones may be lost",
                 "Find which topics, and tell their owners; then see why unclean election was allowed.",
                 "",
                 {.series = {of_cluster(kUnclean, "0x9 1x60")}, .fires_within = 1},
                 {"it happened before anything was scraped", {of_cluster(kUnclean, "5x80")}}});
  out.push_back({"KafkaIsrShrinking",
                 Severity::kWarn,
                 "replication",
                 5,
                 kCluster,
                 "sum by (cluster) (increase(kafka_server_replicamanager_isrshrinks_total[15m])) > 30"
                 " and sum by (cluster) (increase(kafka_server_replicamanager_isrshrinks_total[5m])) > 0",
                 "Replicas of {cluster} fall out of sync again and again",
                 "A broker is too slow for its load, or its disk or network is ill: compare brokers on the dashboard.",
                 "",
                 {.series = {of_cluster(kShrinks, "0x9 0+6x60")}, .fires_within = 15},
                 {"a rolling restart shrinks each partition once", {of_cluster(kShrinks, "0x9 5 10 15 20 25 25x60")}},
                 {"a broker of a thousand partitions hangs once", {of_cluster(kShrinks, "0x9 1000x60")}}});
}

// And a controller, which has the log of metadata.
std::vector<Series> with_controller(std::vector<Series> disks) {
  disks.push_back(
      {"kafka_log_log_size{cluster=\"{cluster}\",broker=\"9991\",topic=\"__cluster_metadata\",partition=\"0\"}",
       "60e6x110"});
  return disks;
}

void add_disks(std::vector<Alert>& out) {
  constexpr std::string_view kOffline = "kafka_log_logmanager_offlinelogdirectorycount";
  out.push_back({"KafkaLogDirOffline",
                 Severity::kCritical,
                 "disk",
                 1,
                 kCluster,
                 "max by (cluster, broker) (kafka_log_logmanager_offlinelogdirectorycount) > 0",
                 "Broker {broker} of {cluster} lost {value} of its log directories",
                 "Replace the volume; the broker makes its replicas anew from the others.",
                 "humanize",
                 {.series = {of_cluster(kOffline, "0x9 1x60")}, .fires_within = 2, .value = "1", .broker = "1"},
                 {"one scrape says so", {of_cluster(kOffline, "0x9 1 0x60")}}});
  out.push_back({"KafkaDiskFull",
                 Severity::kCritical,
                 "disk",
                 5,
                 kCluster,
                 "kafka:disk_used_ratio > 0.85",
                 "The disks of broker {broker} of {cluster} are {value} full",
                 "Lower the retention of the largest topic, then add disk. A full disk stops the broker.",
                 "humanizePercentage",
                 {.series = disks("500e9x9 900e9x60", "500e9x70"), .fires_within = 6, .value = "90%", .broker = "1"},
                 {"84 %", disks("840e9x70", "500e9x70")}});
  out.push_back({"KafkaDiskFilling",
                 Severity::kWarn,
                 "disk",
                 15,
                 kCluster,
                 "kafka:disk_used_ratio > 0.75",
                 "The disks of broker {broker} of {cluster} are {value} full",
                 "Plan more disk, shorter retention or a rebalance, while there is room to move replicas.",
                 "humanizePercentage",
                 {.series = disks("500e9x9 800e9x60", "500e9x70"), .fires_within = 16, .value = "80%", .broker = "1"},
                 {"a move needs 80 % for ten minutes", disks("500e9x9 800e9x9 600e9x60", "500e9x70")}});
  out.push_back({"KafkaDiskFullWithinADay",
                 Severity::kWarn,
                 "disk",
                 60,
                 kCluster,
                 "predict_linear(kafka:disk_used_ratio[6h], 86400) > 0.95 and kafka:disk_used_ratio > 0.5",
                 "At this rate the disks of broker {broker} of {cluster} are full within a day",
                 "See which topic grows, and whether its producers are as they should be.",
                 "",
                 {.series = disks("520e9+1e9x400", "520e9x410"), .onset_minute = 0, .fires_within = 120, .broker = "1"},
                 {"it grows by a tenth a day", disks("600e9+70e6x400", "500e9x410"), 400}});
  out.push_back({"KafkaDisksUneven",
                 Severity::kWarn,
                 "disk",
                 60,
                 kCluster,
                 "max by (cluster) (kafka:disk_used_ratio) - min by (cluster) (kafka:disk_used_ratio) > 0.25",
                 "The fullest broker of {cluster} has {value} more of its disks in use than the emptiest",
                 "Rebalance, in stages that leave room for replicas still to be deleted.",
                 "humanizePercentage",
                 {.series = disks("500e9x9 700e9x100", "400e9x110"), .fires_within = 61, .value = "30%"},
                 {"a fifth apart", disks("600e9x110", "400e9x110"), 100},
                 {"controllers have next to nothing", with_controller(disks("600e9x110", "590e9x110")), 100}});
}

// What the node exporters of six brokers tell, the first one's and the others'.
std::vector<Series> exporters(std::string_view first, std::string_view others) {
  std::vector<Series> out;
  for (uint32_t i = 1; i <= 6; ++i) {
    for (const char* metric : {"node_filesystem_avail_bytes", "node_filesystem_size_bytes"}) {
      const std::string name = fmt::format("{}{{cluster=\"{{cluster}}\",broker=\"{}\",directory=\"/d\"}}", metric, i);
      out.push_back({name, std::string(i == 1 ? first : others)});
    }
  }
  return out;
}

// A broker loses a log directory that is full, however empty its others are.
void add_log_dirs(std::vector<Alert>& out) {
  const auto log_dirs = [](std::string_view first, std::string_view second) {
    std::vector<Series> series;
    const auto add = [&](std::string_view metric, int disk, std::string_view values) {
      series.push_back(of_cluster(metric, values, fmt::format(",directory=\"/var/lib/kafka/disk{}\"", disk)));
    };
    for (const int disk : {1, 2}) {
      add("node_filesystem_avail_bytes", disk, disk == 1 ? first : second);
      add("node_filesystem_size_bytes", disk, "500e9x110");
    }
    return series;
  };
  out.push_back({"KafkaLogDirFull",
                 Severity::kCritical,
                 "disk",
                 5,
                 kCluster,
                 "max by (cluster, broker) (kafka:log_dir_used_ratio) > 0.9",
                 "A log directory of broker {broker} of {cluster} is {value} full",
                 "Move its largest replicas to the broker's other directories, or lower their retention.",
                 "humanizePercentage",
                 {.series = log_dirs("250e9x9 25e9x60", "400e9x70"), .fires_within = 6, .value = "95%", .broker = "1"},
                 {"88 % beside a directory that is nearly empty", log_dirs("60e9x70", "490e9x70")}});
  out.push_back(
      {"KafkaLogDirFilling",
       Severity::kWarn,
       "disk",
       15,
       kCluster,
       "max by (cluster, broker) (kafka:log_dir_used_ratio) > 0.8",
       "A log directory of broker {broker} of {cluster} is {value} full",
       "Compare the broker's directories: Kafka puts new replicas where there are fewest, not where there is room.",
       "humanizePercentage",
       {.series = log_dirs("250e9x9 75e9x60", "400e9x70"), .fires_within = 16, .value = "85%", .broker = "1"},
       {"a move needs 85 % for ten minutes", log_dirs("250e9x9 75e9x9 150e9x60", "400e9x70")}});
}

void add_unknown_log_dirs(std::vector<Alert>& out) {
  out.push_back(
      {"KafkaLogDirsUnknown",
       Severity::kWarn,
       "disk",
       60,
       kCluster,
       "sum by (cluster) (fleet:cluster_brokers) > on (cluster)"
       " (count by (cluster) (count by (cluster, broker) (kafka:log_dir_used_ratio))"
       " or sum by (cluster) (fleet:cluster_brokers) * 0)",
       "Nobody knows how full the log directories of some brokers of {cluster} are",
       "See whether node exporters run (node-exporter.yml), or whether Prometheus may read kubelets' metrics.",
       "",
       {.series = exporters("1x9 _x101", "1x110"), .fires_within = 66},
       {"exporters are away for fifty minutes", exporters("1x9 _x50 1x50", "1x9 _x50 1x50"), 110}});
}

void add_load(std::vector<Alert>& out) {
  constexpr std::string_view kHandlers = "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent";
  constexpr std::string_view kNetwork = "kafka_network_socketserver_networkprocessoravgidle_percent";
  constexpr std::string_view kCpu = "process_cpu_seconds_total";
  constexpr std::string_view kBroker = ",role=\"broker\"";
  out.push_back({"KafkaRequestHandlersSaturated",
                 Severity::kCritical,
                 "load",
                 5,
                 kCluster,
                 "min by (cluster, broker) (kafka:request_handlers_idle_ratio) < 0.1",
                 "Broker {broker} of {cluster} has {value} of its request handlers idle",
                 "Throttle what is abnormal (a restarted consumer, a move), then spread leaders or add brokers.",
                 "humanizePercentage",
                 {.series = {of_cluster(kHandlers, "0.6x9 0.05x60")}, .fires_within = 6, .value = "5%", .broker = "1"},
                 {"a burst of four minutes after a restart", {of_cluster(kHandlers, "0.6x9 0.05x3 0.4x60")}}});
  out.push_back({"KafkaRequestHandlersBusy",
                 Severity::kWarn,
                 "load",
                 15,
                 kCluster,
                 "min by (cluster, broker) (kafka:request_handlers_idle_ratio) < 0.3",
                 "Broker {broker} of {cluster} has {value} of its request handlers idle",
                 "Look for small batches and hot topics; plan brokers for the growth.",
                 "humanizePercentage",
                 {.series = {of_cluster(kHandlers, "0.6x9 0.2x60")}, .fires_within = 16, .value = "20%", .broker = "1"},
                 {"a busy quarter of an hour at 35 %", {of_cluster(kHandlers, "0.6x9 0.35x60")}}});
  out.push_back({"KafkaNetworkThreadsBusy",
                 Severity::kWarn,
                 "load",
                 15,
                 kCluster,
                 "min by (cluster, broker) (kafka_network_socketserver_networkprocessoravgidle_percent) < 0.3",
                 "Broker {broker} of {cluster} has {value} of its network threads idle",
                 "Many connections or TLS: raise num.network.threads, or spread leaders.",
                 "humanizePercentage",
                 {.series = {of_cluster(kNetwork, "0.6x9 0.2x60")}, .fires_within = 16, .value = "20%", .broker = "1"},
                 {"a burst of ten minutes", {of_cluster(kNetwork, "0.6x9 0.2x9 0.6x60")}}});
  out.push_back(
      {"KafkaBrokerCpuBusy",
       Severity::kWarn,
       "load",
       15,
       kCluster,
       "sum by (cluster, broker) (rate(process_cpu_seconds_total{role=\"broker\"}[5m]))"
       " / on (cluster) group_left () sum by (cluster) (fleet:broker_cpus) > 0.75",
       "Broker {broker} of {cluster} uses {value} of its cores",
       "See which topics and clients it serves: small batches, another codec, leaders that are not spread.",
       "humanizePercentage",
       {.series = {of_cluster(kCpu, "0+216x70", kBroker)},
        .onset_minute = 0,
        .fires_within = 21,
        .value = "90%",
        .broker = "1"},
       {"seven tenths, day and night", {of_cluster(kCpu, "0+168x70", kBroker)}},
       {"ten minutes of nine tenths after a restart", {of_cluster(kCpu, "0+96x9 960+216x9 3120+96x50", kBroker)}}});
}

// Kafka's quantiles are of the last thousand requests, however long ago they were: who gets none keeps what it had.
void add_latency(std::vector<Alert>& out) {
  constexpr std::string_view kLatency = "kafka_network_requestmetrics_totaltimems";
  constexpr std::string_view kRequests = "kafka_network_requestmetrics_requests_total";
  constexpr std::string_view kProduce99 = ",request=\"Produce\",quantile=\"0.99\"";
  constexpr std::string_view kProduce = ",request=\"Produce\",version=\"11\"";
  const Series busy = of_cluster(kRequests, "0+600x80", kProduce);
  const Series silent = of_cluster(kRequests, "0+600x10 6000x60", kProduce);
  out.push_back({"KafkaProduceVerySlow",
                 Severity::kCritical,
                 "latency",
                 5,
                 kCluster,
                 "max by (cluster) (kafka_network_requestmetrics_totaltimems{request=\"Produce\",quantile=\"0.99\"}"
                 " and on (cluster, broker) (sum by (cluster, broker) "
                 "(rate(kafka_network_requestmetrics_requests_total{request=\"Produce\"}[5m])) > 0))"
                 " > on (cluster) 3 * sum by (cluster) (fleet:cluster_produce_p99_milliseconds)",
                 "One in a hundred writes to {cluster} takes over {value} ms, three times what is promised",
                 "See whether replication, disks or request queues are slow: the dashboard shows each broker's part.",
                 "humanize",
                 {.series = {of_cluster(kLatency, "20x9 400x60", kProduce99), busy}, .fires_within = 6, .value = "400"},
                 {"slow, but within three times the promise", {of_cluster(kLatency, "20x9 290x60", kProduce99), busy}},
                 {"a slow minute, then silence", {of_cluster(kLatency, "20x9 400x60", kProduce99), silent}}});
  out.push_back(
      {"KafkaProduceSlow",
       Severity::kWarn,
       "latency",
       10,
       kCluster,
       "max by (cluster) (kafka_network_requestmetrics_totaltimems{request=\"Produce\",quantile=\"0.99\"}"
       " and on (cluster, broker) (sum by (cluster, broker) "
       "(rate(kafka_network_requestmetrics_requests_total{request=\"Produce\"}[5m])) > 0))"
       " > on (cluster) sum by (cluster) (fleet:cluster_produce_p99_milliseconds)",
       "One in a hundred writes to {cluster} takes over {value} ms, more than is promised",
       "See whether replication, disks or request queues are slow: the dashboard shows each broker's part.",
       "humanize",
       {.series = {of_cluster(kLatency, "20x9 150x60", kProduce99), busy}, .fires_within = 11, .value = "150"},
       {"slow for five minutes, and fetches slower for ever",
        {of_cluster(kLatency, "20x9 150x4 20x60", kProduce99), busy,
         of_cluster(kLatency, "500x70", ",request=\"FetchConsumer\",quantile=\"0.99\"")}},
       {"a slow minute, then silence", {of_cluster(kLatency, "20x9 150x60", kProduce99), silent}}});
}

// A topic of a message in minutes is above its rate with every second one: under one a second nobody minds.
void add_use(std::vector<Alert>& out) {
  constexpr std::string_view kMessages = "kafka_server_brokertopicmetrics_messagesin_total";
  constexpr std::string_view kRequests = "kafka_network_requestmetrics_requests_total";
  constexpr std::string_view kBytesOut = "kafka_server_brokertopicmetrics_bytesout_total";
  constexpr std::string_view kOfTopic = ",topic=\"{topic}\"";
  constexpr std::string_view kProduce = ",request=\"Produce\",version=\"11\"";
  out.push_back(
      {"KafkaSmallBatches",
       Severity::kWarn,
       "use",
       30,
       kCluster,
       "sum by (cluster) (rate(kafka_server_brokertopicmetrics_messagesin_total{topic=\"\"}[5m]))"
       " / sum by (cluster) (rate(kafka_network_requestmetrics_requests_total{request=\"Produce\"}[5m])) < 5"
       " and on (cluster) sum by (cluster) (rate(kafka_network_requestmetrics_requests_total{request=\"Produce\"}"
       "[5m])) > on (cluster) 1000 * sum by (cluster) (fleet:cluster_brokers)",
       "Producers of {cluster} send {value} messages a request",
       "Ask the owners of the busiest topics to raise linger.ms and batch.size: requests cost more than bytes.",
       "humanize",
       {.series = {of_cluster(kMessages, "0+960000x70"), of_cluster(kRequests, "0+480000x70", kProduce)},
        .onset_minute = 0,
        .fires_within = 36,
        .value = "2"},
       {"small batches of a small load, and their topics counted twice",
        {of_cluster(kMessages, "0+480000x70"), of_cluster(kMessages, "0+480000x70", kOfTopic),
         of_cluster(kRequests, "0+240000x70", kProduce)}}});
  out.push_back(
      {"KafkaTopicHotspot",
       Severity::kWarn,
       "use",
       30,
       kCluster,
       "sum by (cluster, topic) (rate(kafka_server_brokertopicmetrics_bytesout_total{topic!=\"\"}[5m]))"
       " > on (cluster) group_left () (0.5 * sum by (cluster) "
       "(rate(kafka_server_brokertopicmetrics_bytesout_total{topic=\"\"}[5m])) > 20e6"
       " and on (cluster) fleet:cluster_topics > 3)",
       "Topic {topic} is over half of what {cluster} sends out: {value}B/s",
       "Mirror it to a cluster of its own, or let its readers share one copy; it slows every other topic.",
       "humanize",
       {.series = {of_cluster(kBytesOut, "0+6e9x70"), of_cluster(kBytesOut, "0+4.8e9x70", kOfTopic)},
        .onset_minute = 0,
        .fires_within = 36,
        .value = "80M"},
       {"it is just under half", {of_cluster(kBytesOut, "0+6e9x70"), of_cluster(kBytesOut, "0+2.9e9x70", kOfTopic)}}});
  out.push_back(
      {"KafkaTopicAboveItsRate",
       Severity::kWarn,
       "use",
       10,
       kTopic,
       "sum by (cluster, topic) (rate(kafka_server_brokertopicmetrics_messagesin_total{topic!=\"\"}[5m]))"
       " > on (cluster, topic) group_left (owner) clamp_min(1.5 * fleet:topic_messages_per_second_max, 1)",
       "Topic {topic} of {cluster} gets {value} messages/s, half as much again as its highest planned rate",
       "Ask its owner: a fault, or growth that fleet.yaml should know of.",
       "humanize",
       {.series = {of_cluster(kMessages, "0+120000x70", kOfTopic)},
        .onset_minute = 0,
        .fires_within = 16,
        .value = "2k"},
       {"as much as planned at its peak, and a fifth more", {of_cluster(kMessages, "0+72000x70", kOfTopic)}}});
}

void add_mirrors(std::vector<Alert>& out) {
  const auto failed = [](std::string_view values) {
    return Series{"kafka_connect_worker_connector_failed_task_count{mirror=\"{mirror}\",connector=\"c\"}",
                  std::string(values)};
  };
  const auto worker = [](std::string_view values) {
    return Series{"up{job=\"mirror-maker\",mirror=\"{mirror}\",instance=\"w\"}", std::string(values)};
  };
  out.push_back({"KafkaMirrorDown",
                 Severity::kCritical,
                 "mirror",
                 5,
                 kMirror,
                 "(sum by (mirror) (fleet:mirror_info) unless on (mirror) count by (mirror) "
                 "(up{job=~\"mirror-maker|freshet-mirror\"} == 1))",
                 "No worker of mirror {mirror} into {cluster} is found",
                 "See its pods; readers of its target wait.",
                 "",
                 {.series = {worker("1x9 0x60")}, .fires_within = 6},
                 {"it restarts within four minutes", {worker("1x9 0x3 1x60")}}});
  out.push_back(
      {"KafkaMirrorTaskFailed",
       Severity::kCritical,
       "mirror",
       2,
       kMirror,
       "sum by (mirror) (kafka_connect_worker_connector_failed_task_count) > 0",
       "{value} tasks of mirror {mirror} into {cluster} have failed",
       "Their partitions stand still. See the workers' logs (often one oversize record), mend, restart the task.",
       "humanize",
       {.series = {failed("0x9 1x60")}, .fires_within = 3, .value = "1"},
       {"a task is restarted within a minute", {failed("0x9 1 0x60")}}});
}

// MirrorMaker's latency is that of the last record, however long ago that was; its rate is 0 half a minute after it.
// A mirror that is new, or has stood still, begins with what its source has kept: as long as it catches up by half a
// minute a minute nobody need be woken.
constexpr std::string_view kFarBehind =
    "max by (mirror) (kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms"
    " and on (mirror, topic, partition, instance) kafka_connect_mirror_mirrorsourceconnector_record_rate > 0)"
    " / 1000 > 600 unless on (mirror)"
    " (max by (mirror) (kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms"
    " and on (mirror, topic, partition, instance) kafka_connect_mirror_mirrorsourceconnector_record_rate > 0)"
    " < max by (mirror) (kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms offset 4m"
    " and on (mirror, topic, partition, instance) kafka_connect_mirror_mirrorsourceconnector_record_rate offset 4m > 0)"
    " - 120000)";
constexpr std::string_view kBehind =
    "max by (mirror) (kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms"
    " and on (mirror, topic, partition, instance) kafka_connect_mirror_mirrorsourceconnector_record_rate > 0)"
    " / 1000 > 60";

// A source that gets nothing gives nothing to copy. A topic that got nothing since its brokers started has no series,
// so a cluster that is scraped counts as one that got 0; of one that this Prometheus does not know nothing is assumed.
constexpr std::string_view kStandsStill =
    "sum by (mirror) (kafka_connect_mirror_mirrorsourceconnector_record_rate)"
    " < on (mirror) 0.01 * sum by (mirror) (fleet:mirror_messages_per_second)"
    " unless on (mirror) ("
    "(sum by (mirror) (fleet:mirror_source_topic * on (cluster, topic) group_left () sum by (cluster, topic) "
    "(rate(kafka_server_brokertopicmetrics_messagesin_total{topic!=\"\"}[5m])))"
    " or sum by (mirror) (fleet:mirror_source_topic * on (cluster) group_left () max by (cluster) "
    "(up{job=\"kafka\"})) * 0)"
    " < on (mirror) 0.02 * sum by (mirror) (fleet:mirror_messages_per_second))";

// One that fails before it has a task, or waits for ever, tells nothing of what it copies. Only where the source is
// known to get something, as that wakes people.
constexpr std::string_view kMirrorStopped =
    "(sum by (mirror) (kafka_connect_mirror_mirrorsourceconnector_record_rate)"
    " or count by (mirror) (up{job=\"mirror-maker\"} == 1) * 0)"
    " < on (mirror) 0.01 * sum by (mirror) (fleet:mirror_messages_per_second)"
    " and on (mirror) sum by (mirror) (fleet:mirror_source_topic * on (cluster, topic) group_left () "
    "sum by (cluster, topic) (rate(kafka_server_brokertopicmetrics_messagesin_total{topic!=\"\"}[5m])))"
    " > on (mirror) 0.02 * sum by (mirror) (fleet:mirror_messages_per_second)";

// Messages a second that a mirror copies.
Series mirror_copies(std::string_view values, int partition = 0) {
  return {fmt::format("kafka_connect_mirror_mirrorsourceconnector_record_rate"
                      "{{mirror=\"{{mirror}}\",target=\"{{cluster}}\",topic=\"t\",partition=\"{}\"}}",
                      partition),
          std::string(values)};
}
// At the source, which in the example is the same cluster.
Series source_gets(std::string_view values) {
  return of_cluster("kafka_server_brokertopicmetrics_messagesin_total", values, ",topic=\"{topic}\"");
}

void add_stopped_mirrors(std::vector<Alert>& out) {
  const auto worker = Series{"up{job=\"mirror-maker\",mirror=\"{mirror}\",instance=\"w\"}", "1x90"};
  out.push_back({"KafkaMirrorStopped",
                 Severity::kCritical,
                 "mirror",
                 30,
                 kMirror,
                 kMirrorStopped,
                 "Mirror {mirror} into {cluster} copies {value} messages/s, and its source gets far more",
                 "See whether its connectors have failed, then its workers' logs; restart what hangs.",
                 "humanize",
                 {.series = {worker, mirror_copies("500x9 stale _x80"), source_gets("0+30000x90")},
                  .fires_within = 31,
                  .value = "0"},
                 {"it stands still for 25 minutes, and goes on",
                  {worker, mirror_copies("500x9 2x24 500x50"), source_gets("0+30000x90")}},
                 {"nothing is written at the source",
                  {worker, mirror_copies("500x9 0x80"), source_gets("0+30000x9 270000x80")}}});
}

void add_mirror_lag(std::vector<Alert>& out) {
  const auto latency = [](std::string_view values, int partition = 0) {
    return Series{fmt::format("kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms"
                              "{{mirror=\"{{mirror}}\",target=\"{{cluster}}\",topic=\"t\",partition=\"{}\"}}",
                              partition),
                  std::string(values)};
  };
  out.push_back(
      {"KafkaMirrorFarBehind",
       Severity::kCritical,
       "mirror",
       5,
       kMirror,
       kFarBehind,
       "Mirror {mirror} into {cluster} is {value} behind",
       "See whether it moves at all, then what bounds it: tasks, batch size, or the clusters at either end.",
       "humanizeDuration",
       {.series = {latency("100x9 900000x60"), mirror_copies("500x70")}, .fires_within = 6, .value = "15m 0s"},
       {"nine minutes behind, and one late record of another partition, then silence",
        {latency("540000x70"), mirror_copies("500x70"), latency("900000x70", 1), mirror_copies("0x9 0.02x1 0x60", 1)}},
       {"it is new, and catches up with a week", {latency("604800000-600000x70"), mirror_copies("500x70")}}});
  out.push_back(
      {"KafkaMirrorStandsStill",
       Severity::kWarn,
       "mirror",
       15,
       kMirror,
       kStandsStill,
       "Mirror {mirror} into {cluster} copies {value} messages/s, under a hundredth of what its topics get",
       "See whether its topics get anything at the source; if they do, restart its tasks.",
       "humanize",
       {.series = {mirror_copies("500x9 2x60"), source_gets("0+30000x70")}, .fires_within = 16, .value = "2"},
       {"a quiet night of a fiftieth", {mirror_copies("500x9 10x60"), source_gets("0+30000x9 270600+600x60")}},
       {"nothing is written at the source", {mirror_copies("500x9 0x60"), source_gets("0+30000x9 270000x60")}}});
  out.push_back(
      {"KafkaMirrorBehind",
       Severity::kWarn,
       "mirror",
       10,
       kMirror,
       kBehind,
       "Mirror {mirror} into {cluster} is {value} behind",
       "Usual for minutes after a restart; else compare its rate with what its topics get.",
       "humanizeDuration",
       {.series = {latency("100x9 120000x60"), mirror_copies("500x70")}, .fires_within = 11, .value = "2m 0s"},
       {"it catches up within nine minutes", {latency("100x9 120000x8 100x60"), mirror_copies("500x70")}},
       {"one late record, then silence", {latency("120000x70"), mirror_copies("0x9 0.02x1 0x60")}}});
}

// Of mirrors of kind freshet, which stop a partition rather than lose something. Their lag is that of a topic, in each
// process that has some of its partitions, and 0 while nothing waits: so a quiet night looks like no lag, as it should.
void add_freshet_mirrors(std::vector<Alert>& out) {
  const auto halted = [](std::string_view values) {
    return Series{"freshet_mirror_halted{job=\"freshet-mirror\",mirror=\"{mirror}\",topic=\"t\",instance=\"p\"}",
                  std::string(values)};
  };
  const auto lag = [](std::string_view values) {
    return Series{"freshet_mirror_lag_seconds{job=\"freshet-mirror\",mirror=\"{mirror}\",topic=\"t\",instance=\"p\"}",
                  std::string(values)};
  };
  out.push_back({"KafkaMirrorHalted",
                 Severity::kCritical,
                 "mirror",
                 2,
                 kMirror,
                 "count by (mirror) (freshet_mirror_halted == 1)",
                 "Mirror {mirror} into {cluster} has stopped partitions of {value} topics",
                 "The process's log says which and why: a record without a key, or what the source has deleted.",
                 "humanize",
                 {.series = {halted("0x9 1x60")}, .fires_within = 3, .value = "1"},
                 {"it is started again within a minute", {halted("0x9 1 0x60")}}});
  out.push_back({"KafkaMirrorLagsFar",
                 Severity::kCritical,
                 "mirror",
                 5,
                 kMirror,
                 "max by (mirror) (freshet_mirror_lag_seconds) > 600 unless on (mirror)"
                 " (max by (mirror) (freshet_mirror_lag_seconds)"
                 " < max by (mirror) (freshet_mirror_lag_seconds offset 4m) - 120)",
                 "Mirror {mirror} into {cluster} is {value} behind its source",
                 "See freshet_mirror_aborts_total, its bandwidth limits, and the clusters at either end.",
                 "humanizeDuration",
                 {.series = {lag("0x9 900x60")}, .fires_within = 6, .value = "15m 0s"},
                 {"nine minutes behind", {lag("540x70")}},
                 {"it is new, and catches up with a week", {lag("604800-600x70")}}});
  out.push_back({"KafkaMirrorLags",
                 Severity::kWarn,
                 "mirror",
                 10,
                 kMirror,
                 "max by (mirror) (freshet_mirror_lag_seconds) > 60",
                 "Mirror {mirror} into {cluster} is {value} behind its source",
                 "Usual for minutes after a restart; else start another process of it.",
                 "humanizeDuration",
                 {.series = {lag("0x9 120x60")}, .fires_within = 11, .value = "2m 0s"},
                 {"it catches up within nine minutes", {lag("0x9 120x8 0x60")}}});
}

}  // namespace

const std::vector<Alert>& alerts() {
  static const std::vector<Alert> kAlerts = [] {
    std::vector<Alert> out;
    add_availability(out);
    add_controllers(out);
    add_replication(out);
    add_disks(out);
    add_log_dirs(out);
    add_unknown_log_dirs(out);
    add_probe_alerts(out);
    add_load(out);
    add_machine_alerts(out);
    add_latency(out);
    add_use(out);
    add_batch_alerts(out);
    add_mirrors(out);
    add_stopped_mirrors(out);
    add_mirror_lag(out);
    add_freshet_mirrors(out);
    add_group_alerts(out);
    return out;
  }();
  return kAlerts;
}

std::string runbook_of(const Alert& alert) {
  std::string anchor(alert.name);
  for (char& c : anchor)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return "docs/fleet/alerts.md#" + anchor;
}

std::string routed_expression(const Alert& alert) {
  switch (alert.subject) {
    case kTopic: return std::string(alert.expression);
    case kMirror:
      return fmt::format("({}) * on (mirror) group_left (cluster, owner) fleet:mirror_info", alert.expression);
    case kGroup:
      return fmt::format("({}) * on (cluster, consumergroup) group_left (owner) fleet:group_info", alert.expression);
    case kCluster: break;
  }
  return fmt::format("({}) * on (cluster) group_left (owner) fleet:cluster_info", alert.expression);
}

std::vector<Series> example_facts() {
  const auto fact = [](std::string_view name, std::string_view labels, std::string_view value) {
    return Series{fmt::format("{}{{cluster=\"{{cluster}}\"{}}}", name, labels), fmt::format("{}x450", value)};
  };
  return {fact("fleet:cluster_info", ",owner=\"{owner}\"", "1"),
          fact("fleet:cluster_brokers", "", "6"),
          fact("fleet:cluster_brokers_spare", "", "1"),
          fact("fleet:cluster_controllers", "", "3"),
          fact("fleet:cluster_topics", "", "10"),
          fact("fleet:broker_disk_bytes", "", "1e12"),
          fact("fleet:broker_cpus", "", "4"),
          fact("fleet:cluster_produce_p99_milliseconds", "", "100"),
          fact("fleet:cluster_probed", "", "1"),
          fact("fleet:cluster_unavailability_max", "", "0.0001"),
          fact("fleet:topic_messages_per_second_max", ",topic=\"{topic}\",owner=\"{owner}\"", "1000"),
          fact("fleet:mirror_info", ",mirror=\"{mirror}\",owner=\"{owner}\"", "1"),
          fact("fleet:mirror_messages_per_second", ",mirror=\"{mirror}\"", "500"),
          fact("fleet:mirror_source_topic", ",mirror=\"{mirror}\",topic=\"{topic}\"", "1"),
          fact("fleet:group_info", ",consumergroup=\"{group}\",owner=\"{owner}\"", "1"),
          fact("fleet:group_lag_max_seconds", ",consumergroup=\"{group}\"", "30"),
          fact("fleet:group_lag_max_messages", ",consumergroup=\"{group}\"", "60000")};
}

}  // namespace freshet::fleet
