#include "cluster/stream/target.h"

#include <algorithm>
#include <charconv>

namespace freshet::cluster {
namespace {

constexpr size_t kRecordOverhead = 256;  // of a batch and a record in it, with a header of our own

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

// A limit that is no number is one that we do not understand: then Kafka's own counts.
size_t record_limit(std::string_view max_message_bytes) {
  size_t bytes = kRecordBytesDefault;
  (void)std::from_chars(max_message_bytes.data(), max_message_bytes.data() + max_message_bytes.size(), bytes);
  return bytes > 2 * kRecordOverhead ? bytes - kRecordOverhead : bytes;
}

}  // namespace freshet::cluster
