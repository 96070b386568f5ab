// Mirrors as KafkaMirrorMaker2: the same in both versions of the API, less where the clusters stand.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/text.h"
#include "fleet/access.h"
#include "fleet/render/names.h"
#include "fleet/render/strimzi.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

// MirrorMaker's own default puts the source's name before each topic ("front.orders"), so that two clusters can mirror
// each other without a cycle. Here names stay, and lint finds cycles.
constexpr std::string_view kSameNames = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy";

std::string topics_pattern(const Topology& topology, const Mirror& mirror) {
  std::string out;
  for (const MirroredTopic& topic : mirror.topics) {
    if (!is_copied(topology, topic)) continue;
    if (!out.empty()) out += '|';
    // The pattern is a Java regular expression, in which '.' would match anything.
    for (const char c : topology.topics[topic.from].name) (out += c == '.' ? "\\" : "") += c;
  }
  return out;
}

// A producer compares a record's size before compression with its max.request.size, a broker that of the compressed
// batch with the topic's limit. One that is over it stops the task for good, so what the target takes must never be the
// producer's to refuse; a request of 100 MiB is the most that a broker reads.
uint64_t request_bytes_max(const Topology& topology, const Mirror& mirror) {
  constexpr uint64_t kUnpacked = 8;  // times as large as compressed: text of records seldom is more
  constexpr uint64_t kMost = 96ull << 20;
  uint64_t largest = 0;
  for (const MirroredTopic& topic : mirror.topics)
    if (is_copied(topology, topic)) largest = std::max(largest, topology.topics[topic.to].message_bytes_max);
  return std::min(largest * kUnpacked, kMost);
}

// Large batches, as thousands of small ones a second are what makes MirrorMaker slow. Exactly once asks for workers
// that can (worker_config), and Connect refuses the connector unless it leaves out what was aborted at the source.
// Every topic of the target is rendered with settings of its own (topics.yaml): MirrorMaker, which copies the source's
// over them by default, would shorten a longer retention and so delete what is kept. The topic of offset syncs lies in
// the source (`offset-syncs.topic.location`), so it has the replicas that the source can hold.
yaml::Node source_connector(const Topology& topology, const Mirror& mirror) {
  const uint32_t replication = std::min(topology.clusters[mirror.to].brokers, 3u);
  const uint64_t request_bytes = request_bytes_max(topology, mirror);
  yaml::Node config =
      map("consumer.max.poll.records", 5000, "offset-syncs.topic.replication.factor",
          std::min(topology.clusters[mirror.from].brokers, 3u), "producer.override.batch.size", 262144,
          "producer.override.buffer.memory", std::max<uint64_t>(32u << 20, 2 * request_bytes),
          "producer.override.compression.type", name_of(codec_of(topology, mirror)), "producer.override.linger.ms", 20,
          "producer.override.max.request.size", request_bytes, "refresh.topics.interval.seconds", 60,
          "replication.factor", replication, "replication.policy.class", kSameNames, "sync.topic.acls.enabled", false,
          "sync.topic.configs.enabled", false);
  if (mirror.guarantee == Guarantee::kExactlyOnce) {
    yaml::put(config, "consumer.isolation.level", "read_committed");
    yaml::put(config, "exactly.once.support", "required");
  }
  return map("tasksMax", mirror.tasks, "config", std::move(config));
}

yaml::Node checkpoint_connector(const Cluster& target) {
  return map("tasksMax", 1, "config",
             map("checkpoints.topic.replication.factor", std::min(target.brokers, 3u), "replication.policy.class",
                 kSameNames, "sync.group.offsets.enabled", true));
}

// The operator of v1beta2 gives every mirror the same group and topics of Connect. Two into one target would be one
// Connect cluster, and each resource would delete the connectors of the other. The first keeps the operator's names, as
// under another one a mirror that runs would begin anew.
bool needs_names_of_connect(const Topology& topology, const Mirror& mirror) {
  const auto first = std::ranges::find_if(topology.mirrors, [&](const Mirror& other) {
    return other.kind == MirrorKind::kMirrorMaker && other.to == mirror.to && !topics_pattern(topology, other).empty();
  });
  FRESHET_ASSERT(first != topology.mirrors.end());
  return &*first != &mirror;
}

// Configures the Connect cluster that does the work, which keeps its own state in the target.
yaml::Node worker_config(const Cluster& target, const Mirror& mirror) {
  const uint32_t replication = std::min(target.brokers, 3u);
  yaml::Node config = map("config.storage.replication.factor", replication, "offset.storage.replication.factor",
                          replication, "status.storage.replication.factor", replication);
  if (mirror.guarantee == Guarantee::kExactlyOnce) yaml::put(config, "exactly.once.source.support", "enabled");
  return config;
}

// Secrets of the operator's where it made them: of a cluster on EC2 somebody puts them there.
yaml::Node end_of(const Topology& topology, const Mirror& mirror, const Cluster& cluster) {
  yaml::Node out = map("alias", cluster.name, "bootstrapServers", address_of(topology, cluster));
  const bool is_ours = cluster.platform == Platform::kStrimzi;
  if (cluster.security.transport == Transport::kTls) {
    const std::string secret = cluster.name + (is_ours ? "-cluster-ca-cert" : "-ca");
    yaml::put(out, "tls", map("trustedCertificates", list(map("secretName", secret, "certificate", "ca.crt"))));
  }
  if (!is_guarded(cluster) || mirror.user.empty()) return out;
  yaml::Node as = map("type", authentication_of(cluster));
  if (cluster.security.authentication == Authentication::kCertificates) {
    yaml::put(as, "certificateAndKey", map("secretName", mirror.user, "certificate", "user.crt", "key", "user.key"));
  } else {
    yaml::put(as, "username", mirror.user);
    yaml::put(as, "passwordSecret",
              map("secretName", mirror.user + (is_ours ? "" : "-password"), "password", "password"));
  }
  yaml::put(out, "authentication", std::move(as));
  return out;
}

yaml::Node spec_of(const Topology& topology, const Mirror& mirror, const std::string& pattern, StrimziApi api) {
  const Cluster& from = topology.clusters[mirror.from];
  const Cluster& to = topology.clusters[mirror.to];
  FRESHET_ASSERT(!pattern.empty());
  yaml::Node target = end_of(topology, mirror, to);
  yaml::Node copy = map();
  yaml::Node spec = map("version", to.kafka_version, "replicas", workers_of(mirror));
  // v1 wants the group and the topics of Connect named, so each mirror has a prefix of its own.
  const std::string prefix = "mirror-" + mirror.name;
  if (api == StrimziApi::kV1) {
    yaml::put(target, "groupId", prefix);
    yaml::put(target, "configStorageTopic", prefix + "-configs");
    yaml::put(target, "offsetStorageTopic", prefix + "-offsets");
    yaml::put(target, "statusStorageTopic", prefix + "-status");
    yaml::put(target, "config", worker_config(to, mirror));
    yaml::put(spec, "target", std::move(target));
    yaml::put(copy, "source", end_of(topology, mirror, from));
  } else {
    yaml::Node config = worker_config(to, mirror);
    if (needs_names_of_connect(topology, mirror)) {
      yaml::put(config, "group.id", prefix);
      for (const std::string_view kept : {"config", "offset", "status"})
        yaml::put(config, fmt::format("{}.storage.topic", kept),
                  fmt::format("{}-{}{}", prefix, kept, kept == "status" ? "" : "s"));
    }
    yaml::put(target, "config", std::move(config));
    yaml::put(spec, "connectCluster", to.name);
    yaml::put(spec, "clusters", list(end_of(topology, mirror, from), std::move(target)));
    yaml::put(copy, "sourceCluster", from.name);
    yaml::put(copy, "targetCluster", to.name);
  }
  yaml::put(copy, "sourceConnector", source_connector(topology, mirror));
  yaml::put(copy, "checkpointConnector", checkpoint_connector(to));
  yaml::put(copy, "topicsPattern", pattern);
  yaml::put(copy, "groupsPattern", ".*");
  yaml::put(spec, "mirrors", list(std::move(copy)));
  yaml::put(spec, "metricsConfig", metrics_config(to, "mirror-maker.yml"));
  return spec;
}

}  // namespace

bool is_copied(const Topology& topology, const MirroredTopic& topic) {
  return topology.topics[topic.from].partitions == topology.topics[topic.to].partitions &&
         !is_never_mirrored(topology.topics[topic.from].name);
}

bool is_copied(const Topology& topology, const Mirror& mirror, const MirroredTopic& topic) {
  if (mirror.kind == MirrorKind::kFreshet) return !topology.topics[topic.from].name.starts_with("__");
  return is_copied(topology, topic);
}

Compression codec_of(const Topology& topology, const Mirror& mirror) {
  std::array<double, names_of(Compression{}).size()> bytes_per_s{};
  for (const MirroredTopic& each : mirror.topics) {
    if (!is_copied(topology, mirror, each)) continue;
    const Topic& topic = topology.topics[each.to];
    // Topics without a rate count as nearly nothing instead of nothing: they have a codec all the same.
    const double messages_per_s = std::max(topology.topics[each.from].messages_per_s, 1e-9);
    bytes_per_s[static_cast<size_t>(topic.compression)] += messages_per_s * static_cast<double>(topic.message_bytes);
  }
  return static_cast<Compression>(std::ranges::max_element(bytes_per_s) - bytes_per_s.begin());
}

void render_strimzi_mirrors(const Topology& topology, Index cluster, StrimziApi api, std::string& out) {
  for (const Mirror& mirror : topology.mirrors) {
    if (mirror.to != cluster || mirror.kind != MirrorKind::kMirrorMaker) continue;
    const std::string pattern = topics_pattern(topology, mirror);
    if (pattern.empty()) continue;
    append_document(out, strimzi_object(api, "KafkaMirrorMaker2",
                                        map("name", object_name(mirror.name), "namespace",
                                            topology.clusters[cluster].kubernetes_namespace),
                                        spec_of(topology, mirror, pattern, api)));
  }
}

namespace {

void note_codecs(const Topology& topology, const Mirror& mirror, std::vector<std::string>& notes) {
  const bool is_rendered_here =
      mirror.kind == MirrorKind::kFreshet || topology.clusters[mirror.to].platform == Platform::kStrimzi;
  if (!is_rendered_here) return;
  const Compression codec = codec_of(topology, mirror);
  const auto others = std::ranges::count_if(mirror.topics, [&](const MirroredTopic& topic) {
    return is_copied(topology, mirror, topic) && topology.topics[topic.to].compression != codec;
  });
  if (others > 0)
    notes.push_back(
        fmt::format("mirror {}: {} of {} topics are written with {} instead of their own codec: a mirror has one",
                    mirror.name, others, mirror.topics.size(), name_of(codec)));
}

// Kubernetes bounds annotations, and kubectl keeps a copy of what it applies in one unless the server compares.
void note_size(const Topology& topology, const Mirror& mirror, std::vector<std::string>& notes) {
  constexpr size_t kAnnotationsMost = 256 << 10;
  constexpr size_t kRest = 8 << 10;  // of the resource, beside the names of topics
  if (topics_pattern(topology, mirror).size() + kRest <= kAnnotationsMost) return;
  notes.push_back("mirror " + mirror.name +
                  ": its resource is larger than an annotation may be: " + "`kubectl apply --server-side`");
}

}  // namespace

void note_secrets(const Topology& topology, const Mirror& mirror, std::vector<std::string>& notes) {
  const Cluster& from = topology.clusters[mirror.from];
  const Cluster& to = topology.clusters[mirror.to];
  const bool same = from.kubernetes_namespace == to.kubernetes_namespace && from.region == to.region;
  if (to.platform != Platform::kStrimzi || (from.platform == Platform::kStrimzi && same)) return;
  std::vector<std::string> secrets;
  const bool ours = from.platform == Platform::kStrimzi;
  if (from.security.transport == Transport::kTls) secrets.push_back(from.name + (ours ? "-cluster-ca-cert" : "-ca"));
  if (is_guarded(from) && !mirror.user.empty())
    secrets.push_back(mirror.user + (ours || scram_mechanism_of(from).empty() ? "" : "-password"));
  if (secrets.empty()) return;
  notes.push_back(fmt::format("mirror {}: its pods in namespace {} need {} of cluster {}, which somebody {} there",
                              mirror.name, to.kubernetes_namespace, joined(secrets, " and "), from.name,
                              ours ? "copies" : "makes"));
}

void note_mirrors_left_out(const Topology& topology, std::vector<std::string>& notes) {
  for (const Mirror& mirror : topology.mirrors) {
    note_codecs(topology, mirror, notes);
    if (mirror.kind == MirrorKind::kFreshet) continue;
    if (topology.clusters[mirror.to].platform != Platform::kStrimzi) {
      notes.push_back("mirror " + mirror.name + ": nothing is rendered for it, as " +
                      topology.clusters[mirror.to].name +
                      " is on EC2 and MirrorMaker 2 is rendered for Strimzi only; `kind: freshet` is for both");
      continue;
    }
    note_size(topology, mirror, notes);
    size_t named = 0, left_out = 0;
    for (const MirroredTopic& topic : mirror.topics) {
      const bool by_name = is_never_mirrored(topology.topics[topic.from].name);
      named += by_name ? 1 : 0;
      left_out += by_name || is_copied(topology, topic) ? 0 : 1;
    }
    const auto note = [&](size_t count, const std::string& why) {
      if (count == 0) return;
      notes.push_back("mirror " + mirror.name + ": " + std::to_string(count) + " of " +
                      std::to_string(mirror.topics.size()) + " topics are left out: " + why);
    };
    note(left_out, "their number of partitions differs, which MirrorMaker 2 can't do");
    note(named, "MirrorMaker 2 never copies names like theirs (-internal, .internal, .replica, __…)");
    if (left_out + named < mirror.topics.size()) note_secrets(topology, mirror, notes);
  }
}

}  // namespace freshet::fleet
