// One cluster as Strimzi's custom resources. The two versions of the API differ in little, so one function writes both
// and asks for the version where it matters; Strimzi's own conversion tool is not needed then.
#include "fleet/render/strimzi.h"

#include <map>

#include "base/assert.h"
#include "base/text.h"
#include "fleet/access.h"
#include "fleet/broker_settings.h"
#include "fleet/fields.h"
#include "fleet/kafka_version.h"
#include "fleet/render/jmx.h"
#include "fleet/render/names.h"
#include "fleet/topic_settings.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

constexpr std::string_view kZoneKey = "topology.kubernetes.io/zone";

// Words of the file's, for people who look at an object.
constexpr std::string_view kDescription = "description";

std::string metrics_name(const Cluster& cluster) { return cluster.name + "-metrics"; }

// One listener of one name and port, whatever it speaks: what names addresses need not know.
yaml::Node listener(const Cluster& cluster) {
  const bool tls = cluster.security.transport == Transport::kTls;
  yaml::Node out = map("name", tls ? "tls" : "plain", "port", kKafkaPort, "type", "internal", "tls", tls);
  if (is_guarded(cluster)) yaml::put(out, "authentication", map("type", authentication_of(cluster)));
  return out;
}

// What the operator takes under `config`.
yaml::Node broker_config(const Cluster& cluster) {
  std::map<std::string, std::string> all = broker_settings_of(cluster);
  all.merge(own_topics_of(cluster));
  yaml::Node out = map();
  for (const auto& [name, value] : all)
    yaml::put(out, name, is_plain_value(value) ? yaml::plain(value) : yaml::text(value));
  return out;
}

// Who may do everything, as Strimzi takes it: it writes "User:" before each.
yaml::Node authorization(const Cluster& cluster) {
  yaml::Node out = map("type", "simple");
  yaml::Node users = list();
  for (const std::string& user : cluster.security.super_users)
    users.items.push_back(yaml::text(principal_of(cluster, user).substr(std::string_view("User:").size())));
  if (!users.items.empty()) yaml::put(out, "superUsers", std::move(users));
  return out;
}

yaml::Node kafka(const Cluster& cluster, StrimziApi api) {
  yaml::Node metadata = map("name", cluster.name, "namespace", cluster.kubernetes_namespace);
  yaml::Node annotations = map();
  if (!cluster.description.empty()) yaml::put(annotations, kDescription, cluster.description);
  if (api == StrimziApi::kV1beta2) {
    yaml::put(annotations, "strimzi.io/kraft", "enabled");
    yaml::put(annotations, "strimzi.io/node-pools", "enabled");
  }
  if (!annotations.items.empty()) yaml::put(metadata, "annotations", std::move(annotations));
  yaml::Node spec =
      map("kafka",
          map("version", cluster.kafka_version, "listeners", list(listener(cluster)), "config", broker_config(cluster),
              "rack", map("topologyKey", kZoneKey), "metricsConfig", metrics_config(cluster, "kafka.yml")),
          "entityOperator", map("topicOperator", map()));
  if (is_guarded(cluster)) {
    yaml::put(spec.items[0], "authorization", authorization(cluster));
    yaml::put(spec.items[1], "userOperator", map());
  }
  return strimzi_object(api, "Kafka", std::move(metadata), std::move(spec));
}

// Puts pods on nodes of this type in the cluster's zones, and spreads them. DoNotSchedule: a broker that waits for a
// place is seen; one in the wrong zone is noticed when that zone is lost. Only pods of the pool are counted: the
// operator's have the cluster's label, too, may stand anywhere, and would keep a broker from
// coming back to the zone of its volume. Plans count with a node for each; where there are fewer, two share one.
yaml::Node pod_template(const Cluster& cluster, const std::string& pool, const std::string& instance) {
  const auto in = [](std::string_view key, yaml::Node values) {
    return map("key", key, "operator", "In", "values", std::move(values));
  };
  const yaml::Node terms = list(map("matchExpressions", list(in("node.kubernetes.io/instance-type", list(instance)),
                                                             in(kZoneKey, yaml::list_of(cluster.zones)))));
  const yaml::Node of_pool = map("matchLabels", map("strimzi.io/cluster", cluster.name, "strimzi.io/pool-name", pool));
  const yaml::Node spread =
      map("maxSkew", 1, "topologyKey", kZoneKey, "whenUnsatisfiable", "DoNotSchedule", "labelSelector", of_pool);
  const yaml::Node apart =
      map("weight", 100, "podAffinityTerm", map("topologyKey", "kubernetes.io/hostname", "labelSelector", of_pool));
  return map("pod", map("affinity",
                        map("nodeAffinity",
                            map("requiredDuringSchedulingIgnoredDuringExecution", map("nodeSelectorTerms", terms)),
                            "podAntiAffinity", map("preferredDuringSchedulingIgnoredDuringExecution", list(apart))),
                        "topologySpreadConstraints", list(spread)));
}

yaml::Node volumes(const Cluster& cluster, uint32_t count, uint64_t size_bytes) {
  yaml::Node out = list();
  for (uint32_t id = 0; id < count; ++id) {
    yaml::Node volume =
        map("id", id, "type", "persistent-claim", "size", std::to_string((size_bytes + kGiB - 1) / kGiB) + "Gi",
            "class", cluster.storage_class, "deleteClaim", false);
    // Of several volumes one has the log of metadata; it is small, and shares the first.
    if (id == 0) yaml::put(volume, "kraftMetadata", "shared");
    out.items.push_back(std::move(volume));
  }
  return map("type", "jbod", "volumes", std::move(out));
}

yaml::Node pool(const Cluster& cluster, StrimziApi api, bool of_brokers) {
  // Controllers keep nothing but snapshots and the log of metadata: megabytes, for which this is plenty.
  constexpr uint64_t kControllerDiskBytes = 20 * kGiB;
  const std::string name = pool_name(cluster, of_brokers);
  yaml::Node metadata =
      map("name", name, "namespace", cluster.kubernetes_namespace, "labels", map("strimzi.io/cluster", cluster.name));
  yaml::Node roles = list(of_brokers ? "broker" : "controller");
  if (of_brokers && cluster.controllers == 0) roles.items.push_back(yaml::text("controller"));
  return strimzi_object(
      api, "KafkaNodePool", std::move(metadata),
      map("replicas", of_brokers ? cluster.brokers : cluster.controllers, "roles", std::move(roles), "storage",
          of_brokers ? volumes(cluster, cluster.volumes.count, cluster.volumes.size_bytes)
                     : volumes(cluster, 1, kControllerDiskBytes),
          "template", pod_template(cluster, name, of_brokers ? cluster.instance : cluster.controller_instance)));
}

yaml::Node rules_map(const Cluster& cluster) {
  return map(
      "apiVersion", "v1", "kind", "ConfigMap", "metadata",
      map("name", metrics_name(cluster), "namespace", cluster.kubernetes_namespace), "data",
      map("kafka.yml", exporter_rules(Exporter::kKafka), "mirror-maker.yml", exporter_rules(Exporter::kMirrorMaker)));
}

yaml::Node topic(const Topology& topology, const Topic& topic, StrimziApi api) {
  const Cluster& cluster = topology.cluster_of(topic);
  yaml::Node config = map();
  for (const cluster::ConfigChange& setting : settings_of(topic)) {
    if (setting.value)
      yaml::put(config, setting.name,
                is_plain_number(*setting.value) ? yaml::plain(*setting.value) : yaml::text(*setting.value));
  }
  return strimzi_object(api, "KafkaTopic",
                        strimzi_metadata(cluster, object_name(cluster.name + "." + topic.name), topic.description),
                        map("topicName", topic.name, "partitions", topic.partitions, "replicas", topic.replication,
                            "config", std::move(config)));
}

void render_cluster(const Topology& topology, Index index, const std::string& topics, StrimziApi api,
                    const Source& source, Rendering& out) {
  const Cluster& cluster = topology.clusters[index];
  const std::string folder = "strimzi/" + std::string(name_of(api)) + "/" + cluster.name + "/";
  std::string text = comment_header(source);
  append_document(text, rules_map(cluster));
  append_document(text, kafka(cluster, api));
  if (cluster.controllers > 0) append_document(text, pool(cluster, api, false));
  append_document(text, pool(cluster, api, true));
  out.files.push_back({folder + "kafka.yaml", std::move(text)});
  if (!topics.empty()) out.files.push_back({folder + "topics.yaml", comment_header(source) + topics});
  std::string users;
  render_strimzi_users(topology, index, api, users);
  if (!users.empty()) out.files.push_back({folder + "users.yaml", comment_header(source) + users});
  std::string mirrors;
  render_strimzi_mirrors(topology, index, api, mirrors);
  if (!mirrors.empty()) out.files.push_back({folder + "mirrors.yaml", comment_header(source) + mirrors});
}

// What plan counts with, and nothing that is rendered asks for.
void note_volumes(const Topology& topology, std::vector<std::string>& notes) {
  for (const Cluster& cluster : topology.clusters) {
    if (cluster.platform != Platform::kStrimzi) continue;
    std::vector<std::string> keys;
    for (const char* key : {"type", "iops", "throughput"})
      if (cluster.volumes_where.has(key)) keys.emplace_back(key);
    if (keys.empty()) continue;
    notes.push_back("cluster " + cluster.name + ": volumes have the " + joined(keys, ", ") + " of the storage class " +
                    cluster.storage_class + ", not of the file: see that it has them");
  }
}

}  // namespace

void append_document(std::string& out, const yaml::Node& document) { (out += "---\n") += yaml::write(document); }

yaml::Node strimzi_object(StrimziApi api, std::string_view kind, yaml::Node metadata, yaml::Node spec) {
  return map("apiVersion", "kafka.strimzi.io/" + std::string(name_of(api)), "kind", kind, "metadata",
             std::move(metadata), "spec", std::move(spec));
}

yaml::Node strimzi_metadata(const Cluster& cluster, const std::string& name, const std::string& description,
                            const std::string& owner) {
  yaml::Node out =
      map("name", name, "namespace", cluster.kubernetes_namespace, "labels", map("strimzi.io/cluster", cluster.name));
  yaml::Node annotations = map();
  if (!description.empty()) yaml::put(annotations, kDescription, description);
  if (!owner.empty()) yaml::put(annotations, "owner", owner);
  if (!annotations.items.empty()) yaml::put(out, "annotations", std::move(annotations));
  return out;
}

yaml::Node metrics_config(const Cluster& cluster, std::string_view key) {
  return map("type", "jmxPrometheusExporter", "valueFrom",
             map("configMapKeyRef", map("name", metrics_name(cluster), "key", key)));
}

void render_strimzi(const Topology& topology, const Source& source, Rendering& out) {
  for (const StrimziApi api : {StrimziApi::kV1, StrimziApi::kV1beta2}) {
    std::vector<std::string> topics(topology.clusters.size());
    for (const Topic& each : topology.topics) {
      if (topology.cluster_of(each).platform != Platform::kStrimzi) continue;
      FRESHET_ASSERT(each.cluster < topics.size());
      append_document(topics[each.cluster], topic(topology, each, api));
    }
    for (Index i = 0; i < topology.clusters.size(); ++i) {
      if (topology.clusters[i].platform == Platform::kStrimzi) {
        render_cluster(topology, i, topics[i], api, source, out);
      }
    }
  }
  for (const Cluster& cluster : topology.clusters) {
    if (cluster.platform != Platform::kStrimzi || runs_with_strimzi_v1(cluster.kafka_version)) continue;
    out.notes.push_back("cluster " + cluster.name + ": operators that serve kafka.strimzi.io/v1 (0.49 and later) do " +
                        "not run Kafka version " + cluster.kafka_version + ": apply strimzi/v1beta2 with an older one");
  }
  note_volumes(topology, out.notes);
  note_mirrors_left_out(topology, out.notes);
}

}  // namespace freshet::fleet
