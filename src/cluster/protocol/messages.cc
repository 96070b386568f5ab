// The fields of each message in their order, by version: each describe() is both its encoder and its decoder.

#include "cluster/protocol/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "cluster/protocol/access_fields.h"
#include "cluster/protocol/codec.h"
#include "cluster/protocol/data_fields.h"

namespace freshet::cluster::protocol {
namespace {

constexpr int16_t kUnsupportedVersion = 35;

template <class W>
void describe(W& w, ApiVersionsRequest& m) {
  if (w.version() < 3) return;
  w.text(m.software_name);
  w.text(m.software_version);
}

template <class W>
void describe(W& w, ApiVersionsResponse& m) {
  w.number(m.error);
  w.list(m.ranges, [&](ApiVersionsResponse::Range& range) {
    w.number(range.key);
    w.number(range.least);
    w.number(range.most);
  });
  if (w.version() >= 1) w.number(m.throttle_ms);
}

template <class W>
void describe(W& w, SaslHandshakeRequest& m) {
  w.text(m.mechanism);
}

template <class W>
void describe(W& w, SaslHandshakeResponse& m) {
  w.number(m.error);
  w.texts(m.mechanisms);
}

template <class W>
void describe(W& w, SaslAuthenticateRequest& m) {
  w.bytes(m.data);
}

template <class W>
void describe(W& w, SaslAuthenticateResponse& m) {
  w.number(m.error);
  w.text(m.message);
  w.bytes(m.data);
  if (w.version() >= 1) w.number(m.session_ms);
}

template <class W>
void describe(W& w, MetadataRequest& m) {
  w.list(m.topics, [&](MetadataRequest::Topic& topic) {
    if (w.version() >= 10) {
      w.uuid(topic.id);
      w.text(topic.name);
      return;
    }
    std::string name = topic.name.value_or("");
    w.text(name);
    topic.name = std::move(name);
  });
  w.number(m.create_topics);
  if (w.version() >= 8 && w.version() <= 10) w.number(m.with_cluster_operations);
  if (w.version() >= 8) w.number(m.with_topic_operations);
}

template <class W>
void describe(W& w, MetadataResponse::Partition& partition) {
  w.number(partition.error);
  w.number(partition.index);
  w.number(partition.leader);
  w.number(partition.leader_epoch);
  w.numbers(partition.replicas);
  w.numbers(partition.in_sync);
  w.numbers(partition.offline);
}

template <class W>
void describe(W& w, MetadataResponse::Topic& topic) {
  w.number(topic.error);
  if (w.version() >= 12) {
    w.text(topic.name);
  } else {
    std::string name = topic.name.value_or("");
    w.text(name);
    topic.name = std::move(name);
  }
  if (w.version() >= 10) w.uuid(topic.id);
  w.number(topic.internal);
  w.list(topic.partitions, [&](MetadataResponse::Partition& partition) { describe(w, partition); });
  if (w.version() >= 8) w.number(topic.operations);
}

template <class W>
void describe(W& w, MetadataResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.brokers, [&](MetadataResponse::Broker& broker) {
    w.number(broker.id);
    w.text(broker.host);
    w.number(broker.port);
    w.text(broker.rack);
  });
  w.text(m.cluster_id);
  w.number(m.controller);
  w.list(m.topics, [&](MetadataResponse::Topic& topic) { describe(w, topic); });
  if (w.version() >= 8 && w.version() <= 10) w.number(m.operations);
}

template <class W>
void describe(W& w, TopicPartitions& topic) {
  w.text(topic.topic);
  w.numbers(topic.partitions);
}

template <class W, class Topics>
void describe_topics(W& w, Topics& topics) {
  w.list(topics, [&](TopicPartitions& topic) { describe(w, topic); });
}

template <class W>
void describe(W& w, DescribeLogDirsRequest& m) {
  describe_topics(w, m.topics);
}

template <class W>
void describe(W& w, DescribeLogDirsResponse& m) {
  w.number(m.throttle_ms);
  if (w.version() >= 3) w.number(m.error);
  w.list(m.dirs, [&](DescribeLogDirsResponse::Dir& dir) {
    w.number(dir.error);
    w.text(dir.path);
    w.list(dir.topics, [&](DescribeLogDirsResponse::Topic& topic) {
      w.text(topic.name);
      w.list(topic.partitions, [&](DescribeLogDirsResponse::Partition& partition) {
        w.number(partition.index);
        w.number(partition.bytes);
        w.number(partition.lag);
        w.number(partition.is_future);
      });
    });
    if (w.version() < 4) return;
    w.number(dir.total_bytes);
    w.number(dir.usable_bytes);
  });
}

template <class W>
void describe(W& w, DescribeConfigsRequest& m) {
  w.list(m.resources, [&](DescribeConfigsRequest::Resource& resource) {
    w.number(resource.type);
    w.text(resource.name);
    w.texts(resource.keys);
  });
  w.number(m.with_synonyms);
  if (w.version() >= 3) w.number(m.with_documentation);
}

template <class W>
void describe(W& w, DescribeConfigsResponse::Config& config) {
  w.text(config.name);
  w.text(config.value);
  w.number(config.read_only);
  w.number(config.source);
  w.number(config.is_sensitive);
  w.list(config.synonyms, [&](DescribeConfigsResponse::Synonym& synonym) {
    w.text(synonym.name);
    w.text(synonym.value);
    w.number(synonym.source);
  });
  if (w.version() < 3) return;
  w.number(config.type);
  w.text(config.documentation);
}

template <class W>
void describe(W& w, DescribeConfigsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.resources, [&](DescribeConfigsResponse::Resource& resource) {
    w.number(resource.error);
    w.text(resource.message);
    w.number(resource.type);
    w.text(resource.name);
    w.list(resource.configs, [&](DescribeConfigsResponse::Config& config) { describe(w, config); });
  });
}

template <class W>
void describe(W& w, ListOffsetsRequest& m) {
  w.number(m.replica);
  w.number(m.isolation);
  w.list(m.topics, [&](ListOffsetsRequest::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](ListOffsetsRequest::Partition& partition) {
      w.number(partition.index);
      if (w.version() >= 4) w.number(partition.leader_epoch);
      w.number(partition.time_ms);
    });
  });
}

template <class W>
void describe(W& w, ListOffsetsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](ListOffsetsResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](ListOffsetsResponse::Partition& partition) {
      w.number(partition.index);
      w.number(partition.error);
      w.number(partition.time_ms);
      w.number(partition.offset);
      if (w.version() >= 4) w.number(partition.leader_epoch);
    });
  });
}

template <class W>
void describe(W& w, ListGroupsRequest& m) {
  if (w.version() >= 4) w.texts(m.states);
  if (w.version() >= 5) w.texts(m.types);
}

template <class W>
void describe(W& w, ListGroupsResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.list(m.groups, [&](ListGroupsResponse::Group& group) {
    w.text(group.group);
    w.text(group.protocol_type);
    if (w.version() >= 4) w.text(group.state);
    if (w.version() >= 5) w.text(group.type);
  });
}

template <class W>
void describe(W& w, OffsetFetchRequest& m) {
  w.text(m.group);
  describe_topics(w, m.topics);
  if (w.version() >= 7) w.number(m.require_stable);
}

template <class W>
void describe(W& w, OffsetFetchResponse& m) {
  if (w.version() >= 3) w.number(m.throttle_ms);
  w.list(m.topics, [&](OffsetFetchResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](OffsetFetchResponse::Partition& partition) {
      w.number(partition.index);
      w.number(partition.offset);
      if (w.version() >= 5) w.number(partition.leader_epoch);
      w.text(partition.metadata);
      w.number(partition.error);
    });
  });
  w.number(m.error);
}

template <class W>
void describe(W& w, IncrementalAlterConfigsRequest& m) {
  w.list(m.resources, [&](IncrementalAlterConfigsRequest::Resource& resource) {
    w.number(resource.type);
    w.text(resource.name);
    w.list(resource.configs, [&](IncrementalAlterConfigsRequest::Config& config) {
      w.text(config.name);
      w.number(config.operation);
      w.text(config.value);
    });
  });
  w.number(m.validate_only);
}

template <class W>
void describe(W& w, IncrementalAlterConfigsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.resources, [&](IncrementalAlterConfigsResponse::Resource& resource) {
    w.number(resource.error);
    w.text(resource.message);
    w.number(resource.type);
    w.text(resource.name);
  });
}

template <class W>
void describe(W& w, AlterReplicaLogDirsRequest& m) {
  w.list(m.dirs, [&](AlterReplicaLogDirsRequest::Dir& dir) {
    w.text(dir.path);
    describe_topics(w, dir.topics);
  });
}

template <class W>
void describe(W& w, AlterReplicaLogDirsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](AlterReplicaLogDirsResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](AlterReplicaLogDirsResponse::Partition& partition) {
      w.number(partition.index);
      w.number(partition.error);
    });
  });
}

template <class W>
void describe(W& w, ElectLeadersRequest& m) {
  if (w.version() >= 1) w.number(m.type);
  describe_topics(w, m.topics);
  w.number(m.timeout_ms);
}

// Topics with, for each partition, an error and its words.
template <class W, class Topics>
void describe_results(W& w, Topics& topics) {
  w.list(topics, [&](auto& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](auto& partition) {
      w.number(partition.index);
      w.number(partition.error);
      w.text(partition.message);
    });
  });
}

template <class W>
void describe(W& w, ElectLeadersResponse& m) {
  w.number(m.throttle_ms);
  if (w.version() >= 1) w.number(m.error);
  describe_results(w, m.topics);
}

template <class W>
void describe(W& w, AlterPartitionReassignmentsRequest& m) {
  w.number(m.timeout_ms);
  if (w.version() >= 1) w.number(m.allow_replication_change);
  w.list(m.topics, [&](AlterPartitionReassignmentsRequest::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](AlterPartitionReassignmentsRequest::Partition& partition) {
      w.number(partition.index);
      w.numbers(partition.replicas);
    });
  });
}

template <class W>
void describe(W& w, AlterPartitionReassignmentsResponse& m) {
  w.number(m.throttle_ms);
  if (w.version() >= 1) w.number(m.allow_replication_change);
  w.number(m.error);
  w.text(m.message);
  describe_results(w, m.topics);
}

template <class W>
void describe(W& w, ListPartitionReassignmentsRequest& m) {
  w.number(m.timeout_ms);
  describe_topics(w, m.topics);
}

template <class W>
void describe(W& w, ListPartitionReassignmentsResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.text(m.message);
  w.list(m.topics, [&](ListPartitionReassignmentsResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](ListPartitionReassignmentsResponse::Partition& partition) {
      w.number(partition.index);
      w.numbers(partition.replicas);
      w.numbers(partition.adding);
      w.numbers(partition.removing);
    });
  });
}

// Puts the size of what stands behind its four bytes into them.
std::string framed(std::string frame) {
  const uint64_t size = frame.size() - kSizeBytes;
  FRESHET_ASSERT(size <= static_cast<uint64_t>(std::numeric_limits<int32_t>::max()));
  for (size_t i = 0; i < kSizeBytes; ++i) frame[i] = static_cast<char>(size >> (8 * (kSizeBytes - 1 - i)));
  return frame;
}

template <class Request>
bool is_flexible(int16_t version) {
  return version >= Request::kFlexible;
}

// A broker that does not have our version of ApiVersions answers with version 0 of it, whatever was asked (KIP-511).
template <class Request>
int16_t version_of_response(std::string_view message, int16_t version) {
  if (Request::kKey != ApiVersionsRequest::kKey || version == 0) return version;
  int16_t error = 0;
  Decoder(message, 0, false).number(error);
  return error == kUnsupportedVersion ? 0 : version;
}

template <class Request>
bool has_flexible_head(int16_t version) {
  return Request::kKey != ApiVersionsRequest::kKey && is_flexible<Request>(version);
}

}  // namespace

template <class Request>
std::string encode_request(const Request& request, int16_t version, int32_t correlation, const std::string& client) {
  FRESHET_ASSERT(version >= Request::kLeast && version <= Request::kMost);
  std::string out(kSizeBytes, '\0');
  const bool flexible = is_flexible<Request>(version);
  Encoder classic(out, version, false), body(out, version, flexible);
  classic.number(Request::kKey);
  classic.number(version);
  classic.number(correlation);
  classic.text(client);  // in a flexible head, too
  body.tags();
  Request copy = request;  // describe() serves both directions, so it takes what can be changed
  describe(body, copy);
  body.tags();
  return framed(std::move(out));
}

Result<RequestHead> decode_head(std::string_view frame) {
  Decoder in(frame, 0, false);
  RequestHead head;
  in.number(head.key);
  in.number(head.version);
  in.number(head.correlation);
  FRESHET_TRY(in.status());
  return head;
}

template <class Request>
Result<Request> decode_request(std::string_view frame) {
  FRESHET_ASSIGN(const RequestHead head, decode_head(frame));
  if (head.key != Request::kKey || head.version < Request::kLeast || head.version > Request::kMost)
    return fail(Code::kCorrupt, fmt::format("key {}, version {} is not what is expected", head.key, head.version));
  Decoder classic(frame.substr(8), head.version, false);
  std::optional<std::string> client;
  classic.text(client);
  FRESHET_TRY(classic.status());
  Decoder in(classic.rest(), head.version, is_flexible<Request>(head.version));
  in.tags();  // of the head; a classic one has none
  Request request;
  describe(in, request);
  in.tags();
  FRESHET_TRY(in.finish());
  return request;
}

template <class Request>
std::string encode_response(const typename Request::Response& response, int16_t version, int32_t correlation) {
  FRESHET_ASSERT(version >= Request::kLeast && version <= Request::kMost);
  std::string out(kSizeBytes, '\0');
  Encoder body(out, version, is_flexible<Request>(version));
  body.number(correlation);
  if (has_flexible_head<Request>(version)) body.tags();
  typename Request::Response copy = response;
  describe(body, copy);
  body.tags();
  return framed(std::move(out));
}

template <class Request>
Result<typename Request::Response> decode_response(std::string_view frame, int16_t version, int32_t correlation) {
  FRESHET_ASSERT(version >= Request::kLeast && version <= Request::kMost);
  Decoder head(frame, version, true);
  int32_t answered = 0;
  head.number(answered);
  if (has_flexible_head<Request>(version)) head.tags();
  FRESHET_TRY(head.status());
  if (answered != correlation)
    return fail(Code::kCorrupt, fmt::format("an answer to request {}, where {} is asked", answered, correlation));
  const int16_t spoken = version_of_response<Request>(head.rest(), version);
  Decoder in(head.rest(), spoken, is_flexible<Request>(spoken));
  typename Request::Response response;
  describe(in, response);
  in.tags();
  FRESHET_TRY(in.finish());
  return response;
}

#define FRESHET_CODEC_OF(Request)                                                                     \
  template std::string encode_request<Request>(const Request&, int16_t, int32_t, const std::string&); \
  template Result<Request> decode_request<Request>(std::string_view);                                 \
  template std::string encode_response<Request>(const typename Request::Response&, int16_t, int32_t); \
  template Result<typename Request::Response> decode_response<Request>(std::string_view, int16_t, int32_t)

FRESHET_CODEC_OF(ApiVersionsRequest);
FRESHET_CODEC_OF(SaslHandshakeRequest);
FRESHET_CODEC_OF(SaslAuthenticateRequest);
FRESHET_CODEC_OF(MetadataRequest);
FRESHET_CODEC_OF(DescribeLogDirsRequest);
FRESHET_CODEC_OF(DescribeConfigsRequest);
FRESHET_CODEC_OF(ListOffsetsRequest);
FRESHET_CODEC_OF(ListGroupsRequest);
FRESHET_CODEC_OF(OffsetFetchRequest);
FRESHET_CODEC_OF(IncrementalAlterConfigsRequest);
FRESHET_CODEC_OF(AlterReplicaLogDirsRequest);
FRESHET_CODEC_OF(ElectLeadersRequest);
FRESHET_CODEC_OF(AlterPartitionReassignmentsRequest);
FRESHET_CODEC_OF(ListPartitionReassignmentsRequest);
FRESHET_CODEC_OF(DescribeAclsRequest);
FRESHET_CODEC_OF(CreateAclsRequest);
FRESHET_CODEC_OF(DescribeClientQuotasRequest);
FRESHET_CODEC_OF(AlterClientQuotasRequest);
FRESHET_CODEC_OF(DescribeScramRequest);
FRESHET_CODEC_OF(AlterScramRequest);
FRESHET_CODEC_OF(ProduceRequest);
FRESHET_CODEC_OF(FetchRequest);
FRESHET_CODEC_OF(CreateTopicsRequest);
FRESHET_CODEC_OF(FindCoordinatorRequest);
FRESHET_CODEC_OF(InitProducerIdRequest);
FRESHET_CODEC_OF(AddPartitionsToTxnRequest);
FRESHET_CODEC_OF(EndTxnRequest);
FRESHET_CODEC_OF(CreatePartitionsRequest);
#undef FRESHET_CODEC_OF

}  // namespace freshet::cluster::protocol
