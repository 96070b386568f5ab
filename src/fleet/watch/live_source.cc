// A broker that can't be asked leaves a hole, which is told, and is not asked again in the same look: the others show
// what they have.
#include "fleet/watch/live_source.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/saturated.h"
#include "base/text.h"
#include "cluster/protocol/client.h"
#include "cluster/protocol/errors.h"
#include "cluster/protocol/security.h"
#include "fleet/watch/live_batches.h"
#include "fleet/watch/live_probe.h"

namespace freshet::fleet {
namespace {

namespace protocol = cluster::protocol;

constexpr size_t kDoubtsMost = 8;

class LiveSource final : public LookSource {
 public:
  LiveSource(std::unique_ptr<protocol::Client> client, const LiveSourceOptions& options, env::Clock& clock)
      : client_(std::move(client)), cluster_id_(options.cluster_id), clock_(clock), batches_(options.probe_topic) {
    if (!options.probe_topic.empty()) probe_.emplace(options.probe_topic, options.connection.timeout_us, clock);
  }

  Result<Look> look() override;

 private:
  // What is gathered in one look.
  struct Gathering {
    Look look;
    std::unordered_map<std::string, uint32_t> topics;                   // index by name
    std::map<int32_t, std::vector<std::pair<uint32_t, uint32_t>>> led;  // topic and partition, by leader
    std::set<int32_t> silent;                                           // brokers that failed
  };

  void take_metadata(const protocol::MetadataResponse& answer, Gathering& g) const;
  void ask_offsets(int32_t broker, int64_t time_ms, Gathering& g);
  void ask_log_dirs(BrokerSeen& broker, Gathering& g);
  void ask_moves(Gathering& g);
  void ask_groups(int32_t broker, Gathering& g);
  void ask_committed(int32_t broker, GroupLook& group, Gathering& g);
  // nullopt: it failed now or before, and the look says so.
  template <class Request>
  std::optional<typename Request::Response> ask(int32_t broker, const Request& request, Gathering& g);

  const std::unique_ptr<protocol::Client> client_;
  const std::string cluster_id_;
  env::Clock& clock_;
  LiveBatches batches_;
  std::optional<LiveProbe> probe_;
};

void add_doubt(Look& look, std::string doubt) {
  if (look.doubts.size() < kDoubtsMost) look.doubts.push_back(plain_ascii(std::move(doubt)));
}

Status check_cluster_id(const std::string& wanted, const std::string& found) {
  if (wanted.empty() || wanted == found) return {};
  return fail(Code::kInvalid,
              fmt::format("it is another cluster: its id is {}, and the file says {}", plain_ascii(found), wanted));
}

Result<Look> LiveSource::look() {
  Gathering g;
  FRESHET_ASSIGN(const auto metadata, client_->metadata(protocol::MetadataRequest()));
  FRESHET_TRY(check_cluster_id(cluster_id_, client_->cluster_id()));
  take_metadata(metadata, g);
  g.look.at_us = clock_.monotonic_us();
  // Committed offsets are asked for before the ends of logs, so that a reader never seems to be beyond them.
  for (const BrokerSeen& broker : g.look.brokers) ask_groups(broker.id, g);
  for (const int64_t time : {protocol::kEarliest, protocol::kLatest})
    for (const BrokerSeen& broker : g.look.brokers) ask_offsets(broker.id, time, g);
  for (BrokerSeen& broker : g.look.brokers) ask_log_dirs(broker, g);
  batches_.run(*client_, g.look);
  if (probe_) probe_->run(*client_, metadata, g.look);
  ask_moves(g);
  return std::move(g.look);
}

template <class Request>
std::optional<typename Request::Response> LiveSource::ask(int32_t broker, const Request& request, Gathering& g) {
  if (g.silent.contains(broker)) return std::nullopt;
  auto answer = client_->ask(broker, request);
  if (answer) return *std::move(answer);
  // A request that the broker does not know is no reason to leave out the others.
  if (answer.error().code != Code::kInvalid) g.silent.insert(broker);
  add_doubt(g.look, fmt::format("broker {}: {}", broker, answer.error().message));
  return std::nullopt;
}

void LiveSource::take_metadata(const protocol::MetadataResponse& answer, Gathering& g) const {
  g.look.cluster_id = plain_ascii(answer.cluster_id.value_or(""));
  std::map<int32_t, BrokerSeen> brokers;
  for (const auto& broker : answer.brokers)
    brokers[broker.id] = {broker.id, plain_ascii(fmt::format("{}:{}", broker.host, broker.port)), 0, 0, {}};
  for (const auto& topic : answer.topics) {
    if (!topic.name || topic.error != protocol::kNoError) {
      add_doubt(g.look, fmt::format("topic {}: {}", topic.name.value_or("?"), protocol::error_name(topic.error)));
      continue;
    }
    const auto index = static_cast<uint32_t>(g.look.topics.size());
    TopicSeen& seen = g.look.topics.emplace_back();
    seen.name = plain_ascii(*topic.name);
    seen.partitions.resize(topic.partitions.size());
    g.topics.emplace(*topic.name, index);
    for (const auto& partition : topic.partitions) {
      // Their numbers are 0 to n - 1 in any order; a broker that says otherwise lies, and is not followed.
      if (partition.index < 0 || static_cast<size_t>(partition.index) >= seen.partitions.size()) continue;
      PartitionSeen& p = seen.partitions[static_cast<size_t>(partition.index)];
      p.leader = partition.leader;
      p.replicas = static_cast<uint16_t>(partition.replicas.size());
      p.in_sync = static_cast<uint16_t>(partition.in_sync.size());
      for (const int32_t replica : partition.replicas)
        if (const auto broker = brokers.find(replica); broker != brokers.end()) ++broker->second.replicas;
      const auto leader = brokers.find(partition.leader);
      if (leader == brokers.end()) continue;
      ++leader->second.leaders;
      g.led[partition.leader].emplace_back(index, static_cast<uint32_t>(partition.index));
    }
  }
  for (auto& [id, broker] : brokers) g.look.brokers.push_back(std::move(broker));
}

void LiveSource::ask_offsets(int32_t broker, int64_t time_ms, Gathering& g) {
  protocol::ListOffsetsRequest request;
  // What a broker leads is sorted by topic, because it was gathered in that order.
  uint32_t last_topic = UINT32_MAX;
  for (const auto& [topic, partition] : g.led[broker]) {
    if (topic != last_topic) request.topics.push_back({g.look.topics[topic].name, {}});
    last_topic = topic;
    request.topics.back().partitions.push_back({static_cast<int32_t>(partition), -1, time_ms});
  }
  if (request.topics.empty()) return;
  const auto answer = ask(broker, request, g);
  if (!answer) return;
  size_t refused = 0;
  int16_t error = protocol::kNoError;
  for (const auto& topic : answer->topics) {
    const auto index = g.topics.find(topic.name);
    if (index == g.topics.end()) continue;
    std::vector<PartitionSeen>& partitions = g.look.topics[index->second].partitions;
    for (const auto& partition : topic.partitions) {
      if (partition.index < 0 || static_cast<size_t>(partition.index) >= partitions.size()) continue;
      if (partition.error != protocol::kNoError || partition.offset < 0) {
        ++refused;
        error = partition.error;
        continue;
      }
      PartitionSeen& seen = partitions[static_cast<size_t>(partition.index)];
      (time_ms == protocol::kEarliest ? seen.start : seen.end) = partition.offset;
    }
  }
  if (refused > 0)
    add_doubt(g.look,
              fmt::format("broker {}: offsets of {} partitions: {}", broker, refused, protocol::error_name(error)));
}

void LiveSource::ask_log_dirs(BrokerSeen& broker, Gathering& g) {
  const auto answer = ask(broker.id, protocol::DescribeLogDirsRequest(), g);
  if (!answer) return;
  if (answer->error != protocol::kNoError) {
    add_doubt(g.look, fmt::format("broker {}: log dirs: {}", broker.id, protocol::error_name(answer->error)));
    return;
  }
  for (const auto& dir : answer->dirs) {
    LogDirSeen& seen = broker.dirs.emplace_back();
    seen.path = plain_ascii(dir.path);
    seen.failed = dir.error != protocol::kNoError;
    seen.total_bytes = dir.total_bytes;
    seen.usable_bytes = dir.usable_bytes;
    for (const auto& topic : dir.topics) {
      const auto index = g.topics.find(topic.name);
      for (const auto& partition : topic.partitions) {
        if (partition.bytes < 0) continue;
        seen.replica_bytes = saturated_sum(seen.replica_bytes, partition.bytes);
        if (index == g.topics.end() || partition.is_future || partition.index < 0) continue;
        std::vector<PartitionSeen>& partitions = g.look.topics[index->second].partitions;
        if (static_cast<size_t>(partition.index) >= partitions.size()) continue;
        int64_t& bytes = partitions[static_cast<size_t>(partition.index)].bytes;
        bytes = std::max(bytes, partition.bytes);
      }
    }
  }
}

// Brokers before Kafka 2.4 don't know the question, which is nothing to be told.
void LiveSource::ask_moves(Gathering& g) {
  const auto answer = client_->ask_controller(protocol::ListPartitionReassignmentsRequest());
  if (!answer && answer.error().code == Code::kInvalid) return;
  if (!answer) return add_doubt(g.look, fmt::format("moves of partitions: {}", answer.error().message));
  if (answer->error != protocol::kNoError)
    return add_doubt(g.look, fmt::format("moves of partitions: {}", protocol::error_name(answer->error)));
  for (const auto& topic : answer->topics)
    for (const auto& partition : topic.partitions)
      g.look.moves.push_back({plain_ascii(topic.name), static_cast<uint32_t>(std::max(partition.index, 0)),
                              partition.adding, partition.removing});
}

void LiveSource::ask_groups(int32_t broker, Gathering& g) {
  const auto answer = ask(broker, protocol::ListGroupsRequest(), g);
  if (!answer) return;
  if (answer->error != protocol::kNoError) {
    add_doubt(g.look, fmt::format("broker {}: groups: {}", broker, protocol::error_name(answer->error)));
    return;
  }
  for (const auto& listed : answer->groups) {
    // Workers of Connect share out connectors, not partitions.
    if (listed.protocol_type == "connect" || listed.protocol_type == "share") continue;
    GroupLook group;
    group.name = listed.group;
    group.state = plain_ascii(listed.state);
    // Kafka before 2.6 does not tell; then it is taken to have some.
    group.has_members = listed.state != "Empty" && listed.state != "Dead";
    ask_committed(broker, group, g);
    group.name = plain_ascii(std::move(group.name));
    if (!group.committed.empty()) g.look.groups.push_back(std::move(group));
  }
}

void LiveSource::ask_committed(int32_t broker, GroupLook& group, Gathering& g) {
  protocol::OffsetFetchRequest request;
  request.group = group.name;
  const auto answer = ask(broker, request, g);
  if (!answer) return;
  if (answer->error != protocol::kNoError) {
    add_doubt(g.look, fmt::format("group {}: {}", group.name, protocol::error_name(answer->error)));
    return;
  }
  for (const auto& topic : answer->topics) {
    const auto index = g.topics.find(topic.name);
    if (index == g.topics.end()) continue;
    const size_t partitions = g.look.topics[index->second].partitions.size();
    for (const auto& partition : topic.partitions) {
      const bool known = partition.index >= 0 && static_cast<size_t>(partition.index) < partitions;
      if (!known || partition.error != protocol::kNoError || partition.offset < 0) continue;
      group.committed.push_back({index->second, static_cast<uint32_t>(partition.index), partition.offset});
    }
  }
}

}  // namespace

Result<std::unique_ptr<LookSource>> open_live_source(const LiveSourceOptions& options, env::Clock& clock) {
  protocol::ConnectionOptions how;
  FRESHET_ASSIGN(how.security, protocol::security_of(options.connection.properties));
  how.client_id = options.connection.client_id;
  how.timeout_us = options.connection.timeout_us;
  FRESHET_ASSIGN(auto client, protocol::Client::open(options.connection.bootstrap, how));
  FRESHET_TRY(check_cluster_id(options.cluster_id, client->cluster_id()));
  return std::unique_ptr<LookSource>(std::make_unique<LiveSource>(std::move(client), options, clock));
}

}  // namespace freshet::fleet
