// Dashboards as tables of panels: a title, a PromQL expression, a legend, a unit and what to make of it. Expressions
// use only what metrics.h lists (a test reads them), so that no panel stays empty for want of a metric.
#include "fleet/render/grafana.h"

#include <fmt/core.h>

#include "fleet/render/json.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

Dashboard fleet_dashboard() {
  return {
      "freshet-fleet",
      "Kafka fleet",
      "",
      "",
      {
          {"Brokers missing", "kafka:brokers_missing", "{{cluster}}", "short", "Of those that the topology has"},
          {"Alerts", "sum by (cluster, alertname) (ALERTS{alertstate=\"firing\"})", "{{cluster}} {{alertname}}",
           "short", "Firing now"},
          {"Messages in",
           "sum by (cluster) (rate(kafka_server_brokertopicmetrics_messagesin_total{topic=\"\"}[$__rate_interval]))",
           "{{cluster}}", "cps", "Of producers and mirrors"},
          {"Bytes in",
           "sum by (cluster) (rate(kafka_server_brokertopicmetrics_bytesin_total{topic=\"\"}[$__rate_interval]))",
           "{{cluster}}", "Bps", "As sent, that is compressed"},
          {"Bytes out",
           "sum by (cluster) (rate(kafka_server_brokertopicmetrics_bytesout_total{topic=\"\"}[$__rate_interval]))",
           "{{cluster}}", "Bps", "To consumers and mirrors"},
          {"Produce requests",
           "sum by (cluster) "
           "(rate(kafka_network_requestmetrics_requests_total{request=\"Produce\"}[$__rate_interval]))",
           "{{cluster}}", "reqps", "Many of few messages: raise linger and batch size"},
          {"Slowest 1 % of writes",
           "max by (cluster) (kafka_network_requestmetrics_totaltimems{request=\"Produce\",quantile=\"0.99\"})",
           "{{cluster}}", "ms", "99th percentile of the slowest broker"},
          {"Fullest broker's disks", "max by (cluster) (kafka:disk_used_ratio)", "{{cluster}}", "percentunit",
           "Replicas' bytes to the volumes' size"},
          {"Idle request handlers", "min by (cluster) (kafka:request_handlers_idle_ratio)", "{{cluster}}",
           "percentunit", "Of the busiest broker"},
          {"Under-replicated partitions", "sum by (cluster) (kafka_server_replicamanager_underreplicatedpartitions)",
           "{{cluster}}", "short", "They lack a replica"},
          {"From end to end, slowest 1 %", "max by (cluster) (freshet_fleet_probe_seconds{quantile=\"0.99\"})",
           "{{cluster}}", "s", "A record to the slowest broker and back, where fleet watch may probe"},
          {"Share of probes that fail",
           "sum by (cluster) (rate(freshet_fleet_probe_failures[$__rate_interval]))"
           " / sum by (cluster) (rate(freshet_fleet_probes[$__rate_interval]))",
           "{{cluster}}", "percentunit", "A promised availability is measured by it"},
      }};
}

void add_broker_panels(std::vector<Panel>& out) {
  out.push_back(
      {"Messages in by broker",
       "sum by (broker) "
       "(rate(kafka_server_brokertopicmetrics_messagesin_total{cluster=\"$cluster\",topic=\"\"}[$__rate_interval]))",
       "{{broker}}", "cps", "Uneven: leaders are"});
  out.push_back(
      {"Bytes in by broker",
       "sum by (broker) "
       "(rate(kafka_server_brokertopicmetrics_bytesin_total{cluster=\"$cluster\",topic=\"\"}[$__rate_interval]))",
       "{{broker}}", "Bps", "From producers and mirrors"});
  out.push_back(
      {"Bytes out by broker",
       "sum by (broker) "
       "(rate(kafka_server_brokertopicmetrics_bytesout_total{cluster=\"$cluster\",topic=\"\"}[$__rate_interval]))",
       "{{broker}}", "Bps", "To consumers and mirrors"});
  out.push_back({"Disks used by broker", "kafka:disk_used_ratio{cluster=\"$cluster\"}", "{{broker}}", "percentunit",
                 "Uneven: rebalance in stages"});
  out.push_back({"Idle request handlers", "min by (broker) (kafka:request_handlers_idle_ratio{cluster=\"$cluster\"})",
                 "{{broker}}", "percentunit", "Below 30 % it is busy"});
  out.push_back({"Idle network threads",
                 "min by (broker) (kafka_network_socketserver_networkprocessoravgidle_percent{cluster=\"$cluster\"})",
                 "{{broker}}", "percentunit", "Below 30 % it is busy"});
  out.push_back(
      {"Slowest 1 % of writes",
       "max by (broker) "
       "(kafka_network_requestmetrics_totaltimems{cluster=\"$cluster\",request=\"Produce\",quantile=\"0.99\"})",
       "{{broker}}", "ms", "99th percentile"});
  out.push_back({"CPU by broker",
                 "sum by (broker) (rate(process_cpu_seconds_total{cluster=\"$cluster\"}[$__rate_interval]))",
                 "{{broker}}", "short", "Cores in use"});
  out.push_back({"Heap by broker", "sum by (broker) (jvm_memory_used_bytes{cluster=\"$cluster\",area=\"heap\"})",
                 "{{broker}}", "bytes", "In use"});
  out.push_back({"Partitions led by broker",
                 "sum by (broker) (kafka_server_replicamanager_leadercount{cluster=\"$cluster\"})", "{{broker}}",
                 "short", "Uneven: elect preferred leaders"});
}

void add_topic_panels(std::vector<Panel>& out) {
  out.push_back(
      {"Topics by messages in",
       "topk(10, sum by (topic) "
       "(rate(kafka_server_brokertopicmetrics_messagesin_total{cluster=\"$cluster\",topic!=\"\"}[$__rate_interval])))",
       "{{topic}}", "cps", "The ten with most"});
  out.push_back(
      {"Topics by bytes out",
       "topk(10, sum by (topic) "
       "(rate(kafka_server_brokertopicmetrics_bytesout_total{cluster=\"$cluster\",topic!=\"\"}[$__rate_interval])))",
       "{{topic}}", "Bps", "The ten with most: hotspots"});
  out.push_back({"Topics by disk", "topk(10, sum by (topic) (kafka_log_log_size{cluster=\"$cluster\"}))", "{{topic}}",
                 "bytes", "All replicas of the ten largest"});
  out.push_back(
      {"Share of the planned highest rate",
       "topk(10, sum by (cluster, topic) "
       "(rate(kafka_server_brokertopicmetrics_messagesin_total{cluster=\"$cluster\",topic!=\"\"}[$__rate_interval]))"
       " / on (cluster, topic) sum by (cluster, topic) (fleet:topic_messages_per_second_max))",
       "{{topic}}", "percentunit", "Above 100 %: more than fleet.yaml says"});
  out.push_back(
      {"Replicas out of sync",
       "sum by (broker) (rate(kafka_server_replicamanager_isrshrinks_total{cluster=\"$cluster\"}[$__rate_interval]))",
       "{{broker}}", "cps", "How often replicas fall behind"});
  out.push_back({"Partitions in trouble",
                 "sum by (cluster) (kafka_server_replicamanager_underminisrpartitioncount{cluster=\"$cluster\"})",
                 "refuse writes", "short", "Fewer replicas in sync than min.insync.replicas"});
}

// By fleet watch's probes: a record to each broker and back, as producers and consumers do it.
void add_probe_panels(std::vector<Panel>& out) {
  out.push_back({"From end to end by broker, slowest 1 %",
                 "max by (broker) (freshet_fleet_probe_seconds{cluster=\"$cluster\",quantile=\"0.99\"})", "{{broker}}",
                 "s", "A record there and back; over a second is slow"});
  out.push_back({"From end to end by broker, median",
                 "max by (broker) (freshet_fleet_probe_seconds{cluster=\"$cluster\",quantile=\"0.5\"})", "{{broker}}",
                 "s", "One broker above the others: its disk or its network"});
  out.push_back({"Probes that failed, by broker",
                 "max by (broker) (increase(freshet_fleet_probe_failures{cluster=\"$cluster\"}[$__rate_interval]))",
                 "{{broker}}", "short", "One or two at a restart; three in a row are an alert"});
  out.push_back({"Brokers whose last probe failed",
                 "sum by (cluster) (1 - max by (cluster, broker) (freshet_fleet_probe_up{cluster=\"$cluster\"}))",
                 "{{cluster}}", "short", "Nothing can be written to them and read back"});
}

// What producers could do better, of the topics with most batches that fleet watch has sampled.
void add_batch_panels(std::vector<Panel>& out) {
  out.push_back({"Topics by batches",
                 "topk(10, max by (topic) (freshet_fleet_topic_batches_per_second{cluster=\"$cluster\"}))", "{{topic}}",
                 "cps", "Produce requests are at most as many, and cost more than bytes"});
  out.push_back({"Messages in a batch",
                 "bottomk(10, min by (topic) (freshet_fleet_topic_batch_messages{cluster=\"$cluster\"}))", "{{topic}}",
                 "short", "The ten with fewest"});
  out.push_back({"Batches that a longer linger saves",
                 "topk(10, max by (topic) (freshet_fleet_topic_batches_per_second{cluster=\"$cluster\"}"
                 " - freshet_fleet_topic_batches_advised_per_second{cluster=\"$cluster\"}))",
                 "{{topic}}", "cps", "Where fleet watch advises one; it says which"});
  out.push_back({"Bytes with another codec",
                 "bottomk(10, min by (topic, codec) (freshet_fleet_topic_codec_bytes_ratio{cluster=\"$cluster\"}))",
                 "{{topic}} {{codec}}", "percentunit", "To those of now"});
}

void add_lag_panels(std::vector<Panel>& out) {
  out.push_back({"Lag of consumer groups in time", "topk(10, kafka:group_lag_seconds{cluster=\"$cluster\"})",
                 "{{consumergroup}} {{topic}}", "s",
                 "Of the partition that is furthest behind; the ten groups with most"});
  out.push_back({"Lag of consumer groups in messages", "topk(10, kafka:group_lag_messages{cluster=\"$cluster\"})",
                 "{{consumergroup}} {{topic}}", "short", "That wait; the ten groups with most"});
}

Dashboard cluster_dashboard() {
  Dashboard out = {"freshet-cluster", "Kafka cluster", "cluster", "fleet:cluster_info", {}};
  add_broker_panels(out.panels);
  add_topic_panels(out.panels);
  add_lag_panels(out.panels);
  add_probe_panels(out.panels);
  add_batch_panels(out.panels);
  return out;
}

Dashboard mirrors_dashboard() {
  return {
      "freshet-mirrors",
      "Kafka mirrors",
      "mirror",
      "fleet:mirror_info",
      {
          {"Behind",
           "max by (topic) (kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms{mirror=\"$mirror\"})",
           "{{topic}}", "ms", "From a message's time to its copy"},
          {"Messages copied",
           "sum by (topic) (kafka_connect_mirror_mirrorsourceconnector_record_rate{mirror=\"$mirror\"})", "{{topic}}",
           "cps", "A second"},
          {"Bytes copied", "sum by (topic) (kafka_connect_mirror_mirrorsourceconnector_byte_rate{mirror=\"$mirror\"})",
           "{{topic}}", "Bps", "A second"},
          {"Failed tasks", "sum by (connector) (kafka_connect_worker_connector_failed_task_count{mirror=\"$mirror\"})",
           "{{connector}}", "short", "Their partitions stand still"},
      }};
}

yaml::Node datasource() { return map("type", "prometheus", "uid", "${datasource}"); }

yaml::Node panel_node(const Panel& panel, uint32_t index) {
  constexpr uint32_t kWidth = 12;  // of 24
  constexpr uint32_t kHeight = 8;
  return map(
      "id", index + 1, "type", "timeseries", "title", panel.title, "description", panel.help, "datasource",
      datasource(), "gridPos", map("x", index % 2 * kWidth, "y", index / 2 * kHeight, "w", kWidth, "h", kHeight),
      "fieldConfig", map("defaults", map("unit", panel.unit, "min", 0), "overrides", list()), "options",
      map("legend",
          map("displayMode", "table", "placement", "right", "showLegend", true, "calcs", list("lastNotNull", "max")),
          "tooltip", map("mode", "multi", "sort", "desc")),
      "targets",
      list(map("refId", "A", "datasource", datasource(), "expr", panel.expression, "legendFormat", panel.legend)));
}

yaml::Node variables(const Dashboard& dashboard) {
  yaml::Node out = list(map("name", "datasource", "type", "datasource", "query", "prometheus", "label", "Prometheus"));
  if (!dashboard.variable.empty()) {
    out.items.push_back(map("name", dashboard.variable, "type", "query", "datasource", datasource(), "refresh", 2,
                            "sort", 1, "query",
                            fmt::format("label_values({}, {})", dashboard.values_of, dashboard.variable)));
  }
  return out;
}

std::string dashboard_file(const Dashboard& dashboard, const Topology& topology, const Source& source) {
  yaml::Node panels = list();
  for (uint32_t i = 0; i < dashboard.panels.size(); ++i) panels.items.push_back(panel_node(dashboard.panels[i], i));
  return write_json(map("uid", dashboard.uid, "title", dashboard.title, "description", header_text(source), "tags",
                        list("freshet", topology.name), "editable", false, "graphTooltip", 1, "schemaVersion", 39,
                        "version", 1, "refresh", "30s", "time", map("from", "now-3h", "to", "now"), "templating",
                        map("list", variables(dashboard)), "panels", std::move(panels)));
}

}  // namespace

const std::vector<Dashboard>& dashboards() {
  static const std::vector<Dashboard> kDashboards = {fleet_dashboard(), cluster_dashboard(), mirrors_dashboard()};
  return kDashboards;
}

void render_grafana(const Topology& topology, const Source& source, Rendering& out) {
  for (const Dashboard& dashboard : dashboards()) {
    out.files.push_back(
        {fmt::format("grafana/dashboards/{}.json", dashboard.uid), dashboard_file(dashboard, topology, source)});
  }
  const yaml::Node provisioning =
      map("apiVersion", 1, "providers",
          list(map("name", "freshet-" + topology.name, "folder", "Kafka", "type", "file", "allowUiUpdates", false,
                   "options", map("path", "/var/lib/grafana/dashboards/" + topology.name))));
  out.files.push_back({"grafana/provisioning/dashboards.yml", comment_header(source) + yaml::write(provisioning)});
}

}  // namespace freshet::fleet
