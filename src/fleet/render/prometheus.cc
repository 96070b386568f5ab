// What Prometheus scrapes and which rules it has. Targets are discovered, not listed: a broker that is added is
// watched before anybody renders anew, and one that is missing is found against fleet:cluster_brokers, not against a
// list. Labels are the same on both platforms (job, role, cluster, broker, instance), so that no rule asks where a
// cluster runs.
#include "fleet/render/prometheus.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "fleet/render/metrics.h"
#include "fleet/render/mirrors.h"
#include "fleet/render/names.h"
#include "fleet/render/strimzi.h"
#include "fleet/render/terraform.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

yaml::Node copy_label(std::string_view from, std::string_view to) {
  return map("source_labels", list(from), "target_label", to);
}

yaml::Node keep(std::string_view label, std::string_view regex) {
  return map("source_labels", list(label), "regex", regex, "action", "keep");
}

// Makes the filters for EC2's running machines of a role.
yaml::Node running(const Topology& topology, std::string_view role) {
  return list(map("name", "tag:Fleet", "values", list(topology.name)),
              map("name", "tag:KafkaRole", "values", list(role)),
              map("name", "instance-state-name", "values", list("running")));
}

// Scrapes the exporters of one role, which listen on a port of their own, on machines that have the tag of `machines`.
yaml::Node ec2_job(const Topology& topology, const std::string& region, std::string_view name,
                   std::string_view machines, std::string_view role, uint32_t port) {
  return map(
      "job_name", name, "ec2_sd_configs",
      list(map("region", region, "port", port, "filters", running(topology, machines))), "relabel_configs",
      list(map("target_label", "job", "replacement", "kafka"), map("target_label", "role", "replacement", role),
           copy_label("__meta_ec2_tag_KafkaCluster", "cluster"), copy_label("__meta_ec2_tag_KafkaNodeId", "broker"),
           copy_label("__meta_ec2_availability_zone", "zone"), copy_label("__meta_ec2_tag_Name", "instance")));
}

// Controllers that share machines with brokers are a second process with an exporter of its own. Such a machine has a
// broker's tags, so it is told by its cluster and node id.
void add_shared_controllers(const Topology& topology, Index region, yaml::Node& jobs) {
  std::string machines;
  for (const Cluster& cluster : topology.clusters) {
    if (cluster.region != region || cluster.platform != Platform::kEc2) continue;
    for (const Host& host : voters_of(topology, cluster)) {
      machines += fmt::format("{}{};{}", machines.empty() ? "" : "|", cluster.name, host.node_id);
    }
  }
  if (machines.empty()) return;
  yaml::Node job = ec2_job(topology, topology.regions[region].name, "kafka-ec2-shared-controller", "broker",
                           "controller", kControllerExporterPort);
  job.items.back().items.push_back(
      map("source_labels", list("cluster", "broker"), "regex", machines, "action", "keep"));
  jobs.items.push_back(std::move(job));
}

// `freshet fleet watch --listen`, wherever it runs, under a name of yours: it sees all clusters, whatever they run on.
yaml::Node watch_job() {
  return map("job_name", "fleet-watch", "static_configs",
             list(map("targets", list(fmt::format("fleet-watch:{}", kWatchPort)))));
}

// Only what the rules look at is kept of what machines tell.
yaml::Node keep_metrics(std::string_view regex) { return keep("__name__", regex); }

// The file system of each log directory, on every broker's machine (ansible/node-exporter.yml).
yaml::Node ec2_disk_job(const Topology& topology, const std::string& region) {
  yaml::Node job = ec2_job(topology, region, "node-ec2", "broker", "broker", kNodeExporterPort);
  job.items.back().items.front() = map("target_label", "job", "replacement", "node");
  yaml::put(job, "metric_relabel_configs",
            list(keep_metrics("node_filesystem_(avail|size)_bytes"), keep("mountpoint", kMountPattern),
                 copy_label("mountpoint", "directory")));
  return job;
}

yaml::Node pods(const std::set<std::string>& namespaces) {
  return list(map("role", "pod", "namespaces",
                  map("names", yaml::list_of(std::vector<std::string>(namespaces.begin(), namespaces.end())))));
}

constexpr std::string_view kKindLabel = "__meta_kubernetes_pod_label_strimzi_io_kind";
constexpr std::string_view kClusterLabel = "__meta_kubernetes_pod_label_strimzi_io_cluster";
constexpr std::string_view kPoolLabel = "__meta_kubernetes_pod_label_strimzi_io_pool_name";
constexpr std::string_view kPortName = "__meta_kubernetes_pod_container_port_name";
constexpr std::string_view kExporterPort = "tcp-prometheus";  // Strimzi's name of it

// Of pods with these labels brokers and controllers alone are of a pool: an exporter or Cruise Control beside them
// would count as a controller.
yaml::Node strimzi_job(const std::set<std::string>& namespaces, const std::string& clusters) {
  return map(
      "job_name", "kafka-strimzi", "kubernetes_sd_configs", pods(namespaces), "relabel_configs",
      list(keep(kKindLabel, "Kafka"), keep(kClusterLabel, clusters), keep(kPoolLabel, ".+"),
           keep(kPortName, kExporterPort), map("target_label", "job", "replacement", "kafka"),
           map("target_label", "role", "replacement", "controller"),
           map("source_labels", list("__meta_kubernetes_pod_label_strimzi_io_broker_role"), "regex", "true",
               "target_label", "role", "replacement", "broker"),
           copy_label(kClusterLabel, "cluster"),
           map("source_labels", list("__meta_kubernetes_pod_name"), "regex", ".*-([0-9]+)", "target_label", "broker"),
           copy_label("__meta_kubernetes_pod_name", "instance")));
}

// Kubelets tell how full volumes are. Claims are called data-VOLUME-CLUSTER-POOL-ID by Strimzi.
yaml::Node strimzi_disk_job(const std::vector<const Cluster*>& clusters) {
  constexpr std::string_view kAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";
  yaml::Node relabel = list(keep_metrics("kubelet_volume_stats_(available|capacity)_bytes"));
  for (const Cluster* cluster : clusters) {
    relabel.items.push_back(map("source_labels", list("namespace", "persistentvolumeclaim"), "regex",
                                fmt::format("{};data-[0-9]+-{}-{}-[0-9]+", cluster->kubernetes_namespace, cluster->name,
                                            pool_name(*cluster, true)),
                                "target_label", "cluster", "replacement", cluster->name));
  }
  relabel.items.push_back(keep("cluster", ".+"));
  relabel.items.push_back(
      map("source_labels", list("persistentvolumeclaim"), "regex", ".*-([0-9]+)", "target_label", "broker"));
  relabel.items.push_back(copy_label("persistentvolumeclaim", "directory"));
  return map("job_name", "kubelet-strimzi", "scheme", "https", "authorization",
             map("credentials_file", std::string(kAccount) + "token"), "tls_config",
             map("ca_file", std::string(kAccount) + "ca.crt"), "kubernetes_sd_configs", list(map("role", "node")),
             "relabel_configs", list(map("target_label", "job", "replacement", "kubelet")), "metric_relabel_configs",
             std::move(relabel));
}

yaml::Node mirror_job(const std::set<std::string>& namespaces, const std::string& mirrors) {
  return map("job_name", "mirror-maker", "kubernetes_sd_configs", pods(namespaces), "relabel_configs",
             list(keep(kKindLabel, "KafkaMirrorMaker2"), keep(kClusterLabel, mirrors), keep(kPortName, kExporterPort),
                  copy_label(kClusterLabel, "mirror"), copy_label("__meta_kubernetes_pod_name", "instance")));
}

void add_strimzi_jobs(const Topology& topology, Index region, yaml::Node& jobs) {
  std::set<std::string> namespaces, mirror_namespaces;
  std::vector<std::string> clusters, mirrors;
  std::vector<const Cluster*> with_disks;
  for (const Cluster& cluster : topology.clusters) {
    if (cluster.region != region || cluster.platform != Platform::kStrimzi) continue;
    namespaces.insert(cluster.kubernetes_namespace);
    clusters.push_back(cluster.name);
    with_disks.push_back(&cluster);
  }
  for (const Mirror& mirror : topology.mirrors) {
    if (!is_rendered(topology, mirror) || topology.clusters[mirror.to].region != region) continue;
    if (mirror.kind == MirrorKind::kFreshet) continue;
    mirror_namespaces.insert(topology.clusters[mirror.to].kubernetes_namespace);
    mirrors.push_back(object_name(mirror.name));
  }
  if (!clusters.empty()) {
    jobs.items.push_back(strimzi_job(namespaces, joined(clusters, "|")));
    jobs.items.push_back(strimzi_disk_job(with_disks));
  }
  if (!mirrors.empty()) jobs.items.push_back(mirror_job(mirror_namespaces, joined(mirrors, "|")));
}

// Pods by their labels; on EC2 the target's first brokers, each mirror at a port of its own (mirrors.h).
void add_freshet_mirror_jobs(const Topology& topology, Index region, yaml::Node& jobs) {
  std::set<std::string> namespaces;
  std::vector<std::string> in_pods;
  for (Index i = 0; i < topology.mirrors.size(); ++i) {
    const Mirror& mirror = topology.mirrors[i];
    const Cluster& to = topology.clusters[mirror.to];
    if (mirror.kind != MirrorKind::kFreshet || to.region != region || !is_rendered(topology, mirror)) continue;
    if (to.platform == Platform::kStrimzi) {
      namespaces.insert(to.kubernetes_namespace);
      in_pods.push_back(object_name(mirror.name));
      continue;
    }
    yaml::Node filters = running(topology, "broker");
    filters.items.push_back(map("name", "tag:KafkaCluster", "values", list(to.name)));
    std::vector<std::string> ids;
    for (const Host& host : mirror_hosts(topology, mirror)) ids.push_back(std::to_string(host.node_id));
    filters.items.push_back(map("name", "tag:KafkaNodeId", "values", yaml::list_of(ids)));
    jobs.items.push_back(map("job_name", "freshet-mirror-" + mirror.name, "ec2_sd_configs",
                             list(map("region", topology.regions[region].name, "port", mirror_port(topology, i),
                                      "filters", std::move(filters))),
                             "relabel_configs",
                             list(map("target_label", "job", "replacement", "freshet-mirror"),
                                  map("target_label", "mirror", "replacement", object_name(mirror.name)),
                                  copy_label("__meta_ec2_tag_Name", "instance"))));
  }
  if (in_pods.empty()) return;
  constexpr std::string_view kLabels = "__meta_kubernetes_pod_label_app_kubernetes_io_";
  const std::string name = std::string(kLabels) + "name", instance = std::string(kLabels) + "instance";
  jobs.items.push_back(
      map("job_name", "freshet-mirror", "kubernetes_sd_configs", pods(namespaces), "relabel_configs",
          list(keep(name, "freshet-mirror"), keep(instance, joined(in_pods, "|")), keep(kPortName, "metrics"),
               copy_label(instance, "mirror"), copy_label("__meta_kubernetes_pod_name", "instance"))));
}

std::string scrape_file(const Topology& topology, Index index) {
  const Region& region = topology.regions[index];
  yaml::Node jobs = list();
  bool on_ec2 = false;
  for (const Cluster& cluster : topology.clusters) {
    on_ec2 |= cluster.region == index && cluster.platform == Platform::kEc2;
  }
  if (on_ec2) {
    jobs.items.push_back(ec2_job(topology, region.name, "kafka-ec2-broker", "broker", "broker", kBrokerExporterPort));
    jobs.items.push_back(
        ec2_job(topology, region.name, "kafka-ec2-controller", "controller", "controller", kControllerExporterPort));
    add_shared_controllers(topology, index, jobs);
    jobs.items.push_back(ec2_disk_job(topology, region.name));
  }
  add_strimzi_jobs(topology, index, jobs);
  jobs.items.push_back(watch_job());
  add_freshet_mirror_jobs(topology, index, jobs);
  return yaml::write(
      map("global",
          map("scrape_interval", "30s", "evaluation_interval", "30s", "external_labels",
              map("fleet", topology.name, "region", region.name)),
          "rule_files", list("facts.yml", "../rules/recorded.yml", "../rules/alerts.yml"), "alerting",
          map("alertmanagers", list(map("static_configs", list(map("targets", list("alertmanager:9093")))))),
          "scrape_configs", std::move(jobs)));
}

std::string recorded_file() {
  yaml::Node rules = list();
  for (const Recorded& each : recorded_metrics()) {
    rules.items.push_back(map("record", each.name, "expr", each.expression));
  }
  return yaml::write(map("groups", list(map("name", "recorded", "rules", std::move(rules)))));
}

// {cluster} becomes Prometheus' template for the label.
std::string message_template(const Alert& alert) {
  std::string out(alert.summary);
  const auto replace = [&](std::string_view what, const std::string& by) {
    for (size_t at = out.find(what); at != std::string::npos; at = out.find(what, at + by.size())) {
      out.replace(at, what.size(), by);
    }
  };
  // {value} comes last: what it becomes has braces, too.
  for (const std::string_view label : {"cluster", "broker", "topic", "mirror"}) {
    replace(fmt::format("{{{}}}", label), fmt::format("{{{{ $labels.{} }}}}", label));
  }
  replace("{group}", "{{ $labels.consumergroup }}");
  replace("{value}", fmt::format("{{{{ $value | {} }}}}", alert.format));
  return out;
}

std::string alerts_file() {
  yaml::Node groups = list();
  for (const Alert& alert : alerts()) {
    // The table is ordered by concern; a concern that came twice would make two groups of one name, which Prometheus
    // refuses.
    const bool is_new = groups.items.empty() || groups.items.back().items[0].text != alert.concern;
    if (is_new) groups.items.push_back(map("name", alert.concern, "rules", list()));
    yaml::Node rule = map("alert", alert.name, "expr", routed_expression(alert));
    if (alert.for_minutes > 0) yaml::put(rule, "for", fmt::format("{}m", alert.for_minutes));
    yaml::put(rule, "labels", map("severity", name_of(alert.severity), "concern", alert.concern));
    yaml::put(rule, "annotations",
              map("summary", message_template(alert), "action", alert.action, "runbook", runbook_of(alert)));
    groups.items.back().items[1].items.push_back(std::move(rule));
  }
  return yaml::write(map("groups", std::move(groups)));
}

// Probes tell of whole clusters.
bool is_measured(const Topology& topology, const ServiceLevel& level) {
  for (Index i = 0; i < topology.clusters.size(); ++i) {
    const bool meant = level.cluster == kNone || level.cluster == i;
    if (meant && topology.clusters[i].watch.probe.empty()) return false;
  }
  return level.topic == kNone;
}

}  // namespace

bool is_rendered(const Topology& topology, const Mirror& mirror) {
  const bool anywhere = mirror.kind == MirrorKind::kFreshet;
  if (!anywhere && topology.clusters[mirror.to].platform != Platform::kStrimzi) return false;
  return std::ranges::any_of(mirror.topics,
                             [&](const MirroredTopic& topic) { return is_copied(topology, mirror, topic); });
}

void render_prometheus(const Topology& topology, const Source& source, Rendering& out) {
  const std::string header = comment_header(source);
  for (Index i = 0; i < topology.regions.size(); ++i) {
    const std::vector<Fact> facts = facts_of(topology, i);
    if (facts.empty()) continue;
    const std::string& region = topology.regions[i].name;
    out.files.push_back({"prometheus/" + region + "/prometheus.yml", header + scrape_file(topology, i)});
    out.files.push_back({"prometheus/" + region + "/facts.yml", header + facts_file(facts)});
    out.files.push_back({"prometheus/proofs/facts-" + region + ".yml", header + facts_proof(facts, region)});
  }
  for (const ServiceLevel& level : topology.service_levels) {
    if (level.availability > 0 && !is_measured(topology, level))
      out.notes.push_back("service level " + level.name +
                          ": nothing measures its availability where clusters have no watch.probe");
    if (level.topic == kNone || level.produce_p99_us == 0) continue;
    out.notes.push_back("service level " + level.name +
                        ": nothing watches its produce_p99, as brokers don't tell how " +
                        "long writes to one topic take");
  }
  out.files.push_back({"prometheus/rules/recorded.yml", header + recorded_file()});
  out.files.push_back({"prometheus/rules/alerts.yml", header + alerts_file()});
  out.files.push_back({"prometheus/proofs/alerts.yml", header + alerts_proof(topology)});
}

}  // namespace freshet::fleet
