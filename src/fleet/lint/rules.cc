// What the files of rules share: the facts, and findings made of their parts.
#include "fleet/lint/rules.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace freshet::fleet {

Facts::Facts(const Topology& topology)
    : fleet(topology),
      rates(rates_of(topology)),
      topics_of(topology.clusters.size()),
      producers_of(topology.topics.size()),
      consumers_of(topology.topics.size()),
      sources_of(topology.topics.size()) {
  // Who touches what, turned round: rules go over topics and ask for their neighbours, and a search for each would
  // take the square of 20,000 topics.
  for (Index i = 0; i < fleet.topics.size(); ++i) topics_of[fleet.topics[i].cluster].push_back(i);
  for (Index i = 0; i < fleet.producers.size(); ++i) {
    for (const Index topic : fleet.producers[i].topics) producers_of[topic].push_back(i);
  }
  for (Index i = 0; i < fleet.consumers.size(); ++i) {
    for (const Index topic : fleet.consumers[i].topics) consumers_of[topic].push_back(i);
  }
  for (Index i = 0; i < fleet.mirrors.size(); ++i) {
    for (const MirroredTopic& topic : fleet.mirrors[i].topics) {
      FRESHET_ASSERT(topic.to < fleet.topics.size() && topic.from < fleet.topics.size());
      sources_of[topic.to].push_back({topic.from, i});
    }
  }
}

namespace checks {

Finding finding(const Facts& facts, Kind kind, Index index, std::string_view key, std::string evidence,
                std::string mend, std::vector<Change> changes) {
  return {.rule = nullptr,
          .at = place_of(facts.fleet, kind, index, key),
          .subject = subject_of(facts.fleet, kind, index),
          .evidence = std::move(evidence),
          .mend = std::move(mend),
          .changes = std::move(changes)};
}

Finding finding_mended(const Facts& facts, Kind kind, Index index, std::string_view key, std::string evidence,
                       std::string value, std::string reason) {
  FRESHET_ASSERT(!key.empty() && !value.empty());
  std::string mend = std::string(key) + ": " + value + reason;
  return finding(facts, kind, index, key, std::move(evidence), std::move(mend),
                 {{kind, index, std::string(key), std::move(value)}});
}

Finding at_place(yaml::Place at, std::string subject, std::string evidence, std::string mend) {
  return {.rule = nullptr,
          .at = at,
          .subject = std::move(subject),
          .evidence = std::move(evidence),
          .mend = std::move(mend),
          .changes = {}};
}

std::string mend_text(const Topology& fleet, const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes)
    text += (text.empty() ? "" : ", ") + subject_of(fleet, change.kind, change.index) + " " + change.key + ": " +
            change.value;
  return text;
}

uint32_t round_up(double value, uint32_t step) {
  // The little that is taken off keeps 3.0000000001, which is a rounded 3, from becoming 4. The bound keeps a huge
  // figure from overflowing: it is over every maximum of fleet.yaml, and the caller refuses it.
  FRESHET_ASSERT(step > 0 && !std::isnan(value));
  const double steps = std::ceil(std::max(value, 1.0) / step - 1e-9);
  return static_cast<uint32_t>(std::min(steps * step, 1e9));
}

uint32_t zones_used(const Cluster& cluster) {
  return std::min(static_cast<uint32_t>(cluster.zones.size()), cluster.brokers);
}

std::string list_of(const std::vector<std::string>& names) {
  // A fleet has thousands of topics; a finding is one line.
  constexpr size_t kShown = 3;
  std::string out;
  for (size_t i = 0; i < std::min(kShown, names.size()); ++i) {
    const bool last = i + 1 == names.size();
    out += (i == 0 ? "" : last ? " and " : ", ") + names[i];
  }
  if (names.size() > kShown) out += " and " + std::to_string(names.size() - kShown) + " more";
  return out;
}

}  // namespace checks
}  // namespace freshet::fleet
