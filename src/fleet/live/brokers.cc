// What a broker is set to has four sources, of which the narrowest counts: set on it while it ran, set on all while
// they ran, its file, Kafka's default. Only the first two are changed here, and never taken away.
#include "fleet/live/brokers.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

#include "base/text.h"
#include "fleet/broker_settings.h"
#include "fleet/text.h"
#include "fleet/topic_settings.h"

namespace freshet::fleet {
namespace {

constexpr env::TimeUs kBrokersShowAfterUs = 60'000'000;
constexpr env::TimeUs kBrokersLookAgainUs = 200'000;

// They hold for every topic that does not say otherwise, so a slip of the pen would delete records everywhere.
bool deletes_records(std::string_view name) {
  return name.starts_with("log.retention.") || name.starts_with("log.local.retention.") ||
         name == "log.cleanup.policy" || name == "log.message.timestamp.type";
}

// Brokers take another number of threads only from half to twice of what they have.
bool is_threads(std::string_view name) {
  constexpr std::array<std::string_view, 6> kPools = {"num.io.threads",       "num.network.threads",
                                                      "num.replica.fetchers", "num.recovery.threads.per.data.dir",
                                                      "background.threads",   "log.cleaner.threads"};
  return std::ranges::find(kPools, name) != kPools.end();
}

// Moves set these for a time, and take them away again.
bool is_of_moves(std::string_view name) {
  return name.ends_with("replication.throttled.rate") || name == "replica.alter.log.dirs.io.max.bytes.per.second";
}

int64_t number_in(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

const BrokerSettingNow* find_setting(const std::map<std::string, BrokerSettingNow>& settings, const std::string& name) {
  const auto found = settings.find(name);
  return found == settings.end() ? nullptr : &found->second;
}

bool is_same(const std::string& name, const std::string& wanted, const BrokerSettingNow* now) {
  return now != nullptr && now->value && same_setting(name, wanted, *now->value);
}

std::string living_text(const BrokerSettingNow* now) { return now == nullptr ? "" : now->value.value_or(""); }

std::string brokers_text(const std::vector<int32_t>& brokers) {
  return fmt::format("{} {}", brokers.size() == 1 ? "broker" : "brokers", joined(brokers, ", "));
}

// Adds a broker to those that differ in the same way: a line for each of two hundred brokers would be read by nobody.
void add_broker_to(std::vector<BrokerDifference>& out, BrokerDifference difference, int32_t broker) {
  const auto alike = std::ranges::find_if(out, [&](const BrokerDifference& one) {
    return std::tie(one.kind, one.setting, one.wanted, one.living) ==
           std::tie(difference.kind, difference.setting, difference.wanted, difference.living);
  });
  if (alike != out.end()) return alike->brokers.push_back(broker);
  difference.brokers = {broker};
  out.push_back(std::move(difference));
}

// As far as one step goes. What is no number of threads goes all the way.
std::string next_value(const std::string& name, const std::string& wanted, const std::string& living) {
  if (!is_threads(name)) return wanted;
  const int64_t now = std::max<int64_t>(number_in(living), 1);
  return std::to_string(std::clamp(number_in(wanted), now - now / 2, 2 * now));
}

std::vector<std::string> losses_of(const std::string& name, const std::string& wanted, const std::string& living) {
  if (name == "unclean.leader.election.enable" && wanted == "true")
    return {"a replica that lacks acknowledged records may become leader from then on"};
  if (name == "min.insync.replicas" && number_in(wanted) < number_in(living))
    return {"topics without their own accept writes that fewer replicas have"};
  return {};
}

}  // namespace

// What is rendered beside the file's own is kept apart: nobody wrote it down, and a cluster that was there before the
// file may have good reasons for another value.
BrokersWanted brokers_wanted(const Cluster& cluster) {
  BrokersWanted out;
  for (const auto& [name, value] : broker_settings_of(cluster)) {
    out[name] = {value, said_setting(cluster.settings, name) != nullptr};
  }
  return out;
}

std::vector<BrokerDifference> compare(const BrokersWanted& wanted, const BrokersNow& now) {
  using Kind = BrokerDifference::Kind;
  std::vector<BrokerDifference> out;
  for (const auto& [broker, settings] : now) {
    for (const auto& [name, setting] : wanted) {
      const BrokerSettingNow* living = find_setting(settings, name);
      // One that can't be compared would be another one for ever, and what the file has would be shown.
      if (is_same(name, setting.value, living) || (living != nullptr && living->is_secret)) continue;
      const bool restart = living == nullptr || living->restart_only;
      add_broker_to(
          out,
          {setting.in_file ? Kind::kSetting : Kind::kRendered, {}, name, setting.value, living_text(living), restart},
          broker);
    }
    for (const auto& [name, living] : settings) {
      if (living.set_on == SetOn::kFile || wanted.contains(name) || is_of_moves(name)) continue;
      add_broker_to(out, {Kind::kExtra, {}, name, "", living_text(&living), false}, broker);
    }
  }
  std::ranges::stable_sort(out, {}, [](const BrokerDifference& one) { return std::tie(one.kind, one.setting); });
  return out;
}

std::string text_of(const BrokerDifference& difference) {
  const std::string who = brokers_text(difference.brokers);
  const std::string living = difference.living.empty() ? "not set" : difference.living;
  if (difference.kind == BrokerDifference::Kind::kExtra)
    return fmt::format("{}: {} is {}, set while they ran; the file does not say it", who, difference.setting, living);
  const char* says = difference.kind == BrokerDifference::Kind::kSetting ? "the file has" : "render writes";
  const char* how = difference.restart_only               ? "render it, then `freshet fleet restart`"
                    : deletes_records(difference.setting) ? "apply leaves it, as it may delete what topics keep"
                    : difference.kind == BrokerDifference::Kind::kSetting
                        ? "apply changes it while they run"
                        : "write it under `settings`, and apply changes it while they run";
  return fmt::format("{}: {} is {}, {} {}: {}", who, difference.setting, living, says, difference.wanted, how);
}

BrokerChanges plan_broker_changes(const BrokersWanted& wanted, const BrokersNow& now) {
  BrokerChanges out;
  for (const BrokerDifference& difference : compare(wanted, now)) {
    if (difference.kind != BrokerDifference::Kind::kSetting) continue;
    const std::string& name = difference.setting;
    const std::string who = brokers_text(difference.brokers) + ": " + name;
    if (difference.restart_only) {
      out.left.push_back(who + " needs a restart: render it, then `freshet fleet restart`");
      continue;
    }
    if (deletes_records(name)) {
      out.left.push_back(who +
                         " holds for every topic without its own, and may delete what they keep: set the topics' "
                         "retention in the file, or this one by kafka-configs.sh");
      continue;
    }
    const std::string next = next_value(name, difference.wanted, difference.living);
    BrokerChange change{std::nullopt, name, next, difference.living, losses_of(name, next, difference.living)};
    if (next != difference.wanted)
      out.left.push_back(
          fmt::format("{} goes to {} now, not yet to {}: brokers take at most twice or half of what "
                      "they have",
                      who, next, difference.wanted));
    // What a broker has of its own goes before what all have.
    bool of_all = false;
    for (const int32_t broker : difference.brokers) {
      if (now.at(broker).at(name).set_on == SetOn::kOne) {
        change.broker = broker;
        out.steps.push_back(change);
      } else {
        of_all = true;
      }
    }
    change.broker = std::nullopt;
    if (of_all && std::ranges::find(out.steps, change) == out.steps.end()) out.steps.push_back(std::move(change));
  }
  return out;
}

std::string text_of(const BrokerChange& change) {
  const std::string who = change.broker ? fmt::format("broker {}", *change.broker) : std::string("all brokers");
  return fmt::format("{}: {}={} while they run (now {})", who, change.setting, change.value,
                     change.living.empty() ? "not set" : change.living);
}

bool shows(const BrokersNow& now, const BrokerChange& change) {
  return std::ranges::all_of(now, [&](const auto& broker) {
    const BrokerSettingNow* living = find_setting(broker.second, change.setting);
    const bool own = living != nullptr && living->set_on == SetOn::kOne;
    // One that has its own does not show what all have.
    if (change.broker ? broker.first != *change.broker : own) return true;
    return is_same(change.setting, change.value, living);
  });
}

Status change_and_see(Brokers& brokers, const BrokerChange& change, env::Clock& clock) {
  FRESHET_TRY(brokers.change(change, false));
  const env::TimeUs until_us = clock.monotonic_us() + kBrokersShowAfterUs;
  while (true) {
    const auto now = brokers.look();
    if (now && shows(*now, change)) return {};
    if (clock.monotonic_us() >= until_us) {
      if (!now) return tl::unexpected(now.error());
      return fail(Code::kRetry, "the brokers took it, and don't show it after a minute: " + text_of(change));
    }
    clock.sleep_us(kBrokersLookAgainUs);
  }
}

}  // namespace freshet::fleet
