// A process keeps nothing on a disk: where it is lives in the target (docs/decisions/0024-mirror.md). So whatever is
// rendered here may be thrown away and put elsewhere, as long as all processes of a mirror have the same file.
#include "fleet/render/mirrors.h"

#include <fmt/core.h>

#include <algorithm>

#include "fleet/access.h"
#include "fleet/render/files.h"
#include "fleet/render/strimzi.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

constexpr uint32_t kFirstPort = 8090;
constexpr uint32_t kPodPort = 8090;
constexpr uint32_t kUserId = 10001;  // of the image

bool is_in_pods(const Topology& topology, const Mirror& mirror) {
  return topology.clusters[mirror.to].platform == Platform::kStrimzi;
}

// Where its files are: in a pod the Secrets', which are mounted by the cluster's name.
std::string folder_of(const Topology& topology, const Mirror& mirror, const Cluster& cluster) {
  return is_in_pods(topology, mirror) ? "/etc/freshet/" + cluster.name
                                      : fmt::format("/etc/freshet/mirror-{}/{}", mirror.name, cluster.name);
}

// A variable of the environment, in the configuration and in the pod.
std::string_view password_of(const Mirror& mirror, const Cluster& cluster, const Topology& topology) {
  return &topology.clusters[mirror.from] == &cluster ? "SOURCE_PASSWORD" : "TARGET_PASSWORD";
}

// librdkafka's properties; those of `connect` are for mirrors, too.
yaml::Node side_of(const Topology& topology, const Mirror& mirror, const Cluster& cluster) {
  yaml::Node out = map("name", cluster.name, "brokers", address_of(topology, cluster));
  yaml::Node properties = map();
  for (const auto& [name, value] : cluster.connect.properties) yaml::put(properties, name, value);
  const bool tls = cluster.security.transport == Transport::kTls;
  const std::string scram(scram_mechanism_of(cluster));
  const std::string folder = folder_of(topology, mirror, cluster);
  if (properties.items.empty() && (tls || !scram.empty())) {
    yaml::put(properties, "security.protocol", scram.empty() ? "ssl" : (tls ? "sasl_ssl" : "sasl_plaintext"));
    if (tls) yaml::put(properties, "ssl.ca.location", folder + "/ca.crt");
    if (!scram.empty()) {
      yaml::put(properties, "sasl.mechanism", scram);
      yaml::put(properties, "sasl.username", mirror.user);
      yaml::put(properties, "sasl.password", fmt::format("${{{}}}", password_of(mirror, cluster, topology)));
    } else if (cluster.security.authentication == Authentication::kCertificates) {
      yaml::put(properties, "ssl.certificate.location", folder + "/user.crt");
      yaml::put(properties, "ssl.key.location", folder + "/user.key");
    }
  }
  // A mirror writes with lz4 unless it is told otherwise.
  const bool is_target = &topology.clusters[mirror.to] == &cluster;
  if (const Compression codec = codec_of(topology, mirror); is_target && codec != Compression::kLz4) {
    if (properties.find("compression.codec") == nullptr) yaml::put(properties, "compression.codec", name_of(codec));
  }
  if (!properties.items.empty()) yaml::put(out, "properties", std::move(properties));
  return out;
}

// Partitions are only said where they differ: one to one keeps the order of records without a key, too.
yaml::Node config_of(const Topology& topology, const Mirror& mirror) {
  yaml::Node topics = list();
  for (const MirroredTopic& topic : mirror.topics) {
    if (!is_copied(topology, mirror, topic)) continue;
    const Topic& from = topology.topics[topic.from];
    const Topic& to = topology.topics[topic.to];
    yaml::Node rule = map("match", from.name);
    if (from.partitions != to.partitions) yaml::put(rule, "partitions", to.partitions);
    topics.items.push_back(std::move(rule));
  }
  return map("name", object_name(mirror.name), "source", side_of(topology, mirror, topology.clusters[mirror.from]),
             "target", side_of(topology, mirror, topology.clusters[mirror.to]), "topics", std::move(topics), "groups",
             list("*"));
}

// ---- Kubernetes -----------------------------------------------------------------------------------------------------

// What Prometheus finds pods by (prometheus.cc), too.
yaml::Node labels_of(const Mirror& mirror) {
  return map("app.kubernetes.io/name", "freshet-mirror", "app.kubernetes.io/instance", object_name(mirror.name));
}

// Secrets of the operator's where it made them: of a cluster on EC2 somebody puts them there. As of MirrorMaker's
// resource (strimzi_mirrors.cc).
void add_secrets(const Mirror& mirror, const Cluster& cluster, std::string_view variable, yaml::Node& volumes,
                 yaml::Node& mounts, yaml::Node& environment) {
  const bool ours = cluster.platform == Platform::kStrimzi;
  yaml::Node sources = list();
  const auto add = [&](const std::string& secret, std::initializer_list<std::string_view> keys) {
    yaml::Node items = list();
    for (const std::string_view key : keys) items.items.push_back(map("key", key, "path", key));
    sources.items.push_back(map("secret", map("name", secret, "items", std::move(items))));
  };
  if (cluster.security.transport == Transport::kTls)
    add(cluster.name + (ours ? "-cluster-ca-cert" : "-ca"), {"ca.crt"});
  if (cluster.security.authentication == Authentication::kCertificates && !mirror.user.empty())
    add(mirror.user, {"user.crt", "user.key"});
  if (!scram_mechanism_of(cluster).empty() && !mirror.user.empty()) {
    const std::string secret = mirror.user + (ours ? "" : "-password");
    environment.items.push_back(
        map("name", variable, "valueFrom", map("secretKeyRef", map("name", secret, "key", "password"))));
  }
  if (sources.items.empty()) return;
  volumes.items.push_back(map("name", cluster.name, "projected", map("sources", std::move(sources))));
  mounts.items.push_back(map("name", cluster.name, "mountPath", "/etc/freshet/" + cluster.name, "readOnly", true));
}

yaml::Node container_of(const Topology& topology, const Mirror& mirror, yaml::Node& volumes) {
  yaml::Node mounts = list(map("name", "config", "mountPath", "/etc/freshet-mirror", "readOnly", true));
  yaml::Node environment =
      list(map("name", "INSTANCE", "valueFrom", map("fieldRef", map("fieldPath", "metadata.name"))));
  for (const Index end : {mirror.from, mirror.to}) {
    const Cluster& cluster = topology.clusters[end];
    add_secrets(mirror, cluster, password_of(mirror, cluster, topology), volumes, mounts, environment);
  }
  return map(
      "name", "mirror", "image", "freshet", "args",
      list("mirror", "--config", "/etc/freshet-mirror/mirror.yaml", "--listen", fmt::format("0.0.0.0:{}", kPodPort),
           "--instance", "$(INSTANCE)"),
      "env", std::move(environment), "ports", list(map("name", "metrics", "containerPort", kPodPort)), "startupProbe",
      map("tcpSocket", map("port", "metrics"), "periodSeconds", 2, "failureThreshold", 60), "resources",
      map("requests", map("cpu", "500m", "memory", "192Mi"), "limits", map("memory", "512Mi")), "securityContext",
      map("allowPrivilegeEscalation", false, "readOnlyRootFilesystem", true, "capabilities", map("drop", list("ALL"))),
      "volumeMounts", std::move(mounts));
}

// All at once where something changes (Recreate): of two processes that disagree about a topic's partitions each would
// place a key by its own number. What an ended pod had goes to the others, or to its successor, after 10 s.
yaml::Node deployment_of(const Topology& topology, const Mirror& mirror, const yaml::Node& metadata) {
  const std::string name = "mirror-" + object_name(mirror.name);
  yaml::Node volumes = list(map("name", "config", "configMap", map("name", name)));
  yaml::Node container = container_of(topology, mirror, volumes);
  yaml::Node spread = map("maxSkew", 1, "topologyKey", "topology.kubernetes.io/zone", "whenUnsatisfiable",
                          "ScheduleAnyway", "labelSelector", map("matchLabels", labels_of(mirror)));
  yaml::Node pod = map("terminationGracePeriodSeconds", 30, "securityContext",
                       map("runAsNonRoot", true, "runAsUser", kUserId, "runAsGroup", kUserId, "seccompProfile",
                           map("type", "RuntimeDefault")),
                       "topologySpreadConstraints", list(std::move(spread)), "containers", list(std::move(container)),
                       "volumes", std::move(volumes));
  return map("apiVersion", "apps/v1", "kind", "Deployment", "metadata", metadata, "spec",
             map("replicas", workers_of(mirror), "strategy", map("type", "Recreate"), "selector",
                 map("matchLabels", labels_of(mirror)), "template",
                 map("metadata", map("labels", labels_of(mirror)), "spec", std::move(pod))));
}

// Kubernetes takes no larger object of this kind; the file's text is in an annotation, too, where kubectl applies it by
// itself.
void note_config_size(const std::string& config, const Mirror& mirror, std::vector<std::string>& notes) {
  constexpr size_t kConfigMapMost = 1 << 20;
  constexpr size_t kAnnotationsMost = 256 << 10;
  constexpr size_t kRest = 8 << 10;  // of the object, beside its one text
  if (config.size() + kRest > kConfigMapMost) {
    notes.push_back(
        fmt::format("mirror {}: its ConfigMap is larger than Kubernetes takes (1 MiB): divide its topics "
                    "among several mirrors",
                    mirror.name));
  } else if (config.size() + kRest > kAnnotationsMost) {
    notes.push_back(
        fmt::format("mirror {}: its ConfigMap is larger than an annotation may be: "
                    "`kubectl apply --server-side`",
                    mirror.name));
  }
}

std::string pods_file(const Topology& topology, const Mirror& mirror, std::vector<std::string>& notes) {
  yaml::Node metadata = map("name", "mirror-" + object_name(mirror.name), "namespace",
                            topology.clusters[mirror.to].kubernetes_namespace, "labels", labels_of(mirror));
  std::string out;
  const std::string config = yaml::write(config_of(topology, mirror));
  note_config_size(config, mirror, notes);
  append_document(
      out, map("apiVersion", "v1", "kind", "ConfigMap", "metadata", metadata, "data", map("mirror.yaml", config)));
  append_document(out, deployment_of(topology, mirror, metadata));
  return out;
}

// ---- EC2 ------------------------------------------------------------------------------------------------------------

// The playbook is fixed but for four words, which Ansible itself has no use for: its own variables look otherwise.
std::string playbook(const Topology& topology, Index index) {
  const Mirror& mirror = topology.mirrors[index];
  std::string hosts;
  for (const Host& host : mirror_hosts(topology, mirror)) hosts += (hosts.empty() ? "" : ",") + host.name;
  std::string out(kMirrorPlaybook);
  const auto replace = [&out](std::string_view what, std::string_view by) {
    for (size_t at = out.find(what); at != std::string::npos; at = out.find(what, at + by.size()))
      out.replace(at, what.size(), by);
  };
  replace("@hosts@", hosts);
  replace("@cluster@", topology.clusters[mirror.to].name);
  replace("@mirror@", mirror.name);
  replace("@port@", std::to_string(mirror_port(topology, index)));
  return out;
}

}  // namespace

std::vector<Host> mirror_hosts(const Topology& topology, const Mirror& mirror) {
  std::vector<Host> out = brokers_of(topology, topology.clusters[mirror.to]);
  out.resize(std::min<size_t>(out.size(), workers_of(mirror)));
  return out;
}

uint32_t mirror_port(const Topology& topology, Index mirror) {
  const auto shares = [&](const Mirror& other) {
    return other.kind == MirrorKind::kFreshet && other.to == topology.mirrors[mirror].to;
  };
  return kFirstPort +
         static_cast<uint32_t>(std::count_if(topology.mirrors.begin(), topology.mirrors.begin() + mirror, shares));
}

void render_mirrors(const Topology& topology, const Source& source, Rendering& out) {
  for (Index i = 0; i < topology.mirrors.size(); ++i) {
    const Mirror& mirror = topology.mirrors[i];
    if (mirror.kind != MirrorKind::kFreshet) continue;
    const auto copied = std::ranges::count_if(
        mirror.topics, [&](const MirroredTopic& topic) { return is_copied(topology, mirror, topic); });
    if (static_cast<size_t>(copied) < mirror.topics.size())
      out.notes.push_back(
          fmt::format("mirror {}: {} of {} topics are left out: `freshet mirror` never copies names that "
                      "begin with __",
                      mirror.name, mirror.topics.size() - static_cast<size_t>(copied), mirror.topics.size()));
    if (copied == 0) continue;
    note_secrets(topology, mirror, out.notes);
    const std::string folder = "mirrors/" + mirror.name + "/", header = comment_header(source);
    if (is_in_pods(topology, mirror)) {
      out.files.push_back({folder + "kubernetes.yaml", header + pods_file(topology, mirror, out.notes)});
      continue;
    }
    out.files.push_back({folder + "mirror.yaml", header + yaml::write(config_of(topology, mirror))});
    out.files.push_back({folder + "playbook.yml", "---\n" + header + playbook(topology, i)});
  }
}

}  // namespace freshet::fleet
