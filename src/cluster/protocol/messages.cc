// The fields of each message in their order, by version: each describe() is both its encoder and its decoder.

#include "cluster/protocol/messages.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "cluster/protocol/access_fields.h"
#include "cluster/protocol/codec.h"
#include "cluster/protocol/data_fields.h"

namespace freshet::cluster::protocol {
namespace {

constexpr int16_t kUnsupportedVersion = 35;

void describe(Wire& w, ApiVersionsRequest& m) {
  if (w.version() < 3) return;
  w.text(m.software_name);
  w.text(m.software_version);
}

void describe(Wire& w, ApiVersionsResponse& m) {
  w.number(m.error);
  w.list(m.ranges, [&](ApiVersionsResponse::Range& range) {
    w.number(range.key);
    w.number(range.least);
    w.number(range.most);
  });
  if (w.version() >= 1) w.number(m.throttle_ms);
}

void describe(Wire& w, SaslHandshakeRequest& m) { w.text(m.mechanism); }

void describe(Wire& w, SaslHandshakeResponse& m) {
  w.number(m.error);
  w.texts(m.mechanisms);
}

void describe(Wire& w, SaslAuthenticateRequest& m) { w.bytes(m.data); }

void describe(Wire& w, SaslAuthenticateResponse& m) {
  w.number(m.error);
  w.text(m.message);
  w.bytes(m.data);
  if (w.version() >= 1) w.number(m.session_ms);
}

void describe(Wire& w, MetadataRequest& m) {
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

void describe(Wire& w, MetadataResponse::Partition& partition) {
  w.number(partition.error);
  w.number(partition.index);
  w.number(partition.leader);
  w.number(partition.leader_epoch);
  w.numbers(partition.replicas);
  w.numbers(partition.in_sync);
  w.numbers(partition.offline);
}

void describe(Wire& w, MetadataResponse::Topic& topic) {
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

void describe(Wire& w, MetadataResponse& m) {
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

void describe(Wire& w, TopicPartitions& topic) {
  w.text(topic.topic);
  w.numbers(topic.partitions);
}

template <class Topics>
void describe_topics(Wire& w, Topics& topics) {
  w.list(topics, [&](TopicPartitions& topic) { describe(w, topic); });
}

void describe(Wire& w, DescribeLogDirsRequest& m) { describe_topics(w, m.topics); }

void describe(Wire& w, DescribeLogDirsResponse& m) {
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

void describe(Wire& w, DescribeConfigsRequest& m) {
  w.list(m.resources, [&](DescribeConfigsRequest::Resource& resource) {
    w.number(resource.type);
    w.text(resource.name);
    w.texts(resource.keys);
  });
  w.number(m.with_synonyms);
  if (w.version() >= 3) w.number(m.with_documentation);
}

void describe(Wire& w, DescribeConfigsResponse::Config& config) {
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

void describe(Wire& w, DescribeConfigsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.resources, [&](DescribeConfigsResponse::Resource& resource) {
    w.number(resource.error);
    w.text(resource.message);
    w.number(resource.type);
    w.text(resource.name);
    w.list(resource.configs, [&](DescribeConfigsResponse::Config& config) { describe(w, config); });
  });
}

void describe(Wire& w, ListOffsetsRequest& m) {
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

void describe(Wire& w, ListOffsetsResponse& m) {
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

void describe(Wire& w, ListGroupsRequest& m) {
  if (w.version() >= 4) w.texts(m.states);
  if (w.version() >= 5) w.texts(m.types);
}

void describe(Wire& w, ListGroupsResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.list(m.groups, [&](ListGroupsResponse::Group& group) {
    w.text(group.group);
    w.text(group.protocol_type);
    if (w.version() >= 4) w.text(group.state);
    if (w.version() >= 5) w.text(group.type);
  });
}

void describe(Wire& w, OffsetFetchRequest& m) {
  w.text(m.group);
  describe_topics(w, m.topics);
  if (w.version() >= 7) w.number(m.require_stable);
}

void describe(Wire& w, OffsetFetchResponse& m) {
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

void describe(Wire& w, IncrementalAlterConfigsRequest& m) {
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

void describe(Wire& w, IncrementalAlterConfigsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.resources, [&](IncrementalAlterConfigsResponse::Resource& resource) {
    w.number(resource.error);
    w.text(resource.message);
    w.number(resource.type);
    w.text(resource.name);
  });
}

void describe(Wire& w, AlterReplicaLogDirsRequest& m) {
  w.list(m.dirs, [&](AlterReplicaLogDirsRequest::Dir& dir) {
    w.text(dir.path);
    describe_topics(w, dir.topics);
  });
}

void describe(Wire& w, AlterReplicaLogDirsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](AlterReplicaLogDirsResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](AlterReplicaLogDirsResponse::Partition& partition) {
      w.number(partition.index);
      w.number(partition.error);
    });
  });
}

void describe(Wire& w, ElectLeadersRequest& m) {
  if (w.version() >= 1) w.number(m.type);
  describe_topics(w, m.topics);
  w.number(m.timeout_ms);
}

// Topics with, for each partition, an error and its words.
template <class Topics>
void describe_results(Wire& w, Topics& topics) {
  w.list(topics, [&](auto& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](auto& partition) {
      w.number(partition.index);
      w.number(partition.error);
      w.text(partition.message);
    });
  });
}

void describe(Wire& w, ElectLeadersResponse& m) {
  w.number(m.throttle_ms);
  if (w.version() >= 1) w.number(m.error);
  describe_results(w, m.topics);
}

void describe(Wire& w, AlterPartitionReassignmentsRequest& m) {
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

void describe(Wire& w, AlterPartitionReassignmentsResponse& m) {
  w.number(m.throttle_ms);
  if (w.version() >= 1) w.number(m.allow_replication_change);
  w.number(m.error);
  w.text(m.message);
  describe_results(w, m.topics);
}

void describe(Wire& w, ListPartitionReassignmentsRequest& m) {
  w.number(m.timeout_ms);
  describe_topics(w, m.topics);
}

void describe(Wire& w, ListPartitionReassignmentsResponse& m) {
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

// What the frames of a message need to know of it, so that nothing here is made anew for each.
struct Kind {
  int16_t key, least, most, flexible;

  [[nodiscard]] bool has(int16_t version) const { return version >= least && version <= most; }
  [[nodiscard]] bool is_flexible(int16_t version) const { return version >= flexible; }
  [[nodiscard]] bool has_flexible_answer(int16_t version) const {
    return key != ApiVersionsRequest::kKey && is_flexible(version);
  }
};
template <class Request>
constexpr Kind kKindOf = {Request::kKey, Request::kLeast, Request::kMost, Request::kFlexible};

// A message whose type only describe() has to know.
struct Message {
  void* fields;
  void (*describe)(Wire& w, void* fields);
};
template <class T>
Message message_of(T& fields) {
  return {&fields, [](Wire& w, void* of) { describe(w, *static_cast<T*>(of)); }};
}

// A broker that does not have our version of ApiVersions answers with version 0 of it, whatever was asked (KIP-511).
int16_t version_of_answer(const Kind& kind, std::string_view message, int16_t version) {
  if (kind.key != ApiVersionsRequest::kKey || version == 0) return version;
  int16_t error = 0;
  Decoder(message, 0, false).number(error);
  return error == kUnsupportedVersion ? 0 : version;
}

std::string request_frame(const Kind& kind, Message message, RequestHead head, std::string client) {
  FRESHET_ASSERT(kind.has(head.version));
  std::string out(kSizeBytes, '\0');
  Encoder classic(out, head.version, false), body(out, head.version, kind.is_flexible(head.version));
  classic.number(head.key);
  classic.number(head.version);
  classic.number(head.correlation);
  classic.text(client);  // in a flexible head, too
  body.tags();
  message.describe(body, message.fields);
  body.tags();
  return classic.has_long_text() || body.has_long_text() ? std::string() : framed(std::move(out));
}

Status read_request(const Kind& kind, Message message, std::string_view frame) {
  FRESHET_ASSIGN(const RequestHead head, decode_head(frame));
  if (head.key != kind.key || !kind.has(head.version))
    return fail(Code::kCorrupt, fmt::format("key {}, version {} is not what is expected", head.key, head.version));
  Decoder classic(frame.substr(8), head.version, false);
  std::optional<std::string> client;
  classic.text(client);
  FRESHET_TRY(classic.status());
  Decoder in(classic.rest(), head.version, kind.is_flexible(head.version));
  in.tags();  // of the head; a classic one has none
  message.describe(in, message.fields);
  in.tags();
  return in.finish();
}

std::string response_frame(const Kind& kind, Message message, int16_t version, int32_t correlation) {
  FRESHET_ASSERT(kind.has(version));
  std::string out(kSizeBytes, '\0');
  Encoder body(out, version, kind.is_flexible(version));
  body.number(correlation);
  if (kind.has_flexible_answer(version)) body.tags();
  message.describe(body, message.fields);
  body.tags();
  return framed(std::move(out));
}

Status read_response(const Kind& kind, Message message, std::string_view frame, int16_t version, int32_t correlation) {
  FRESHET_ASSERT(kind.has(version));
  Decoder head(frame, version, true);
  int32_t answered = 0;
  head.number(answered);
  if (kind.has_flexible_answer(version)) head.tags();
  FRESHET_TRY(head.status());
  if (answered != correlation)
    return fail(Code::kCorrupt, fmt::format("an answer to request {}, where {} is asked", answered, correlation));
  const int16_t spoken = version_of_answer(kind, head.rest(), version);
  Decoder in(head.rest(), spoken, kind.is_flexible(spoken));
  message.describe(in, message.fields);
  in.tags();
  return in.finish();
}

}  // namespace

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
std::string encode_request(const Request& request, int16_t version, int32_t correlation, const std::string& client) {
  Request copy = request;  // describe() serves both directions, so it takes what can be changed
  return request_frame(kKindOf<Request>, message_of(copy), {Request::kKey, version, correlation}, client);
}

template <class Request>
Result<Request> decode_request(std::string_view frame) {
  Request request;
  FRESHET_TRY(read_request(kKindOf<Request>, message_of(request), frame));
  return request;
}

template <class Request>
std::string encode_response(const typename Request::Response& response, int16_t version, int32_t correlation) {
  typename Request::Response copy = response;
  return response_frame(kKindOf<Request>, message_of(copy), version, correlation);
}

template <class Request>
Result<typename Request::Response> decode_response(std::string_view frame, int16_t version, int32_t correlation) {
  typename Request::Response response;
  FRESHET_TRY(read_response(kKindOf<Request>, message_of(response), frame, version, correlation));
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
