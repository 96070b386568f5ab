// Topics are read back from what was rendered, by whichever release: fleet.yaml as it was then is nowhere.
#include "fleet/render/losses.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>

#include "yaml/node.h"
#include "yaml/units.h"

namespace freshet::fleet {
namespace {

constexpr int64_t kNoBound = std::numeric_limits<int64_t>::max();

struct RenderedTopic {
  int64_t partitions = 0;
  int64_t retention_ms = kNoBound;
  int64_t retention_bytes = kNoBound;
  bool compacted = false;  // also if it is deleted
  bool deleted = true;     // by age and size, too
};

// -1 and what is not there are without bound.
int64_t bound_of(const yaml::Node& spec, std::string_view key) {
  const yaml::Node* node = spec.find({"config", key});
  int64_t value = -1;
  if (node != nullptr) std::from_chars(node->text.data(), node->text.data() + node->text.size(), value);
  // Somebody may have written more than any time there is: no bound, either.
  constexpr int64_t kMost = kNoBound / 1000;
  return value < 0 || value > kMost ? kNoBound : value;
}

// Reads one KafkaTopic into the map, by "CLUSTER/TOPIC".
void add_topic(std::string_view document, std::map<std::string, RenderedTopic>& out) {
  yaml::Problems problems("topics.yaml");
  const auto root = yaml::parse(document, {}, problems);
  if (!root) return;
  const yaml::Node* cluster = root->find({"metadata", "labels", "strimzi.io/cluster"});
  const yaml::Node* name = root->find({"spec", "topicName"});
  const yaml::Node* partitions = root->find({"spec", "partitions"});
  if (cluster == nullptr || name == nullptr || partitions == nullptr) return;
  RenderedTopic& topic = out[cluster->text + "/" + name->text];
  const std::string& text = partitions->text;
  std::from_chars(text.data(), text.data() + text.size(), topic.partitions);
  const yaml::Node& spec = *root->find("spec");
  topic.retention_ms = bound_of(spec, "retention.ms");
  topic.retention_bytes = bound_of(spec, "retention.bytes");
  const yaml::Node* policy = spec.find({"config", "cleanup.policy"});
  if (policy == nullptr) return;
  topic.compacted = policy->text.find("compact") != std::string::npos;
  topic.deleted = policy->text.find("delete") != std::string::npos;
}

std::map<std::string, RenderedTopic> topics_in(std::string_view file) {
  constexpr std::string_view kBetween = "---\n";
  std::map<std::string, RenderedTopic> out;
  while (!file.empty()) {
    const size_t end = std::min(file.find(kBetween), file.size());
    add_topic(file.substr(0, end), out);
    file.remove_prefix(std::min(end + kBetween.size(), file.size()));
  }
  return out;
}

std::string retention_text(int64_t ms) { return ms == kNoBound ? "no end" : yaml::duration_text(ms * 1000); }
std::string size_or_none(int64_t bytes) {
  return bytes == kNoBound ? "no bound" : yaml::size_text(static_cast<uint64_t>(bytes));
}

}  // namespace

bool has_topics(std::string_view path) { return path.starts_with("strimzi/v1/") && path.ends_with("/topics.yaml"); }

std::vector<std::string> losses(std::string_view old_topics, std::string_view new_topics) {
  const auto now = topics_in(new_topics);
  std::vector<std::string> out;
  for (const auto& [path, was] : topics_in(old_topics)) {
    const std::string topic = "topic " + path;
    const auto found = now.find(path);
    if (found == now.end()) {
      out.push_back(topic + " is gone: what makes topics of it deletes it with all that it has");
      continue;
    }
    const RenderedTopic& is = found->second;
    if (is.partitions < was.partitions) {
      out.push_back(topic + " has " + std::to_string(is.partitions) + " partitions instead of " +
                    std::to_string(was.partitions) + ": Kafka takes none away, the topic would have to be made anew");
    }
    if (is.compacted && !was.compacted)
      out.push_back(topic + " is compacted now: of each key all messages but the last are deleted");
    // What is compacted only is not deleted by age or size.
    if (!is.deleted) continue;
    if (!was.deleted)
      out.push_back(topic + " is no longer compacted only: old messages are deleted, also the last of a key");
    if (is.retention_ms < was.retention_ms) {
      out.push_back(topic + " has a retention of " + retention_text(is.retention_ms) + " instead of " +
                    retention_text(was.retention_ms) + ": what is older is deleted");
    }
    if (is.retention_bytes < was.retention_bytes) {
      out.push_back(topic + " has retention_bytes of " + size_or_none(is.retention_bytes) + " instead of " +
                    size_or_none(was.retention_bytes) + ": what is more is deleted");
    }
  }
  return out;
}

}  // namespace freshet::fleet
