#include "fleet/topic_settings.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "base/assert.h"
#include "base/number.h"
#include "base/text.h"
#include "fleet/fields.h"

namespace freshet::fleet {
namespace {

// The keys of fleet.yaml that are settings of Kafka's.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kKeys = {{
    {"cleanup.policy", "cleanup"},
    {"local.retention.ms", "local_retention"},
    {"max.message.bytes", "message_bytes_max"},
    {"min.insync.replicas", "min_isr"},
    {"remote.storage.enable", "local_retention"},
    {"retention.bytes", "retention_bytes"},
    {"retention.ms", "retention"},
}};
constexpr std::array<std::string_view, 2> kThrottles = {"follower.replication.throttled.replicas",
                                                        "leader.replication.throttled.replicas"};

std::string_view policy_of(Cleanup cleanup) {
  FRESHET_ASSERT(static_cast<size_t>(cleanup) < 3);
  constexpr std::array<std::string_view, 3> kPolicies = {"delete", "compact", "compact,delete"};
  return kPolicies[static_cast<size_t>(cleanup)];
}

std::set<std::string_view> words_of(std::string_view list) {
  std::set<std::string_view> out;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    out.insert(trim(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out;
}

// The longest that a file can say (fields.h); -1 is Kafka's word for no bound.
int64_t bounded(int64_t value, int64_t most) { return value < 0 || value > most ? most + 1 : value; }

}  // namespace

std::vector<cluster::ConfigChange> settings_of(const Topic& topic) {
  std::vector<cluster::ConfigChange> out = {
      {"cleanup.policy", std::string(policy_of(topic.cleanup))},
      {"max.message.bytes", std::to_string(topic.message_bytes_max)},
      {"min.insync.replicas", std::to_string(topic.min_isr)},
      {"retention.bytes",
       topic.retention_bytes > 0 ? std::optional(std::to_string(topic.retention_bytes)) : std::nullopt},
      // 0 would delete everything at once.
      {"retention.ms", topic.retention_us > 0 ? std::to_string(std::max<int64_t>(topic.retention_us / 1000, 1)) : "-1"},
  };
  // Without it nothing is said: Kafka takes a topic out of the remote storage by more than a setting.
  if (topic.local_retention_us > 0) {
    out.push_back({"local.retention.ms", std::to_string(std::max<int64_t>(topic.local_retention_us / 1000, 1))});
    out.push_back({"remote.storage.enable", "true"});
  }
  for (const auto& [name, value] : topic.settings) out.push_back({name, value});
  std::ranges::sort(out, {}, &cluster::ConfigChange::name);
  return out;
}

std::string why_not_a_setting(std::string_view name) {
  const auto key = std::ranges::find(kKeys, name, &std::pair<std::string_view, std::string_view>::first);
  if (key != kKeys.end()) return "is the topic's key " + std::string(key->second) + " here";
  if (std::ranges::find(kThrottles, name) != kThrottles.end()) return "is set while replicas move, and taken away then";
  return "";
}

bool same_setting(std::string_view name, std::string_view a, std::string_view b) {
  if (a == b) return true;
  if (name == "cleanup.policy") return words_of(a) == words_of(b);
  if (const auto truth = truth_of(a); truth && truth == truth_of(b)) return true;
  const auto left = to_number<int64_t>(a);
  const auto right = to_number<int64_t>(b);
  if (!left || !right) {
    const auto fraction = to_number<double>(a);
    return fraction && fraction == to_number<double>(b);
  }
  if (name == "retention.ms")
    return bounded(*left, kRetentionMostUs / 1000) == bounded(*right, kRetentionMostUs / 1000);
  if (name == "retention.bytes") {
    constexpr auto kMost = static_cast<int64_t>(kRetentionMostBytes);
    return bounded(*left, kMost) == bounded(*right, kMost);
  }
  return *left == *right;
}

std::optional<bool> truth_of(std::string_view text) {
  const std::string word = lower_case(trim(text));
  if (word == "true") return true;
  return word == "false" ? std::optional(false) : std::nullopt;
}

bool is_plain_number(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  return to_number<int64_t>(text).has_value() && (digits == "0" || !digits.starts_with('0'));
}

}  // namespace freshet::fleet
