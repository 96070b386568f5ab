// Mirrors: cycles, doubled messages, bounds that differ between source and target. A mirror keeps the name of a topic,
// so topics and mirrors make a graph in which the same name appears in several clusters; the rules look at its paths.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/assert.h"
#include "fleet/lint/rules.h"
#include "fleet/text.h"
#include "yaml/units.h"

namespace freshet::fleet::checks {
namespace {

using yaml::duration_text;
using yaml::size_text;

// The shortest time for which a source should keep what a mirror has not read: somebody must have come and mended it.
constexpr int64_t kMirrorOutageUs = 6ll * 3'600'000'000;

// Cycles in the graph of topics, each as the topics along it.
class CycleFinder {
 public:
  explicit CycleFinder(const Facts& facts) : facts_(facts), state_(facts.fleet.topics.size(), State::kNew) {}

  std::vector<std::vector<Index>> run() {
    for (Index i = 0; i < state_.size(); ++i) visit(i);
    return std::move(cycles_);
  }

 private:
  enum class State : uint8_t { kNew, kOnPath, kDone };

  // As deep as mirrors are chained: at most the number of clusters.
  // A depth-first search: an edge to a topic on the path closes a cycle. Each topic is left once, so the work is the
  // number of mirrored topics.
  void visit(Index topic) {
    if (state_[topic] == State::kDone) return;
    if (state_[topic] == State::kOnPath) {
      cycles_.emplace_back(std::find(path_.begin(), path_.end(), topic), path_.end());
      return;
    }
    state_[topic] = State::kOnPath;
    path_.push_back(topic);
    for (const Origin& source : facts_.sources_of[topic]) visit(source.topic);
    path_.pop_back();
    state_[topic] = State::kDone;
  }

  const Facts& facts_;
  std::vector<State> state_;
  std::vector<Index> path_;
  std::vector<std::vector<Index>> cycles_;
};

// Where the messages of a topic come from at first: the topics that no mirror writes.
void origins_of(const Facts& facts, Index topic, std::set<Index>& seen, std::set<Index>& out) {
  if (!seen.insert(topic).second) return;
  if (facts.sources_of[topic].empty()) out.insert(topic);
  for (const Origin& source : facts.sources_of[topic]) origins_of(facts, source.topic, seen, out);
}

// `freshet mirror` marks a record with each cluster that it came from, and sends none to a cluster where it was
// (docs/mirror.md, `loops`): where all mirrors of a circle do, none goes round.
bool is_marked_all_round(const Facts& facts, const std::vector<Index>& cycle) {
  for (size_t i = 0; i < cycle.size(); ++i) {
    const Index source = cycle[(i + 1) % cycle.size()];  // it was walked against the way of the messages
    for (const Origin& origin : facts.sources_of[cycle[i]])
      if (origin.topic == source && facts.fleet.mirrors[origin.mirror].kind != MirrorKind::kFreshet) return false;
  }
  return true;
}

std::string path_text(const Topology& fleet, const std::vector<Index>& cycle) {
  FRESHET_ASSERT(!cycle.empty());
  std::string text = fleet.cluster_of(fleet.topics[cycle.front()]).name;
  // The cycle was walked against the way of the messages.
  for (auto topic = cycle.rbegin(); topic != cycle.rend(); ++topic)
    text += " → " + fleet.cluster_of(fleet.topics[*topic]).name;
  return text;
}

}  // namespace

Findings mirror_cycle(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  // Topics that go round the same clusters are one finding.
  std::map<std::vector<Index>, std::vector<std::vector<Index>>> by_clusters;
  for (std::vector<Index>& cycle : CycleFinder(facts).run()) {
    if (is_marked_all_round(facts, cycle)) continue;
    std::vector<Index> clusters;
    for (const Index topic : cycle) clusters.push_back(fleet.topics[topic].cluster);
    std::sort(clusters.begin(), clusters.end());
    by_clusters[clusters].push_back(std::move(cycle));
  }
  Findings found;
  for (const auto& [clusters, cycles] : by_clusters) {
    std::vector<std::string> names;
    for (const auto& cycle : cycles) names.push_back(fleet.topics[cycle.front()].name);
    // The mirror that stands last in the file is the one that closed the cycle.
    Index last = 0;
    for (Index i = 0; i < fleet.mirrors.size(); ++i) {
      const auto on_it = [&all = clusters](Index cluster) {
        return std::binary_search(all.begin(), all.end(), cluster);
      };
      if (on_it(fleet.mirrors[i].from) && on_it(fleet.mirrors[i].to)) last = i;
    }
    found.push_back(finding(
        facts, Kind::kMirror, last, "topics",
        fmt::format("{} goes round {}", list_of(names), path_text(fleet, cycles.front())),
        fmt::format("take {} out of this mirror, give it another name in one direction, or all of them `kind: freshet`",
                    list_of(names))));
  }
  return found;
}

// Two ways from one origin to one topic: each message arrives by both. Kafka has nothing that would take the second
// away, since a mirror's producer is another producer.
Findings mirrored_twice(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::map<std::pair<Index, Index>, std::vector<std::string>> twice;  // the two mirrors to names of topics
  for (Index i = 0; i < fleet.topics.size(); ++i) {
    if (facts.sources_of[i].size() < 2) continue;
    std::map<Index, Index> seen;  // origin to mirror
    for (const Origin& source : facts.sources_of[i]) {
      std::set<Index> origins;
      std::set<Index> visited = {i};
      origins_of(facts, source.topic, visited, origins);
      for (const Index origin : origins) {
        const auto [entry, is_new] = seen.emplace(origin, source.mirror);
        if (!is_new) twice[{entry->second, source.mirror}].push_back(fleet.topics[i].name);
      }
    }
  }
  Findings found;
  for (auto& [pair, names] : twice) {
    names.erase(std::unique(names.begin(), names.end()), names.end());
    found.push_back(
        finding(facts, Kind::kMirror, pair.second, "topics",
                fmt::format("{} reaches {} by {} too: each message is there twice", list_of(names),
                            fleet.clusters[fleet.mirrors[pair.second].to].name, fleet.mirrors[pair.first].name),
                fmt::format("take {} out of one of the two", list_of(names))));
  }
  return found;
}

// RecordTooLargeException fails a MirrorMaker task for good: it does not skip the record.
Findings mirror_message_size(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (const Mirror& mirror : fleet.mirrors) {
    for (const MirroredTopic& topic : mirror.topics) {
      const Topic& from = fleet.topics[topic.from];
      const Topic& to = fleet.topics[topic.to];
      if (to.message_bytes_max >= from.message_bytes_max) continue;
      found.push_back(
          finding_mended(facts, Kind::kTopic, topic.to, "message_bytes_max",
                         fmt::format("takes messages up to {}, but {} up to {}", size_text(to.message_bytes_max),
                                     fleet.path_of(from), size_text(from.message_bytes_max)),
                         size_text(from.message_bytes_max), ", as at the source"));
    }
  }
  return found;
}

// A mirror runs beside its target. The name that Strimzi gives a cluster is known in its own Kubernetes only.
Findings mirror_source_address(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.mirrors.size(); ++i) {
    const Cluster& from = fleet.clusters[fleet.mirrors[i].from];
    const Cluster& to = fleet.clusters[fleet.mirrors[i].to];
    if (from.platform != Platform::kStrimzi || !from.connect.bootstrap.empty()) continue;
    const bool same = to.platform == Platform::kStrimzi && to.region == from.region;
    if (same) continue;
    found.push_back(finding(
        facts, Kind::kMirror, i, "from",
        fmt::format("runs {}, where {}'s address, a name in its own Kubernetes, says nothing",
                    to.platform == Platform::kEc2 ? "on EC2" : "in another region", from.name),
        fmt::format("connect: {{bootstrap: ADDRESS}} of {}, of a listener that is reached from there", from.name)));
  }
  return found;
}

Findings mirror_source_retention(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::vector<bool> mirrored(fleet.topics.size());
  for (const Mirror& mirror : fleet.mirrors) {
    for (const MirroredTopic& topic : mirror.topics) mirrored[topic.from] = true;
  }
  Findings found;
  for (Index i = 0; i < fleet.topics.size(); ++i) {
    const Topic& topic = fleet.topics[i];
    if (!mirrored[i] || topic.retention_us == 0 || topic.retention_us >= kMirrorOutageUs) continue;
    found.push_back(finding_mended(
        facts, Kind::kTopic, i, "retention",
        fmt::format("kept for {}: what a mirror has not read by then is lost", duration_text(topic.retention_us)),
        duration_text(kMirrorOutageUs), ", time to notice and mend a mirror that stands still"));
  }
  return found;
}

// MirrorMaker 2 writes each record into the partition that it had at the source.
Findings mirror_repartitions(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.mirrors.size(); ++i) {
    const Mirror& mirror = fleet.mirrors[i];
    if (mirror.kind == MirrorKind::kFreshet) continue;
    std::vector<std::string> names;
    for (const MirroredTopic& topic : mirror.topics) {
      const Topic& from = fleet.topics[topic.from];
      const Topic& to = fleet.topics[topic.to];
      if (from.partitions != to.partitions)
        names.push_back(fmt::format("{} ({} → {})", from.name, from.partitions, to.partitions));
    }
    if (names.empty()) continue;
    found.push_back(finding(facts, Kind::kMirror, i, "partitions",
                            fmt::format("other numbers of partitions at the target: {}", list_of(names)),
                            "`kind: freshet` partitions anew by key; or keep the source's number"));
  }
  return found;
}

Findings mirror_never_copies(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.mirrors.size(); ++i) {
    const bool freshet = fleet.mirrors[i].kind == MirrorKind::kFreshet;
    std::vector<std::string> names;
    for (const MirroredTopic& topic : fleet.mirrors[i].topics) {
      const std::string& name = fleet.topics[topic.from].name;
      if (freshet ? name.starts_with("__") : is_never_mirrored(name)) names.push_back(name);
    }
    if (names.empty()) continue;
    found.push_back(finding(facts, Kind::kMirror, i, "topics", fmt::format("never copied: {}", list_of(names)),
                            "other names, or leave them out"));
  }
  return found;
}

// A copy that the file declares has its own cleanup, `delete` where it says nothing.
Findings mirror_cleanup(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  const auto is_compacted = [&](Index topic) { return fleet.topics[topic].cleanup != Cleanup::kDelete; };
  for (Index i = 0; i < fleet.topics.size(); ++i) {
    const std::vector<Origin>& sources = facts.sources_of[i];
    const auto differs = [&](const Origin& source) { return is_compacted(source.topic) != is_compacted(i); };
    if (sources.empty() || !std::ranges::all_of(sources, differs)) continue;
    const Topic& from = fleet.topics[sources.front().topic];
    found.push_back(finding_mended(facts, Kind::kTopic, i, "cleanup",
                                   fmt::format("{}, and {} at its source {}", name_of(fleet.topics[i].cleanup),
                                               name_of(from.cleanup), fleet.path_of(from)),
                                   std::string(name_of(from.cleanup)), ", as at the source"));
  }
  return found;
}

// Kafka Connect divides partitions among tasks; one that gets none still holds a consumer, a producer and their
// buffers.
Findings mirror_idle_tasks(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.mirrors.size(); ++i) {
    const Mirror& mirror = fleet.mirrors[i];
    uint32_t partitions = 0;
    for (const MirroredTopic& topic : mirror.topics) partitions += fleet.topics[topic.from].partitions;
    if (mirror.tasks <= partitions || partitions == 0) continue;
    found.push_back(finding_mended(facts, Kind::kMirror, i, "tasks",
                                   fmt::format("{} tasks for {}", mirror.tasks, plural(partitions, "partition")),
                                   std::to_string(partitions), ""));
  }
  return found;
}

}  // namespace freshet::fleet::checks
