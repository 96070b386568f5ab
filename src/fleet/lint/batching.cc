// What producers' settings make of requests. A broker handles so many requests a second, however small they are: each
// is a pass through the network threads, the request queue and, with acks=all, the purgatory. Producers decide how
// many there are, by linger.ms and batch.size, so a cluster can be full of requests while its disks are idle.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/assert.h"
#include "fleet/lint/rules.h"
#include "fleet/text.h"
#include "yaml/units.h"

namespace freshet::fleet::checks {
namespace {

using yaml::duration_text;
using yaml::size_text;

// Where requests begin to matter is a rule of thumb: plan counts 60 microseconds of a core for each
// (docs/fleet/plan.md), so 4,000 a second are a quarter of a core. The steps that are proposed are few and round,
// because somebody has to type them.
constexpr double kProducerRequests = 1000;  // a second and broker, of one service
constexpr double kClusterRequests = 4000;   // a second and broker, of all
constexpr double kFewMessages = 20;         // in a request
constexpr double kNoticed = 100;            // requests a second and broker below which nobody minds
constexpr double kEarly = 1.5;              // times the requests that the linger alone would make
constexpr std::array<int64_t, 6> kLingers = {5000, 10'000, 20'000, 50'000, 100'000, 200'000};
constexpr std::array<uint64_t, 7> kBatches = {16u << 10,  32u << 10,  64u << 10, 128u << 10,
                                              256u << 10, 512u << 10, 1u << 20};

const Cluster& cluster_of(const Topology& fleet, const Producer& producer) {
  FRESHET_ASSERT(!producer.topics.empty());
  return fleet.cluster_of(fleet.topics[producer.topics.front()]);
}

Batching load_of(const Facts& facts, Index producer) {
  return batching_of(facts.fleet, facts.fleet.producers[producer], facts.rates.producers[producer].messages_per_s);
}

struct Setting {
  int64_t linger_us = 0;
  uint64_t batch_bytes = 0;
};

// Batches larger than this the broker may refuse.
// That is a broker's max.message.bytes, which holds for a whole batch since message format 2 (Kafka 0.11). The
// producer's own batch is never called too large here: batch_over_limit does.
uint64_t batch_limit(const Topology& fleet, const Producer& producer) {
  uint64_t limit = kBatches.back();
  for (const Index topic : producer.topics) limit = std::min(limit, fleet.topics[topic].message_bytes_max);
  return std::max(limit, producer.batch_bytes);
}

// The shortest linger, and with it the smallest batch, that make no more requests than this.
std::optional<Setting> setting_for(const Facts& facts, Index index, double requests_max) {
  const Producer& producer = facts.fleet.producers[index];
  const Batching load = load_of(facts, index);
  const uint64_t limit = batch_limit(facts.fleet, producer);
  // Latency is what a longer linger costs, memory of the client what a larger batch does: linger goes up last.
  for (const int64_t linger : kLingers) {
    for (const uint64_t batch : kBatches) {
      const Setting setting = {std::max(linger, producer.linger_us), std::max(batch, producer.batch_bytes)};
      if (setting.batch_bytes > limit) break;
      if (requests_per_s(load, setting.linger_us, setting.batch_bytes) <= requests_max) return setting;
    }
  }
  return std::nullopt;
}

std::vector<Change> changes_to(const Topology& fleet, Index index, const Setting& setting) {
  const Producer& producer = fleet.producers[index];
  std::vector<Change> changes;
  if (setting.linger_us != producer.linger_us)
    changes.push_back({Kind::kProducer, index, "linger", duration_text(setting.linger_us)});
  if (setting.batch_bytes != producer.batch_bytes)
    changes.push_back({Kind::kProducer, index, "batch", size_text(setting.batch_bytes)});
  return changes;
}

}  // namespace

Findings produce_requests(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.producers.size(); ++i) {
    const Producer& producer = fleet.producers[i];
    if (producer.topics.empty()) continue;
    const ProducerRates& rates = facts.rates.producers[i];
    const Cluster& cluster = cluster_of(fleet, producer);
    const double each = rates.requests_per_s_peak / cluster.brokers;
    if (each <= kProducerRequests || rates.messages_per_request_peak >= kFewMessages) continue;
    const auto setting = setting_for(facts, i, kProducerRequests * cluster.brokers);
    const auto changes = setting ? changes_to(fleet, i, *setting) : std::vector<Change>{};
    found.push_back(
        finding(facts, Kind::kProducer, i, "linger",
                fmt::format("{} produce requests/s at the peak, {} on each broker of {}, with {:.1f} messages each "
                            "(linger {}, batch {})",
                            count_text(rates.requests_per_s_peak), count_text(each), cluster.name,
                            rates.messages_per_request_peak, duration_text(producer.linger_us),
                            size_text(producer.batch_bytes)),
                setting ? mend_text(fleet, changes) : "fewer instances that produce, as by one agent on each machine",
                changes));
  }
  return found;
}

Findings cluster_produce_requests(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::vector<std::vector<Index>> producers(fleet.clusters.size());
  for (Index i = 0; i < fleet.producers.size(); ++i) {
    const Producer& producer = fleet.producers[i];
    if (!producer.topics.empty()) producers[fleet.topics[producer.topics.front()].cluster].push_back(i);
  }
  Findings found;
  for (Index c = 0; c < fleet.clusters.size(); ++c) {
    const Cluster& cluster = fleet.clusters[c];
    const double all = facts.rates.clusters[c].produce_requests_per_s_peak;
    if (all <= kClusterRequests * cluster.brokers) continue;
    const auto requests = [&](Index i) { return facts.rates.producers[i].requests_per_s_peak; };
    std::stable_sort(producers[c].begin(), producers[c].end(),
                     [&](Index a, Index b) { return requests(a) > requests(b); });
    const double limit = kClusterRequests * cluster.brokers;
    std::vector<std::string> names;
    std::vector<Change> changes;
    double left = all;
    for (const Index i : producers[c]) {
      names.push_back(fmt::format("{} ({})", fleet.services[fleet.producers[i].service].name, count_text(requests(i))));
      // Each is to send fewer by the same factor; the largest first, until it is enough.
      const auto setting = setting_for(facts, i, requests(i) * limit / all);
      if (left <= limit || !setting) continue;
      left += requests_per_s(load_of(facts, i), setting->linger_us, setting->batch_bytes) - requests(i);
      for (Change& change : changes_to(fleet, i, *setting)) changes.push_back(std::move(change));
    }
    // A proposal that does not suffice is not made: applied, the finding would still be there.
    if (left > limit) changes.clear();
    found.push_back(finding(
        facts, Kind::kCluster, c, "brokers",
        fmt::format("{} produce requests/s at the peak, {} on each broker: {}", count_text(all),
                    count_text(all / cluster.brokers), list_of(names)),
        changes.empty() ? "more brokers, or fewer instances that produce" : mend_text(fleet, changes), changes));
  }
  return found;
}

Findings batch_too_small(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.producers.size(); ++i) {
    const Producer& producer = fleet.producers[i];
    const double requests = facts.rates.producers[i].requests_per_s_peak;
    if (producer.topics.empty() || requests <= kNoticed * cluster_of(fleet, producer).brokers) continue;
    // With a batch that can't get full: what the linger alone would make.
    const double by_linger = requests_per_s(load_of(facts, i), producer.linger_us, 1ull << 40);
    if (requests <= kEarly * by_linger) continue;
    const auto larger = std::find_if(kBatches.begin(), kBatches.end(), [&](uint64_t batch) {
      return batch <= batch_limit(fleet, producer) && batch > producer.batch_bytes &&
             requests_per_s(load_of(facts, i), producer.linger_us, batch) <= kEarly * by_linger;
    });
    std::string evidence =
        fmt::format("batches of {} are full before the linger of {} is over: {} requests/s instead of {}",
                    size_text(producer.batch_bytes), duration_text(producer.linger_us), count_text(requests),
                    count_text(by_linger));
    if (larger == kBatches.end()) {
      found.push_back(
          finding(facts, Kind::kProducer, i, "batch", std::move(evidence), "a shorter linger, or more partitions"));
    } else {
      found.push_back(finding_mended(facts, Kind::kProducer, i, "batch", std::move(evidence), size_text(*larger), ""));
    }
  }
  return found;
}

Findings batch_over_limit(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.producers.size(); ++i) {
    const Producer& producer = fleet.producers[i];
    const auto smallest = std::min_element(producer.topics.begin(), producer.topics.end(), [&](Index a, Index b) {
      return fleet.topics[a].message_bytes_max < fleet.topics[b].message_bytes_max;
    });
    if (smallest == producer.topics.end()) continue;
    const Topic& topic = fleet.topics[*smallest];
    if (producer.batch_bytes <= topic.message_bytes_max) continue;
    found.push_back(finding_mended(facts, Kind::kProducer, i, "batch",
                                   fmt::format("batches up to {}, but {} takes {}", size_text(producer.batch_bytes),
                                               fleet.path_of(topic), size_text(topic.message_bytes_max)),
                                   size_text(topic.message_bytes_max),
                                   fmt::format(", or message_bytes_max of {}", topic.name)));
  }
  return found;
}

}  // namespace freshet::fleet::checks
