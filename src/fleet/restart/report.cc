// What a person needs before he says yes: in which order, and what it costs whom.
#include "fleet/restart/report.h"

#include <fmt/core.h>

#include "fleet/kafka_version.h"
#include "fleet/text.h"

namespace freshet::fleet::restart {
namespace {

std::string address_of(const Broker& broker) {
  return fmt::format("{}:{}{}", broker.host, broker.port, broker.rack.empty() ? "" : ", " + broker.rack);
}

std::string cost_text(const Cost& cost) {
  std::string out = fmt::format("{} get another leader", plural(cost.leads, "partition"));
  if (cost.read_only > 0)
    out += fmt::format("; {} refuse writes meanwhile, as {}", cost.read_only, cost.first_read_only);
  if (cost.offline > 0)
    out += fmt::format("; {} can't be read or written meanwhile, as {}", cost.offline, cost.first_offline);
  return out;
}

}  // namespace

// Kafka's documentation, "Upgrading": any 3.x goes to any later one; 4.0 wants metadata of 3.3, so KRaft.
std::string upgrade_fault(const Upgrade& upgrade) {
  if (upgrade.to.empty()) return "";
  if (!is_released(upgrade.to))
    return fmt::format("no release {} of Kafka is known here: known are {}", upgrade.to, kKnownReleases);
  const auto from = parse_version(upgrade.from), to = parse_version(upgrade.to);
  if (to < from)
    return fmt::format("{} is older than the file's {}: no rolling way leads back", upgrade.to, upgrade.from);
  if (to.first >= 4 && from < std::pair<uint32_t, uint32_t>(3, 3))
    return fmt::format("Kafka {} is reached from 3.3 on, with KRaft: go from {} to 3.9 first", upgrade.to,
                       upgrade.from);
  return "";
}

std::string text_of_plan(const State& state, const std::vector<Broker>& order, const Upgrade& upgrade) {
  std::string out;
  // KIP-896, and "Upgrading" of 4.0.
  if (upgrade.to.starts_with("4.") && upgrade.from.starts_with("3."))
    out += fmt::format(
        "Before the first: Kafka {} refuses clients older than 2.1 and metadata older than 3.3 (kafka-features.sh "
        "--bootstrap-server HOST:PORT describe), and has some settings no more (`freshet fleet lint` with this "
        "kafka_version).\n",
        upgrade.to);
  const std::string why = unready(state, -1);
  out += why.empty() ? "ready: every replica is in sync\n" : "not ready: " + why + "\n";
  uint32_t step = 0;
  for (const Broker& broker : order) {
    out += fmt::format("{}. broker {} ({}): {}\n", ++step, broker.id, address_of(broker),
                       cost_text(cost_of(state, broker.id)));
    if (!upgrade.to.empty()) out += fmt::format("   stop it, install Kafka {}, start it\n", upgrade.to);
  }
  out +=
      "After each: wait until it is in sync wherever it has a replica, have preferred leaders elected, then the "
      "next.\n";
  if (!upgrade.to.empty()) {
    const auto [major, minor] = parse_version(upgrade.to);
    out += fmt::format(
        "Controllers of their own are upgraded first, one after another, the active one last.\n"
        "{}. when all run {}, and nobody will want to go back:\n"
        "   kafka-features.sh --bootstrap-server HOST:PORT upgrade --{} {}.{}\n",
        ++step, upgrade.to, major >= 4 ? "release-version" : "metadata", major, minor);
  }
  return out;
}

void write_plan(JsonWriter& json, const State& state, const std::vector<Broker>& order) {
  json.begin_object().member("cluster_id", state.cluster_id).member("not_ready", unready(state, -1)).key("brokers");
  json.array(order, [&](JsonWriter& list, const Broker& broker) {
    const Cost cost = cost_of(state, broker.id);
    list.begin_object().member("id", broker.id).member("host", broker.host).member("port", broker.port);
    list.member("rack", broker.rack).member("leads", cost.leads).member("offline", cost.offline);
    list.member("read_only", cost.read_only).end_object();
  });
  json.end_object();
}

std::string text_of_journal(const Journal& journal) {
  std::string out = fmt::format("{}, {} of {} done", name_of(journal.outcome), journal.done(),
                                plural(journal.brokers.size(), "broker"));
  for (const JournalBroker& one : journal.brokers) {
    if (one.stage == Stage::kAway) out += fmt::format("; broker {} was being restarted", one.broker.id);
  }
  return out;
}

void write_journal(JsonWriter& json, const Journal& journal) {
  json.begin_object().member("outcome", name_of(journal.outcome)).member("cluster_id", journal.cluster_id);
  json.member("done", journal.done()).key("brokers");
  json.array(journal.brokers, [](JsonWriter& list, const JournalBroker& one) {
    list.begin_object().member("id", one.broker.id).member("stage", name_of(one.stage)).end_object();
  });
  json.end_object();
}

}  // namespace freshet::fleet::restart
