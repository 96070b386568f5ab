// Clusters on Kubernetes for the Strimzi operator, in both versions of its API:
//
//   strimzi/{v1,v1beta2}/CLUSTER/kafka.yaml     Kafka, KafkaNodePool, the JMX exporter's rules as a
//                                               ConfigMap
//   strimzi/{v1,v1beta2}/CLUSTER/topics.yaml    KafkaTopic
//   strimzi/{v1,v1beta2}/CLUSTER/users.yaml     KafkaUser
//   strimzi/{v1,v1beta2}/CLUSTER/mirrors.yaml   KafkaMirrorMaker2 of the mirrors into this cluster
//
// Apply one of the two: v1 from Strimzi 0.49 on, v1beta2 before. What differs is how mirrors are written, and that
// v1beta2 asks for KRaft and node pools by annotations.
#pragma once

#include "fleet/render/file.h"

namespace freshet::fleet {

enum class StrimziApi : uint8_t { kV1, kV1beta2 };
[[nodiscard]] constexpr auto names_of(StrimziApi) {
  using enum StrimziApi;
  return std::to_array<Name<StrimziApi>>({{kV1, "v1"}, {kV1beta2, "v1beta2"}});
}

void render_strimzi(const Topology& topology, const Source& source, Rendering& out);

// For strimzi_mirrors.cc: the mirrors into this cluster, as documents.
void render_strimzi_mirrors(const Topology& topology, Index cluster, StrimziApi api, std::string& out);
// For strimzi_users.cc: the users of this cluster, as documents; and the type of a listener's or user's authentication.
void render_strimzi_users(const Topology& topology, Index cluster, StrimziApi api, std::string& out);
[[nodiscard]] std::string_view authentication_of(const Cluster& cluster);
// Whether MirrorMaker 2 copies the topic: it writes a record to the partition of the same number, and takes some names
// for topics of its own (topology.h).
[[nodiscard]] bool is_copied(const Topology& topology, const MirroredTopic& topic);
// The same of a mirror of either kind (mirrors.h).
[[nodiscard]] bool is_copied(const Topology& topology, const Mirror& mirror, const MirroredTopic& topic);
// A mirror writes all its topics with one codec: that of those which bring most bytes, so that copies take about as
// much of networks and disks as the file says.
[[nodiscard]] Compression codec_of(const Topology& topology, const Mirror& mirror);
// Mirrors, or parts of them, that MirrorMaker 2 can't do or that have no Kubernetes to run on.
void note_mirrors_left_out(const Topology& topology, std::vector<std::string>& notes);

// Secrets of a mirror's source that are not where its pods can read them: the operator's lie in its cluster's
// namespace, and a pod reads those of its own only. Of mirrors of either kind.
void note_secrets(const Topology& topology, const Mirror& mirror, std::vector<std::string>& notes);

// One document of a file of several: "---" and its text.
void append_document(std::string& out, const yaml::Node& document);
// An object of Strimzi's group in this version of its API.
[[nodiscard]] yaml::Node strimzi_object(StrimziApi api, std::string_view kind, yaml::Node metadata, yaml::Node spec);
// Of an object that belongs to the cluster; `owner` is the team that has it.
[[nodiscard]] yaml::Node strimzi_metadata(const Cluster& cluster, const std::string& name,
                                          const std::string& description, const std::string& owner = "");
[[nodiscard]] yaml::Node metrics_config(const Cluster& cluster, std::string_view key);

}  // namespace freshet::fleet
