#include "cluster/stream/target.h"

#include <algorithm>
#include <charconv>

#include "telemetry/log.h"

namespace freshet::cluster {
namespace {

constexpr size_t kRecordOverhead = 256;  // of a batch and a record in it, with a header of our own
constexpr const char* kLetterBytesMost = "104857600";
constexpr const char* kForEver = "-1";

bool is_own(const std::vector<Config>& configs, std::string_view name) {
  return std::any_of(configs.begin(), configs.end(), [&](const Config& config) {
    return config.name == name && config.source == ConfigSource::kTopic;
  });
}

Status set_where_unset(Admin& admin, const Resource& of, const std::vector<ConfigChange>& wanted) {
  FRESHET_ASSIGN(const auto known, admin.configs({of}));
  std::vector<ConfigChange> missing;
  for (const ConfigChange& one : wanted)
    if (!is_own(known.at(0).configs, one.name)) missing.push_back(one);
  return missing.empty() ? Status{} : admin.change_configs(of, missing, Admin::Do::kIt);
}

}  // namespace

const LivingTopic* topic_named(const ClusterView& view, const std::string& name) {
  const auto found = std::lower_bound(view.topics.begin(), view.topics.end(), name,
                                      [](const LivingTopic& topic, const std::string& n) { return topic.name < n; });
  return found == view.topics.end() || found->name != name ? nullptr : &*found;
}

std::optional<std::string> value_of(const std::vector<Config>& configs, std::string_view name) {
  for (const Config& config : configs)
    if (config.name == name) return config.value;
  return std::nullopt;
}

// A limit that is missing, or no number, is one that we do not know: then Kafka's own counts.
size_t record_limit(const std::vector<Config>& topic) {
  const std::string said = value_of(topic, "max.message.bytes").value_or("");
  size_t bytes = kRecordBytesDefault;
  (void)std::from_chars(said.data(), said.data() + said.size(), bytes);
  return bytes > 2 * kRecordOverhead ? bytes - kRecordOverhead : bytes;
}

uint32_t replicas_of(uint32_t configured, uint32_t otherwise, size_t brokers) {
  return std::clamp(configured > 0 ? configured : otherwise, 1u, std::max(static_cast<uint32_t>(brokers), 1u));
}

Result<bool> create_if_missing(Admin& admin, const NewTopic& topic, std::string_view who) {
  const Status made = admin.create_topic(topic, Admin::Do::kIt);
  if (!made && made.error().code != Code::kConflict) return tl::unexpected(made.error());
  if (made)
    log::info("{}: made topic {}: {} partitions, {} replicas", who, topic.name, topic.partitions, topic.replication);
  return made.has_value();
}

tl::unexpected<Error> not_known_yet(const std::string& topic) {
  return fail(Code::kRetry, "topic " + topic + " was made, and not every broker knows it yet");
}

Status make_letters(Admin& admin, const ClusterView& view, const std::string& topic, uint32_t replicas,
                    std::string_view who) {
  const std::vector<ConfigChange> kept = {{"retention.ms", kForEver}, {"retention.bytes", kForEver}};
  if (topic_named(view, topic) == nullptr) {
    NewTopic letters{topic, 1, replicas, kept};
    letters.configs.push_back({"max.message.bytes", kLetterBytesMost});
    FRESHET_ASSIGN(const bool made, create_if_missing(admin, letters, who));
    if (made) return {};
  }
  const Status set = set_where_unset(admin, {Resource::Kind::kTopic, topic}, kept);
  if (set || set.error().code != Code::kInvalid) return set;
  log::warn("{}: {}; what is in {} goes by the brokers' retention: set retention.ms=-1 there", who, set.error().message,
            topic);
  return {};
}

}  // namespace freshet::cluster
