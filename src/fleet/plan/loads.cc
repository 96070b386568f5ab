// From a topology to loads, and from its rates to those of another month. A rate belongs to where messages come in;
// what a mirror writes follows its sources, so growth and --rate are applied at sources only and passed on along
// mirrors.
#include "fleet/plan/loads.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "base/number.h"
#include "yaml/reader.h"

namespace freshet::fleet {
namespace {

// Far beyond any fleet; what is computed from such rates (bytes kept for years, say) is still finite.
constexpr double kMessagesMax = 1e200;

// Rates of topics after growth and changes; sources before what mirrors make of them.
class Projector {
 public:
  Projector(const Topology& fleet, double months) : fleet_(fleet), months_(months) {
    sources_.resize(fleet.topics.size());
    for (const Mirror& mirror : fleet.mirrors) {
      for (const MirroredTopic& topic : mirror.topics) sources_[topic.to].push_back(topic.from);
    }
    own_factor_.assign(fleet.topics.size(), 1);
    whole_factor_.assign(fleet.topics.size(), 1);
    rates_.assign(fleet.topics.size(), 0);
    state_.assign(fleet.topics.size(), State::kTodo);
  }

  // False: it names no topic.
  bool change(const RateChange& change) {
    bool found = false;
    for (size_t i = 0; i < fleet_.topics.size(); ++i) {
      const Topic& topic = fleet_.topics[i];
      if (change.topic == "*" || change.topic == topic.name) {
        own_factor_[i] *= change.factor;  // what comes by mirrors has it from its source
        found = true;
      } else if (change.topic.find('/') != std::string::npos && change.topic == fleet_.path_of(topic)) {
        whole_factor_[i] *= change.factor;
        found = true;
      }
    }
    return found;
  }

  std::vector<double> rates() {
    for (size_t i = 0; i < fleet_.topics.size(); ++i) visit(static_cast<Index>(i));
    return rates_;
  }

 private:
  enum class State : uint8_t { kTodo, kDoing, kDone };

  // A cycle of mirrors, which lint refuses, counts once.
  void visit(Index index) {
    if (state_[index] != State::kTodo) return;
    state_[index] = State::kDoing;
    const Topic& topic = fleet_.topics[index];
    double before = 0, after = 0;
    for (const Index source : sources_[index]) {
      visit(source);
      before += fleet_.topics[source].messages_per_s;
      after += state_[source] == State::kDone ? rates_[source] : fleet_.topics[source].messages_per_s;
    }
    // A topic may have producers of its own beside a mirror. What the file says of its rate is both together; where it
    // is less than what the mirrors bring (a topic that is copied in part), all of it is mirrored.
    const double own = std::max(0.0, topic.messages_per_s - before);
    const double mirrored = topic.messages_per_s - own;
    const double growth = std::pow(1 + topic.growth_percent_per_month / 100, months_);
    const double passed_on = before > 0 ? mirrored * after / before : 0;
    FRESHET_ASSERT(growth >= 0);
    rates_[index] = (own * own_factor_[index] * growth + passed_on) * whole_factor_[index];
    state_[index] = State::kDone;
  }

  const Topology& fleet_;
  double months_;
  std::vector<std::vector<Index>> sources_;
  std::vector<double> own_factor_, whole_factor_, rates_;
  std::vector<State> state_;
};

std::vector<std::string> topic_names(const Topology& fleet) {
  std::vector<std::string> names;
  for (const Topic& topic : fleet.topics) names.push_back(topic.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

double messages_of(const Topology& fleet, const Producer& producer) {
  double sum = 0;
  for (const Index topic : producer.topics) sum += fleet.topics[topic].messages_per_s;
  return sum;
}

// Few different replications occur in a cluster, so a list is searched faster than a map.
Kept& kept_with(uint32_t replication, std::vector<Kept>& all) {
  for (Kept& kept : all) {
    if (kept.replication == replication) return kept;
  }
  return all.emplace_back(Kept{.replication = replication});
}

}  // namespace

std::vector<Load> loads_of(const Topology& fleet, const Rates& rates) {
  std::vector<Load> loads(fleet.clusters.size());
  FRESHET_ASSERT(rates.topics.size() == fleet.topics.size() && rates.producers.size() == fleet.producers.size());
  for (size_t i = 0; i < fleet.topics.size(); ++i) {
    const Topic& topic = fleet.topics[i];
    const TopicRates& each = rates.topics[i];
    Load& load = loads[topic.cluster];
    FRESHET_ASSERT(topic.replication >= 1 && topic.partitions >= 1);
    const double followers = topic.replication - 1.0;
    const auto add = [&](Flow& flow, double factor) {
      flow.in_bytes += each.in_bytes_per_s * factor;
      flow.replicated_bytes += each.in_bytes_per_s * followers * factor;
      flow.out_bytes += each.out_bytes_per_s * factor;
      // A leader sends what is tiered to the remote storage, once.
      if (topic.local_retention_us > 0) flow.out_bytes += each.in_bytes_per_s * factor;
      flow.messages_in += topic.messages_per_s * factor;
    };
    add(load.average, 1);
    add(load.peak, topic.peak_factor);
    Kept& kept = kept_with(topic.replication, load.kept);
    kept.bytes += each.disk_bytes();
    kept.partitions += topic.partitions;
    load.largest_replica_bytes = std::max(load.largest_replica_bytes, each.disk_bytes() / topic.partitions);
  }
  for (size_t i = 0; i < fleet.producers.size(); ++i) {
    const Producer& producer = fleet.producers[i];
    if (producer.topics.empty()) continue;
    const Index cluster = fleet.topics[producer.topics.front()].cluster;
    loads[cluster].senders.push_back({.batching = batching_of(fleet, producer, rates.producers[i].messages_per_s),
                                      .linger_us = producer.linger_us,
                                      .batch_bytes = producer.batch_bytes});
  }
  return loads;
}

std::vector<double> cross_zone_bytes_of(const Topology& fleet, const Rates& rates) {
  std::vector<double> out(fleet.clusters.size());
  for (size_t i = 0; i < fleet.topics.size(); ++i) {
    const Topic& topic = fleet.topics[i];
    const TopicRates& each = rates.topics[i];
    const auto zones = static_cast<double>(fleet.cluster_of(topic).zones.size());
    FRESHET_ASSERT(zones >= 1);
    const double elsewhere = 1 - 1 / zones;  // the part of clients that is in another zone than the leader
    // The fullest zone has ceil(replication / zones) replicas, the leader among them: what goes to those costs
    // nothing.
    const double followers = topic.replication - std::ceil(topic.replication / zones);
    // Readers of the closest replica cross zones only where their own has none.
    const bool closest = fleet.cluster_of(topic).read_from == ReadFrom::kClosest;
    const double read_elsewhere = closest ? 1 - std::min<double>(topic.replication, zones) / zones : elsewhere;
    out[topic.cluster] += each.in_bytes_per_s * (elsewhere + followers) + each.out_bytes_per_s * read_elsewhere;
  }
  return out;
}

Result<RateChange> parse_rate_change(std::string_view text) {
  const size_t equals = text.rfind('=');
  const auto wrong = [&] {
    return fail(Code::kInvalid,
                "--rate " + std::string(text) +
                    ": must be TOPIC=FACTORx with a factor from 0 to 1000, as in orders=2x, front/orders=1.5x "
                    "or *=2x");
  };
  if (equals == std::string_view::npos || equals == 0 || !text.ends_with('x')) return wrong();
  RateChange out{std::string(text.substr(0, equals)), 0};
  constexpr double kFactorMax = 1000;
  out.factor = to_number<double>(text.substr(equals + 1, text.size() - equals - 2)).value_or(-1);
  if (!(out.factor >= 0 && out.factor <= kFactorMax)) return wrong();
  return out;
}

Status project(Topology& fleet, double months, const std::vector<RateChange>& changes) {
  Projector projector(fleet, months);
  for (const RateChange& change : changes) {
    if (projector.change(change)) continue;
    return fail(Code::kInvalid, "--rate: there is no topic \"" + change.topic + "\"" +
                                    yaml::did_you_mean(change.topic, topic_names(fleet)));
  }
  const std::vector<double> rates = projector.rates();
  for (size_t i = 0; i < rates.size(); ++i) {
    if (rates[i] <= kMessagesMax) continue;  // false of what is not a number, too
    return fail(Code::kInvalid, "--rate, --months: topic " + fleet.path_of(fleet.topics[i]) +
                                    " would have more messages a second than can be counted: give smaller factors");
  }
  // Producers that say a rate keep their part of what their topics get.
  FRESHET_ASSERT(rates.size() == fleet.topics.size());
  std::vector<double> before;
  for (const Producer& producer : fleet.producers) before.push_back(messages_of(fleet, producer));
  for (size_t i = 0; i < rates.size(); ++i) fleet.topics[i].messages_per_s = rates[i];
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] > 0) fleet.producers[i].messages_per_s *= messages_of(fleet, fleet.producers[i]) / before[i];
  }
  return {};
}

}  // namespace freshet::fleet
