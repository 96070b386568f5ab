#include "watch/played_broker.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "cluster/protocol/codec.h"

namespace freshet::bench {
namespace {

using namespace cluster::protocol;  // NOLINT(google-build-using-namespace): every name here is one of its messages

constexpr int64_t kKept = 100'000;  // messages of a partition
constexpr int64_t kMessageBytes = 500;
constexpr uint32_t kReplicas = 3;

std::string topic_name(uint32_t topic) { return fmt::format("topic-{:04}", topic); }
std::string group_name(uint32_t group) { return fmt::format("group-{:03}", group); }

// 10 to 109 messages a second.
int64_t end_of(uint32_t partition, env::TimeUs elapsed_us) {
  return 1'000'000 + elapsed_us * (10 + partition % 100) / 1'000'000;
}

uint32_t leader_of(const PlayedCluster& cluster, uint32_t topic, uint32_t partition) {
  return (topic + partition) % cluster.brokers;
}

ApiVersionsResponse versions() {
  ApiVersionsResponse out;
  // What is not answered below is not announced, either.
  constexpr std::array<int16_t, 8> kPlayed = {ApiVersionsRequest::kKey, MetadataRequest::kKey,
                                              ListOffsetsRequest::kKey, ListGroupsRequest::kKey,
                                              OffsetFetchRequest::kKey, DescribeLogDirsRequest::kKey,
                                              FetchRequest::kKey,       ListPartitionReassignmentsRequest::kKey};
  each_request([&]<class Request>(const Request&) {
    if (std::ranges::find(kPlayed, Request::kKey) != kPlayed.end())
      out.ranges.push_back({Request::kKey, Request::kLeast, Request::kMost});
  });
  return out;
}

MetadataResponse metadata_of(const PlayedCluster& cluster, const MetadataRequest& request) {
  MetadataResponse out;
  out.cluster_id = cluster.id;
  out.controller = 0;
  for (uint32_t i = 0; i < cluster.brokers; ++i)
    out.brokers.push_back({static_cast<int32_t>(i), "127.0.0.1", cluster.ports[i], std::nullopt});
  if (request.topics) return out;
  for (uint32_t t = 0; t < cluster.topics; ++t) {
    MetadataResponse::Topic& topic = out.topics.emplace_back();
    topic.name = topic_name(t);
    for (uint32_t p = 0; p < cluster.partitions; ++p) {
      MetadataResponse::Partition& partition = topic.partitions.emplace_back();
      partition.index = static_cast<int32_t>(p);
      const uint32_t leader = leader_of(cluster, t, p);
      partition.leader = static_cast<int32_t>(leader);
      for (uint32_t r = 0; r < kReplicas; ++r)
        partition.replicas.push_back(static_cast<int32_t>((leader + r) % cluster.brokers));
      partition.in_sync = partition.replicas;
    }
  }
  return out;
}

ListOffsetsResponse offsets_of(const ListOffsetsRequest& request, env::TimeUs elapsed_us) {
  ListOffsetsResponse out;
  for (const auto& topic : request.topics) {
    ListOffsetsResponse::Topic& answered = out.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      const int64_t end = end_of(static_cast<uint32_t>(partition.index), elapsed_us);
      answered.partitions.push_back({partition.index, 0, -1, partition.time_ms == kEarliest ? end - kKept : end, -1});
    }
  }
  return out;
}

ListGroupsResponse groups_of(const PlayedCluster& cluster, uint32_t broker) {
  ListGroupsResponse out;
  for (uint32_t g = broker; g < cluster.groups; g += cluster.brokers)
    out.groups.push_back({group_name(g), "consumer", "Stable", "classic"});
  return out;
}

// Every group is up to 50 messages behind, one in ten stands still.
OffsetFetchResponse committed_of(const PlayedCluster& cluster, const OffsetFetchRequest& request,
                                 env::TimeUs elapsed_us) {
  OffsetFetchResponse out;
  for (uint32_t g = 0; g < cluster.groups; ++g) {
    if (group_name(g) != request.group) continue;
    for (uint32_t t = g; t < cluster.topics; t += cluster.groups) {
      OffsetFetchResponse::Topic& topic = out.topics.emplace_back();
      topic.name = topic_name(t);
      for (uint32_t p = 0; p < cluster.partitions; ++p) {
        const int64_t end = end_of(p, g % 10 == 0 ? 0 : elapsed_us);
        topic.partitions.push_back({static_cast<int32_t>(p), end - p % 50, -1, "", 0});
      }
    }
  }
  return out;
}

DescribeLogDirsResponse log_dirs_of(const PlayedCluster& cluster, uint32_t broker) {
  DescribeLogDirsResponse out;
  for (int d = 0; d < 2; ++d) {
    DescribeLogDirsResponse::Dir& dir = out.dirs.emplace_back();
    dir.path = fmt::format("/var/lib/kafka/{}", d);
    dir.total_bytes = int64_t{2} << 40;
    dir.usable_bytes = int64_t{1} << 40;
  }
  for (uint32_t t = 0; t < cluster.topics; ++t) {
    DescribeLogDirsResponse::Topic& topic = out.dirs[t % 2].topics.emplace_back();
    topic.name = topic_name(t);
    for (uint32_t p = 0; p < cluster.partitions; ++p) {
      const uint32_t distance = (broker + cluster.brokers - leader_of(cluster, t, p)) % cluster.brokers;
      if (distance < kReplicas) topic.partitions.push_back({static_cast<int32_t>(p), kKept * kMessageBytes, 0, false});
    }
  }
  return out;
}

// Partitions without a record: what samples of batches cost is measured elsewhere, here they are asked for and come.
FetchResponse nothing_of(const FetchRequest& request, env::TimeUs elapsed_us) {
  FetchResponse out;
  for (const auto& topic : request.topics) {
    FetchResponse::Topic& answered = out.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      FetchResponse::Partition& one = answered.partitions.emplace_back();
      one.index = partition.index;
      one.high_watermark = one.last_stable = end_of(static_cast<uint32_t>(partition.index), elapsed_us);
      one.log_start = one.high_watermark - kKept;
      one.records = "";
    }
  }
  return out;
}

template <class Request, class Answer>
Result<std::string> play(std::string_view frame, const RequestHead& head, const Answer& answer) {
  FRESHET_ASSIGN(const Request request, decode_request<Request>(frame));
  return encode_response<Request>(answer(request), head.version, head.correlation);
}

}  // namespace

Result<std::string> answer_of(const PlayedCluster& cluster, uint32_t broker, std::string_view frame,
                              env::TimeUs elapsed_us) {
  FRESHET_ASSIGN(const RequestHead head, decode_head(frame));
  switch (head.key) {
    case ApiVersionsRequest::kKey: return play<ApiVersionsRequest>(frame, head, [](const auto&) { return versions(); });
    case MetadataRequest::kKey:
      return play<MetadataRequest>(frame, head, [&](const auto& r) { return metadata_of(cluster, r); });
    case ListOffsetsRequest::kKey:
      return play<ListOffsetsRequest>(frame, head, [&](const auto& r) { return offsets_of(r, elapsed_us); });
    case ListGroupsRequest::kKey:
      return play<ListGroupsRequest>(frame, head, [&](const auto&) { return groups_of(cluster, broker); });
    case OffsetFetchRequest::kKey:
      return play<OffsetFetchRequest>(frame, head, [&](const auto& r) { return committed_of(cluster, r, elapsed_us); });
    case DescribeLogDirsRequest::kKey:
      return play<DescribeLogDirsRequest>(frame, head, [&](const auto&) { return log_dirs_of(cluster, broker); });
    case FetchRequest::kKey:
      return play<FetchRequest>(frame, head, [&](const auto& r) { return nothing_of(r, elapsed_us); });
    case ListPartitionReassignmentsRequest::kKey:
      return play<ListPartitionReassignmentsRequest>(frame, head,
                                                     [](const auto&) { return ListPartitionReassignmentsResponse(); });
    default: return fail(Code::kInvalid, fmt::format("key {} is not played", head.key));
  }
}

}  // namespace freshet::bench
