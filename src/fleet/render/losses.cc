// Topics are read back from what was rendered, by whichever release: fleet.yaml as it was then is nowhere.
#include "fleet/render/losses.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include "fleet/render/documents.h"
#include "fleet/render/lost_brokers.h"
#include "fleet/render/lost_clients.h"
#include "yaml/node.h"
#include "yaml/units.h"

namespace freshet::fleet {
namespace {

constexpr int64_t kNoBound = std::numeric_limits<int64_t>::max();

struct RenderedTopic {
  int64_t partitions = 0;
  int64_t replicas = 0;
  int64_t retention_ms = kNoBound;
  int64_t retention_bytes = kNoBound;
  bool compacted = false;  // also if it is deleted
  bool deleted = true;     // by age and size, too
  bool tiered = false;
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

int64_t count_of(const yaml::Node* node) {
  int64_t value = 0;
  if (node != nullptr) std::from_chars(node->text.data(), node->text.data() + node->text.size(), value);
  return value;
}

// Adds one KafkaTopic to the map, by "CLUSTER/TOPIC".
void add_topic(const yaml::Node& root, std::map<std::string, RenderedTopic>& out) {
  const yaml::Node* cluster = root.find({"metadata", "labels", "strimzi.io/cluster"});
  const yaml::Node* name = root.find({"spec", "topicName"});
  const yaml::Node* partitions = root.find({"spec", "partitions"});
  if (cluster == nullptr || name == nullptr || partitions == nullptr) return;
  const yaml::Node& spec = *root.find("spec");
  RenderedTopic& topic = out[cluster->text + "/" + name->text];
  topic.partitions = count_of(partitions);
  topic.replicas = count_of(spec.find("replicas"));
  topic.retention_ms = bound_of(spec, "retention.ms");
  topic.retention_bytes = bound_of(spec, "retention.bytes");
  const yaml::Node* tiered = spec.find({"config", "remote.storage.enable"});
  topic.tiered = tiered != nullptr && tiered->text == "true";
  const yaml::Node* policy = spec.find({"config", "cleanup.policy"});
  if (policy == nullptr) return;
  topic.compacted = policy->text.find("compact") != std::string::npos;
  topic.deleted = policy->text.find("delete") != std::string::npos;
}

std::map<std::string, RenderedTopic> topics_in(std::string_view file) {
  std::map<std::string, RenderedTopic> out;
  for (const yaml::Node& document : documents_in(file)) add_topic(document, out);
  return out;
}

std::string retention_text(int64_t ms) { return ms == kNoBound ? "no end" : yaml::duration_text(ms * 1000); }
std::string size_or_none(int64_t bytes) {
  return bytes == kNoBound ? "no bound" : yaml::size_text(static_cast<uint64_t>(bytes));
}

// Less of one topic.
void compare_topics(const std::string& topic, const RenderedTopic& was, const RenderedTopic& is,
                    std::vector<std::string>& out) {
  if (is.partitions < was.partitions)
    out.push_back(topic + " has " + std::to_string(is.partitions) + " partitions instead of " +
                  std::to_string(was.partitions) + ": Kafka takes none away, the topic would have to be made anew");
  if (is.replicas < was.replicas)
    out.push_back(topic + " has " + std::to_string(is.replicas) + " replicas instead of " +
                  std::to_string(was.replicas) + ": Strimzi's operator changes none without Cruise Control");
  if (was.tiered && !is.tiered)
    out.push_back(topic + " is no longer tiered: Kafka refuses that, unless remote.log.delete.on.disable (of " +
                  "`settings`) has it delete what lies in the remote storage");
  if (is.compacted && !was.compacted)
    out.push_back(topic + " is compacted now: of each key all messages but the last are deleted");
  // What is compacted only is not deleted by age or size.
  if (!is.deleted) return;
  if (!was.deleted)
    out.push_back(topic + " is no longer compacted only: old messages are deleted, also the last of a key");
  if (is.retention_ms < was.retention_ms)
    out.push_back(topic + " has a retention of " + retention_text(is.retention_ms) + " instead of " +
                  retention_text(was.retention_ms) + ": what is older is deleted");
  if (is.retention_bytes < was.retention_bytes)
    out.push_back(topic + " has retention_bytes of " + size_or_none(is.retention_bytes) + " instead of " +
                  size_or_none(was.retention_bytes) + ": what is more is deleted");
}

std::vector<std::string> lost_of_topics(std::string_view old_topics, std::string_view new_topics) {
  const auto now = topics_in(new_topics);
  std::vector<std::string> out;
  for (const auto& [path, was] : topics_in(old_topics)) {
    const std::string topic = "topic " + path;
    const auto found = now.find(path);
    if (found == now.end()) {
      out.push_back(topic + " is gone: what makes topics of it deletes it with all that it has");
      continue;
    }
    compare_topics(topic, was, found->second, out);
  }
  return out;
}

bool is_of_topics(std::string_view path) { return path.starts_with("strimzi/v1/") && path.ends_with("/topics.yaml"); }
bool is_of_pods(std::string_view path) { return path.starts_with("strimzi/v1/") && path.ends_with("/kafka.yaml"); }
bool is_of_users(std::string_view path) { return path.starts_with("strimzi/v1/") && path.ends_with("/users.yaml"); }
bool is_of_inventories(std::string_view path) { return path.starts_with("ansible/") && path.ends_with("/hosts.yml"); }
bool is_of_machines(std::string_view path) {
  return path.starts_with("terraform/") && path.ends_with("/terragrunt.hcl");
}

bool is_of_units(std::string_view path) { return path.starts_with("mirrors/") && path.ends_with("/playbook.yml"); }

// "c" of "ansible/c/hosts.yml".
std::string_view folder_in(std::string_view path) {
  path = path.substr(0, path.rfind('/'));
  return path.substr(path.rfind('/') + 1);
}

std::vector<std::string> lost_in_kubernetes(std::string_view old_resources, std::string_view new_resources) {
  std::vector<std::string> out = lost_listeners(old_resources, new_resources);
  for (std::string& line : lost_pods(old_resources, new_resources)) out.push_back(std::move(line));
  return out;
}

}  // namespace

bool may_lose(std::string_view path) {
  return is_of_topics(path) || is_of_pods(path) || is_of_users(path) || is_of_machines(path) ||
         is_of_inventories(path) || is_of_units(path);
}

std::vector<std::string> losses(std::string_view path, std::string_view old_file, std::string_view new_file) {
  if (is_of_topics(path)) return lost_of_topics(old_file, new_file);
  if (is_of_pods(path)) return lost_in_kubernetes(old_file, new_file);
  if (is_of_users(path)) return lost_users(old_file, new_file);
  if (is_of_machines(path)) return lost_machines(old_file, new_file);
  if (is_of_inventories(path)) return lost_connections(folder_in(path), old_file, new_file);
  return is_of_units(path) ? lost_units(folder_in(path), old_file, new_file) : std::vector<std::string>();
}

}  // namespace freshet::fleet
