// From what is wanted and what lives to steps. Nothing here deletes a topic, takes partitions away or moves replicas:
// what would need that is told, and left.
#include "fleet/live/changes.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "fleet/text.h"
#include "fleet/topic_settings.h"

namespace freshet::fleet {
namespace {

constexpr std::string_view kTime = "retention.ms";
constexpr std::string_view kBytes = "retention.bytes";

// Of retention: without end is the most.
int64_t bound_of(std::string_view text) {
  int64_t value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value < 0 ? std::numeric_limits<int64_t>::max() : value;
}
bool is_endless(int64_t bound) { return bound == std::numeric_limits<int64_t>::max(); }

std::string bound_text(int64_t bound) { return is_endless(bound) ? "-1" : std::to_string(bound); }

bool is_same(const cluster::ConfigChange& wanted, const SettingNow* living) {
  if (!wanted.value) return living == nullptr || !living->own;
  return living != nullptr && same_setting(wanted.name, *wanted.value, living->value);
}

// The steps of one topic. Partitions come before settings: a setting may be made for the number that will be there.
class TopicPlanner {
 public:
  TopicPlanner(const TopicWanted& wanted, const TopicNow& now, const ChangeOptions& options, Changes& out)
      : wanted_(wanted), now_(now), options_(options), out_(out) {}

  void run() {
    partitions();
    if (now_.replication_min != wanted_.replication || now_.replication_max != wanted_.replication)
      leave(
          fmt::format("has {}, the file says {}: `freshet fleet rebalance` or kafka-reassign-partitions.sh "
                      "moves replicas, apply never does",
                      plural(now_.replication_min, "replica"), wanted_.replication));
    settings();
  }

 private:
  void leave(const std::string& what) { out_.left.push_back(fmt::format("topic {}: {}", wanted_.name, what)); }

  void partitions() {
    if (wanted_.partitions < now_.partitions) {
      leave(
          fmt::format("has {} partitions, the file {}: Kafka can't take partitions away. Write {}, or make a new "
                      "topic and move its readers and writers",
                      now_.partitions, wanted_.partitions, now_.partitions));
    }
    if (wanted_.partitions <= now_.partitions) return;
    Step step{Step::Kind::kAddPartitions, wanted_.name, wanted_.partitions, 0, {}, {}};
    step.losses.push_back(
        "records of a key come into another partition from then on: their order to older ones is lost");
    out_.steps.push_back(std::move(step));
  }

  void settings() {
    Step step{Step::Kind::kChangeSettings, wanted_.name, 0, 0, {}, {}};
    for (const cluster::ConfigChange& setting : wanted_.settings) {
      const SettingNow* living = now_.find(setting.name);
      if (is_same(setting, living)) continue;
      if (setting.value && (setting.name == kTime || setting.name == kBytes)) {
        retention(setting, living, step);
        continue;
      }
      if (setting.name == "cleanup.policy")
        step.losses.push_back(fmt::format("cleanup.policy {}: other records are deleted than before",
                                          setting.value.value_or("of the brokers")));
      step.settings.push_back(setting);
    }
    if (!step.settings.empty()) out_.steps.push_back(std::move(step));
  }

  // What the topic keeps now: nullopt: nothing can be lost by a bound.
  [[nodiscard]] std::optional<int64_t> kept(std::string_view name, int64_t living) const {
    if (name == kBytes) return living;
    return now_.oldest_ms ? std::optional(std::min(living, *now_.oldest_ms)) : std::nullopt;
  }

  // Lowering a bound deletes records, which nothing brings back. So each run goes half of the way at most, measured at
  // what is kept in truth, and whoever got the number wrong has noticed before all is gone.
  void retention(const cluster::ConfigChange& setting, const SettingNow* living_setting, Step& step) {
    const int64_t living =
        living_setting == nullptr ? std::numeric_limits<int64_t>::max() : bound_of(living_setting->value);
    const int64_t wanted = bound_of(*setting.value);
    const std::optional<int64_t> most = kept(setting.name, living);
    if (wanted >= living || !most || wanted >= *most) return step.settings.push_back(setting);
    if (options_.at_once) {
      step.losses.push_back(fmt::format("{} from {} to {}: older records are deleted", setting.name, bound_text(living),
                                        bound_text(wanted)));
      return step.settings.push_back(setting);
    }
    if (is_endless(*most))
      return leave(fmt::format("{}: there is no bound now, so no half of it: --at-once sets {}", setting.name, wanted));
    const int64_t next = std::max(wanted, *most / 2 + *most % 2);
    step.losses.push_back(fmt::format("{} from {} to {}: older records are deleted, at most half of what is kept",
                                      setting.name, bound_text(living), next));
    step.settings.push_back({setting.name, std::to_string(next)});
    if (next > wanted)
      leave(fmt::format("{}: is lowered in steps, each run to half of what is kept: to {} now, not yet to {}",
                        setting.name, next, wanted));
  }

  const TopicWanted& wanted_;
  const TopicNow& now_;
  const ChangeOptions& options_;
  Changes& out_;
};

Step creation_of(const TopicWanted& wanted) {
  Step step{Step::Kind::kCreateTopic, wanted.name, wanted.partitions, wanted.replication, {}, {}};
  std::ranges::copy_if(wanted.settings, std::back_inserter(step.settings),
                       [](const cluster::ConfigChange& setting) { return setting.value.has_value(); });
  return step;
}

std::string settings_text(const Step& step) {
  std::string out;
  for (const cluster::ConfigChange& setting : step.settings) {
    out += out.empty() ? "" : " ";
    out += setting.value ? setting.name + "=" + *setting.value : setting.name + " taken away";
  }
  return out;
}

}  // namespace

Changes plan_changes(const ClusterWanted& wanted, const ClusterNow& now, const ChangeOptions& options) {
  Changes out;
  for (const TopicWanted& topic : wanted.topics) {
    const auto found = now.topics.find(topic.name);
    if (found == now.topics.end()) {
      out.steps.push_back(creation_of(topic));
    } else {
      TopicPlanner(topic, found->second, options, out).run();
    }
  }
  return out;
}

std::set<std::string> lowered(const ClusterWanted& wanted, const ClusterNow& now) {
  std::set<std::string> out;
  for (const TopicWanted& topic : wanted.topics) {
    const auto found = now.topics.find(topic.name);
    if (found == now.topics.end()) continue;
    for (const cluster::ConfigChange& setting : topic.settings) {
      const SettingNow* living = found->second.find(setting.name);
      if (setting.name == kTime && setting.value && living != nullptr &&
          bound_of(*setting.value) < bound_of(living->value))
        out.insert(topic.name);
    }
  }
  return out;
}

std::string text_of(const Step& step) {
  switch (step.kind) {
    case Step::Kind::kCreateTopic:
      return fmt::format("create topic {}: {}, {}, {}", step.topic, plural(step.partitions, "partition"),
                         plural(step.replication, "replica"), settings_text(step));
    case Step::Kind::kAddPartitions:
      return fmt::format("topic {}: partitions added, to {} in all", step.topic, step.partitions);
    case Step::Kind::kChangeSettings: return fmt::format("topic {}: {}", step.topic, settings_text(step));
  }
  return "";
}

// Brokers answer a change before all of them show it: the next step waits until this one can be seen.
bool shows(const ClusterNow& now, const Step& step) {
  const auto found = now.topics.find(step.topic);
  if (found == now.topics.end()) return false;
  const TopicNow& topic = found->second;
  return topic.partitions >= step.partitions && std::ranges::all_of(step.settings, [&](const auto& setting) {
           return is_same(setting, topic.find(setting.name));
         });
}

}  // namespace freshet::fleet
