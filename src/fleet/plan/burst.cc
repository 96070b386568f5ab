// This is --burst. The model has three parts: Trace follows the service's messages over mirrors to every topic that
// they reach; slope_of() says how the use of a cluster goes up with them, which is linear (their produce requests are
// not counted); flood() (flood.cc) lets water of that volume run through stages of that width. Rates are messages a
// second, at the highest rate of each topic.
#include "fleet/plan/burst.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/assert.h"
#include "base/number.h"
#include "fleet/plan/mirrors.h"
#include "fleet/rates.h"
#include "fleet/render/names.h"
#include "yaml/reader.h"

namespace freshet::fleet {
namespace {

// A service has some room over its usual rate, else it could not live with its own peaks; three times is a guess for
// those whose speed the file does not give. People override it with @Nx.
constexpr double kUsualCatchUp = 3;
constexpr double kCatchUpMax = 1000;
constexpr double kUseMax = 0.99;  // above it the formula of latency says nothing
// These are the resources that a cluster can have too little of while messages pour in.
constexpr Resource kFlows[] = {Resource::kCpu, Resource::kNetworkIn, Resource::kNetworkOut, Resource::kVolumes,
                               Resource::kEbs};

double of(const PerResource& values, Resource resource) { return values[static_cast<size_t>(resource)]; }

// Knows how many of the service's messages reach each topic, a second, at the highest rate.
class Trace {
 public:
  Trace(const Topology& fleet, const Rates& rates, Index service) : fleet_(fleet), by_topic_(fleet.topics.size()) {
    for (size_t i = 0; i < fleet.producers.size(); ++i) {
      const Producer& producer = fleet.producers[i];
      if (producer.service != service) continue;
      double all = 0;
      for (const Index topic : producer.topics) all += fleet.topics[topic].messages_per_s;
      for (const Index t : producer.topics) {
        const Topic& topic = fleet.topics[t];
        const double share = all > 0 ? topic.messages_per_s / all : 0;
        // A producer that says more than its topics get in all can't be the source of more than there is.
        const double messages = rates.producers[i].messages_per_s * share;
        by_topic_[t] += std::min(messages, topic.messages_per_s) * topic.peak_factor;
      }
    }
    sent_ = by_topic_;
    order();
  }

  // The messages a second that a cluster gets by mirrors, by the cluster that they come from.
  [[nodiscard]] const std::map<Index, double>& copied_into(Index cluster) const { return copied_[cluster]; }
  [[nodiscard]] const std::vector<Index>& clusters() const { return clusters_; }  // sources first
  [[nodiscard]] double into(Index cluster) const { return sum(by_topic_, cluster); }
  [[nodiscard]] double sent_to(Index cluster) const { return sum(sent_, cluster); }
  [[nodiscard]] double in_topic(Index topic) const { return by_topic_[topic]; }

 private:
  [[nodiscard]] double sum(const std::vector<double>& by_topic, Index cluster) const {
    double out = 0;
    for (size_t t = 0; t < by_topic.size(); ++t) out += fleet_.topics[t].cluster == cluster ? by_topic[t] : 0;
    return out;
  }

  // Breadth first along mirrors; a cluster is done when all that may feed it are. In a cycle of mirrors, which lint
  // refuses, what would come around is left out.
  void order() {
    std::vector<uint32_t> open(fleet_.clusters.size());
    for (const Mirror& mirror : fleet_.mirrors) ++open[mirror.to];
    copied_.resize(fleet_.clusters.size());
    std::vector<Index> todo;
    for (Index c = 0; c < open.size(); ++c) {
      if (open[c] == 0) todo.push_back(c);
    }
    for (size_t next = 0; next < todo.size(); ++next) {
      const Index cluster = todo[next];
      if (into(cluster) > 0) clusters_.push_back(cluster);
      for (const Mirror& mirror : fleet_.mirrors) {
        if (mirror.from != cluster) continue;
        for (const MirroredTopic& topic : mirror.topics) {
          by_topic_[topic.to] += by_topic_[topic.from];
          if (by_topic_[topic.from] > 0) copied_[mirror.to][cluster] += by_topic_[topic.from];
        }
        if (--open[mirror.to] == 0) todo.push_back(mirror.to);
      }
    }
  }

  const Topology& fleet_;
  std::vector<double> by_topic_, sent_;
  std::vector<Index> clusters_;
  std::vector<std::map<Index, double>> copied_;
};

// Says how a cluster's use goes up with the service's messages.
struct Slope {
  PerResource usual{};    // use with everything at its highest rate
  PerResource ours{};     // the part of it that these messages make
  double most_times = 0;  // how many times the usual would fill the cluster
  Resource bottleneck = Resource::kCpu;

  // `times`: how many times its usual rate the service's messages come; everything else stays as it is.
  [[nodiscard]] double use(Resource resource, double times) const {
    return of(usual, resource) + (times - 1) * of(ours, resource);
  }
  [[nodiscard]] double worst(double times) const {
    double worst = 0;
    for (const Resource resource : kFlows) worst = std::max(worst, use(resource, times));
    return worst;
  }
};

Slope slope_of(const Topology& fleet, const Rates& rates, const Trace& trace, Index cluster, const Load& load,
               const BrokerShape& shape, const Prices& prices) {
  Load ours;
  for (size_t t = 0; t < fleet.topics.size(); ++t) {
    const Topic& topic = fleet.topics[t];
    if (topic.cluster != cluster || trace.in_topic(static_cast<Index>(t)) <= 0) continue;
    const double messages = trace.in_topic(static_cast<Index>(t));
    const double bytes = messages * static_cast<double>(topic.message_bytes) / compression_ratio(topic);
    ours.peak.in_bytes += bytes;
    ours.peak.replicated_bytes += bytes * (topic.replication - 1.0);
    ours.peak.out_bytes += bytes * rates.topics[t].readers;
    ours.peak.messages_in += messages;
  }
  // All brokers serve: an outage of the service is not one of the cluster, too.
  const double brokers = fleet.clusters[cluster].brokers;
  Slope out;
  out.usual = use_of(load, shape, {brokers, brokers}, prices);
  out.ours = use_of(ours, shape, {brokers, brokers}, prices);
  out.most_times = std::numeric_limits<double>::infinity();
  for (const Resource resource : kFlows) {
    if (of(out.ours, resource) <= 0) continue;
    // usual + (times - 1) * ours = 1, solved for times. A cluster that is over its limit without the burst already may
    // get 0: then nothing passes, and it never recovers.
    const double times = std::max(0.0, 1 + (1 - of(out.usual, resource)) / of(out.ours, resource));
    if (times >= out.most_times) continue;
    out.most_times = times;
    out.bottleneck = resource;
  }
  return out;
}

// Says how many of the service's messages the mirrors between two clusters can copy a second, beside all others.
double mirrors_most(const Topology& fleet, Index from, Index to, double ours, const Prices& prices) {
  if (prices.cpu.mirrored_message <= 0) return std::numeric_limits<double>::infinity();
  double most = 0, all = 0;
  for (const Mirror& mirror : fleet.mirrors) {
    if (mirror.from != from || mirror.to != to) continue;
    // A task of MirrorMaker is one thread, and so is a process of ours.
    const uint32_t threads = mirror.kind == MirrorKind::kFreshet ? workers_of(mirror) : mirror.tasks;
    most += threads * 1e6 / mirrored_message_us(mirror.kind, prices);
    for (const MirroredTopic& topic : mirror.topics)
      all += fleet.topics[topic.from].messages_per_s * fleet.topics[topic.from].peak_factor;
  }
  return std::max(0.0, most - (all - ours));
}

std::optional<double> in_minutes(const std::optional<double>& seconds) {
  return seconds ? std::optional(*seconds / 60) : std::nullopt;
}

// Says how many messages a second a group's service can read in all of its topics; 0: it is not known.
double most_of(const Topology& fleet, const Consumer& consumer) {
  return consumer.messages_per_s_each * fleet.services[consumer.service].instances_max;
}

class Simulation {
 public:
  Simulation(const Topology& fleet, const std::vector<Load>& loads, const std::vector<BrokerShape>& shapes,
             const Prices& prices, Index service)
      : fleet_(fleet),
        loads_(loads),
        shapes_(shapes),
        prices_(prices),
        service_(service),
        rates_(rates_of(fleet)),
        trace_(fleet, rates_, service) {}

  Result<Burst> run(Outage outage) {
    for (const Index cluster : trace_.clusters()) usual_ += trace_.sent_to(cluster);
    if (usual_ <= 0) return fail(Code::kInvalid, "--burst: service \"" + outage.service + "\" sends no messages");
    FRESHET_ASSERT(loads_.size() == fleet_.clusters.size() && shapes_.size() == fleet_.clusters.size());
    if (outage.catch_up <= 0) outage.catch_up = usual_catch_up();
    stages_.push_back({{}, usual_, outage.catch_up * usual_});
    for (const Index cluster : trace_.clusters()) add_cluster(cluster);
    for (const Consumer& consumer : fleet_.consumers) add_group(consumer);
    const Flood waves = flood(stages_, static_cast<uint32_t>(std::lround(outage.minutes * 60)));
    Burst out;
    out.outage = outage;
    out.usual = usual_;
    out.backlog = usual_ * outage.minutes * 60;
    out.sent_minutes = in_minutes(waves.recovered_s[0]);
    for (size_t i = 0; i < trace_.clusters().size(); ++i) out.clusters.push_back(cluster_burst(i, waves));
    for (size_t i = 0; i < groups_.size(); ++i) {
      const size_t stage = groups_[i];
      GroupBurst group = group_names_[i];
      group.lag_max = waves.waiting_max[stage];
      for (const StagePoint& point : waves.points[stage]) group.lag.push_back(point.waiting);
      group.recovered_minutes = in_minutes(waves.recovered_s[stage]);
      out.groups.push_back(group);
    }
    return out;
  }

 private:
  // A service that reads what it works on can't be faster than its consumers.
  [[nodiscard]] double usual_catch_up() const {
    double most = 0, rate = 0;
    for (const Consumer& consumer : fleet_.consumers) {
      if (consumer.service != service_ || consumer.messages_per_s_each <= 0) continue;
      most += most_of(fleet_, consumer);
      for (const Index topic : consumer.topics)
        rate += fleet_.topics[topic].messages_per_s * fleet_.topics[topic].peak_factor;
    }
    return rate > 0 ? most / rate : kUsualCatchUp;
  }

  void add_cluster(Index cluster) {
    Stage stage;
    stage.usual = trace_.into(cluster);
    const Slope& slope =
        slopes_.emplace_back(slope_of(fleet_, rates_, trace_, cluster, loads_[cluster], shapes_[cluster], prices_));
    stage.most = slope.most_times * stage.usual;
    if (trace_.sent_to(cluster) > 0) stage.from.push_back({0, trace_.sent_to(cluster) / usual_});
    double mirrored = 0;
    for (const auto& [from, messages] : trace_.copied_into(cluster)) {
      // A cluster that was not reached yet would be taken for stage 0, the service.
      FRESHET_ASSERT(stage_of_.contains(from) && trace_.into(from) > 0);
      stage.from.push_back({stage_of_[from], messages / trace_.into(from)});
      mirrored += mirrors_most(fleet_, from, cluster, messages, prices_);
    }
    // What the service sends here itself does not go through mirrors, so they are a bound only where all comes by
    // them.
    if (trace_.sent_to(cluster) <= 0) stage.most = std::min(stage.most, mirrored);
    stage_of_[cluster] = stages_.size();
    stages_.push_back(std::move(stage));
  }

  // Adds a group whose speed is known, with what it gets of the service's messages and what is left of its speed for
  // them.
  void add_group(const Consumer& consumer) {
    double ours = 0, all = 0;
    for (const Index topic : consumer.topics) {
      ours += trace_.in_topic(topic);
      all += fleet_.topics[topic].messages_per_s * fleet_.topics[topic].peak_factor;
    }
    if (ours <= 0 || consumer.messages_per_s_each <= 0) return;
    const Index cluster = fleet_.topics[consumer.topics.front()].cluster;
    if (!stage_of_.contains(cluster)) return;  // in a cycle of mirrors: Trace left it out
    const double most = std::max(0.0, most_of(fleet_, consumer) - (all - ours));
    groups_.push_back(stages_.size());
    group_names_.push_back(
        {.group = consumer.group, .cluster = fleet_.clusters[cluster].name, .usual = ours, .most = most});
    stages_.push_back({{{stage_of_[cluster], ours / trace_.into(cluster)}}, ours, most});
  }

  [[nodiscard]] ClusterBurst cluster_burst(size_t i, const Flood& waves) const {
    const size_t stage = i + 1;
    const Slope& slope = slopes_[i];
    const Stage& shape = stages_[stage];
    FRESHET_ASSERT(shape.usual > 0 && stage < waves.points.size());
    const auto times = [&](double passed) { return passed / shape.usual; };
    ClusterBurst out;
    out.cluster = fleet_.clusters[trace_.clusters()[i]].name;
    out.usual = shape.usual;
    out.most = shape.most;
    out.bottleneck = slope.bottleneck;
    out.messages_max = waves.passed_max[stage];
    out.cpu_before = slope.use(Resource::kCpu, 1);
    out.cpu_max = slope.use(Resource::kCpu, times(out.messages_max));
    out.use_before = slope.worst(1);
    out.use_max = slope.worst(times(out.messages_max));
    // In a queue with random arrivals (M/M/1) the time in it goes with 1 / (1 - use). Given as a ratio, because how
    // long a request takes at rest is not known here.
    out.latency_times = (1 - std::min(out.use_before, kUseMax)) / (1 - std::min(out.use_max, kUseMax));
    out.waiting_max = waves.waiting_max[stage];
    out.recovered_minutes = in_minutes(waves.recovered_s[stage]);
    for (size_t p = 0; p < waves.points[stage].size(); ++p) {
      const StagePoint& point = waves.points[stage][p];
      const double delay = point.passed > 0 ? point.waiting / point.passed / 60 : 0;
      out.points.push_back({static_cast<double>(p) * waves.step_s / 60, point.passed,
                            slope.use(Resource::kCpu, times(point.passed)), slope.worst(times(point.passed)), delay});
    }
    return out;
  }

  const Topology& fleet_;
  const std::vector<Load>& loads_;
  const std::vector<BrokerShape>& shapes_;
  const Prices& prices_;
  Index service_;
  Rates rates_;
  Trace trace_;
  double usual_ = 0;
  std::vector<Stage> stages_;  // the service, clusters, groups
  std::vector<Slope> slopes_;  // of clusters
  std::map<Index, size_t> stage_of_;
  std::vector<size_t> groups_;  // stages
  std::vector<GroupBurst> group_names_;
};

}  // namespace

Result<Outage> parse_outage(std::string_view text) {
  const size_t equals = text.rfind('=');
  Outage out;
  const auto wrong = [&] {
    return fail(Code::kInvalid,
                "--burst " + std::string(text) +
                    ": must be SERVICE=MINUTES with up to 1440 minutes, as in checkout=30, or checkout=30@4x "
                    "if it can then send four times as much as usual");
  };
  if (equals == std::string_view::npos || equals == 0) return wrong();
  out.service = text.substr(0, equals);
  std::string_view minutes = text.substr(equals + 1);
  if (const size_t at = minutes.find('@'); at != std::string_view::npos) {
    const std::string_view times = minutes.substr(at + 1);
    if (!times.ends_with('x')) return wrong();
    out.catch_up = to_number<double>(times.substr(0, times.size() - 1)).value_or(0);
    if (!(out.catch_up > 0 && out.catch_up <= kCatchUpMax)) return wrong();
    minutes = minutes.substr(0, at);
  }
  out.minutes = to_number<double>(minutes).value_or(0);
  if (!(out.minutes > 0 && out.minutes <= kOutageMinutesMax)) return wrong();
  return out;
}

Result<Burst> burst(const Topology& fleet, const std::vector<Load>& loads, const std::vector<BrokerShape>& shapes,
                    const Outage& outage, const Prices& prices) {
  const Index service = fleet.find_service(outage.service);
  if (service == kNone) {
    std::vector<std::string> names;
    for (const Service& known : fleet.services) names.push_back(known.name);
    return fail(Code::kInvalid,
                "--burst: there is no service \"" + outage.service + "\"" + yaml::did_you_mean(outage.service, names));
  }
  return Simulation(fleet, loads, shapes, prices, service).run(outage);
}

}  // namespace freshet::fleet
