// What a topic has beyond the file is a difference, too, but of another kind: nobody asked for it, and apply leaves it.
#include "fleet/live/diff.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/text.h"
#include "fleet/text.h"
#include "fleet/topic_settings.h"

namespace freshet::fleet {
namespace {

using Kind = Difference::Kind;

std::string replicas_text(const TopicNow& now) {
  return now.replication_min == now.replication_max ? std::to_string(now.replication_max)
                                                    : fmt::format("{} to {}", now.replication_min, now.replication_max);
}

// Brokers and zones are not what apply changes; they are told because everything else hangs on them.
void compare_cluster(const ClusterWanted& wanted, const ClusterNow& now, std::vector<Difference>& out) {
  if (!wanted.id.empty() && wanted.id != now.id) out.push_back({Kind::kClusterId, "", "", wanted.id, now.id});
  if (wanted.brokers != now.brokers.size())
    out.push_back({Kind::kBrokers, "", "", std::to_string(wanted.brokers), std::to_string(now.brokers.size())});
  for (const cluster::Broker& broker : now.brokers) {
    if (broker.rack.empty() || std::ranges::find(wanted.zones, broker.rack) != wanted.zones.end()) continue;
    out.push_back(
        {Kind::kZones, "", "", joined(wanted.zones, ", "), fmt::format("broker {} in {}", broker.id, broker.rack)});
  }
  std::vector<int32_t> without;
  for (const cluster::Broker& broker : now.brokers)
    if (broker.rack.empty()) without.push_back(broker.id);
  if (!without.empty() && now.brokers.size() > 1 && wanted.zones.size() > 1)
    out.push_back({Kind::kNoRack, "", "broker.rack", joined(wanted.zones, ", "), joined(without, ", ")});
}

// A setting that the file leaves to the brokers is the same as long as the topic has none of its own, whatever the
// brokers' default is.
void compare_settings(const TopicWanted& wanted, const TopicNow& now, std::vector<Difference>& out) {
  for (const cluster::ConfigChange& setting : wanted.settings) {
    const SettingNow* living = now.find(setting.name);
    const std::string value = living == nullptr ? "" : living->value;
    const bool same = setting.value ? living != nullptr && same_setting(setting.name, *setting.value, value)
                                    : living == nullptr || !living->own;
    if (!same) out.push_back({Kind::kSetting, wanted.name, setting.name, setting.value.value_or(""), value});
  }
  for (const auto& [name, living] : now.settings) {
    const bool known = std::ranges::binary_search(wanted.settings, name, {}, &cluster::ConfigChange::name);
    if (living.own && !known) out.push_back({Kind::kExtraSetting, wanted.name, name, "", living.value});
  }
}

void compare_topic(const TopicWanted& wanted, const ClusterNow& cluster, std::vector<Difference>& out) {
  const auto found = cluster.topics.find(wanted.name);
  if (found == cluster.topics.end()) {
    out.push_back({Kind::kMissing, wanted.name, "", plural(wanted.partitions, "partition"), ""});
    return;
  }
  const TopicNow& now = found->second;
  if (now.partitions != wanted.partitions)
    out.push_back(
        {Kind::kPartitions, wanted.name, "", std::to_string(wanted.partitions), std::to_string(now.partitions)});
  if (now.replication_min != wanted.replication || now.replication_max != wanted.replication)
    out.push_back({Kind::kReplication, wanted.name, "", std::to_string(wanted.replication), replicas_text(now)});
  compare_settings(wanted, now, out);
}

}  // namespace

bool is_extra(Kind kind) {
  return kind == Kind::kNoRack || kind == Kind::kExtraTopic || kind == Kind::kExtraSetting || kind == Kind::kExtraAcl ||
         kind == Kind::kExtraBrokerSetting || kind == Kind::kRenderedSetting;
}

bool counts(Kind kind, bool strict) { return kind != Kind::kRenderedSetting && (strict || !is_extra(kind)); }

std::vector<Difference> differences_of(const std::vector<BrokerDifference>& brokers) {
  std::vector<Difference> out;
  for (const BrokerDifference& each : brokers) {
    const Kind kind = each.kind == BrokerDifference::Kind::kSetting    ? Kind::kBrokerSetting
                      : each.kind == BrokerDifference::Kind::kRendered ? Kind::kRenderedSetting
                                                                       : Kind::kExtraBrokerSetting;
    out.push_back({kind, "", each.setting, each.wanted, each.living, "", text_of(each)});
  }
  return out;
}

// Users come last: they are about the cluster as a whole, and their lines are long.
std::vector<Difference> compare(const std::vector<UserWanted>& wanted, const AccessNow& now) {
  std::vector<Difference> out;
  if (wanted.empty()) return out;
  if (!now.has_authorizer) out.push_back({Kind::kAuthorizer, "", "", "StandardAuthorizer", ""});
  for (const Grant& grant : grants_of(wanted, now))
    out.push_back({Kind::kUser, "", "", text_of(grant), grant.living, grant.user.name});
  for (const auto& [user, acl] : extra_acls(wanted, now))
    out.push_back({Kind::kExtraAcl, "", "", "", text_of(acl), user});
  return out;
}

std::vector<Difference> compare(const ClusterWanted& wanted, const ClusterNow& now) {
  std::vector<Difference> out;
  compare_cluster(wanted, now, out);
  for (const TopicWanted& topic : wanted.topics) compare_topic(topic, now, out);
  for (const auto& [name, topic] : now.topics) {
    if (name == wanted.probe_topic || std::ranges::binary_search(wanted.topics, name, {}, &TopicWanted::name)) continue;
    out.push_back({Kind::kExtraTopic, name, "", "", plural(topic.partitions, "partition")});
  }
  return out;
}

std::string text_of(const Difference& difference) {
  const auto or_none = [](const std::string& text) { return text.empty() ? std::string("not set") : text; };
  switch (difference.kind) {
    case Kind::kClusterId:
      return fmt::format("this is another cluster: its id is {}, not {}", difference.living, difference.wanted);
    case Kind::kBrokers: return fmt::format("{} brokers live, the file has {}", difference.living, difference.wanted);
    case Kind::kZones: return fmt::format("{}, the file has zones {}", difference.living, difference.wanted);
    case Kind::kNoRack:
      return fmt::format("brokers without a rack: {}; Kafka spreads replicas over zones by it, the file has zones {}",
                         difference.living, difference.wanted);
    case Kind::kMissing: return fmt::format("topic {}: does not live", difference.topic);
    case Kind::kPartitions:
      return fmt::format("topic {}: {} partitions, the file has {}", difference.topic, difference.living,
                         difference.wanted);
    case Kind::kReplication:
      return fmt::format("topic {}: {} replicas, the file has {}", difference.topic, difference.living,
                         difference.wanted);
    case Kind::kSetting:
      return fmt::format("topic {}: {} is {}, the file has {}", difference.topic, difference.setting,
                         or_none(difference.living), or_none(difference.wanted));
    case Kind::kExtraTopic: return fmt::format("topic {}: is not in the file", difference.topic);
    case Kind::kExtraSetting:
      return fmt::format("topic {}: {} is {}, the file does not say it", difference.topic, difference.setting,
                         or_none(difference.living));
    case Kind::kAuthorizer:
      return "the brokers have no authorizer: everybody may do everything, and no ACL can be kept";
    case Kind::kUser: return difference.wanted;
    case Kind::kBrokerSetting:
    case Kind::kRenderedSetting:
    case Kind::kExtraBrokerSetting: return difference.words;
    case Kind::kExtraAcl:
      return fmt::format("user {}: may {}, the file does not say it", difference.user, difference.living);
  }
  return "";
}

}  // namespace freshet::fleet
