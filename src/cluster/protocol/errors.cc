#include "cluster/protocol/errors.h"

#include <fmt/core.h>
#include <librdkafka/rdkafka.h>

#include "cluster/protocol/messages.h"

namespace freshet::cluster::protocol {
namespace {

rd_kafka_resp_err_t known(int16_t error) { return static_cast<rd_kafka_resp_err_t>(error); }

// Errors that pass by themselves: elections, restarts, brokers that are slow.
bool passes(int16_t error) {
  switch (known(error)) {
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED: return true;
    default: return false;
  }
}

std::string name_of_key(int16_t key) {
  switch (key) {
    case ListOffsetsRequest::kKey: return "ListOffsets";
    case MetadataRequest::kKey: return "Metadata";
    case OffsetFetchRequest::kKey: return "OffsetFetch";
    case ListGroupsRequest::kKey: return "ListGroups";
    case SaslHandshakeRequest::kKey: return "SaslHandshake";
    case ApiVersionsRequest::kKey: return "ApiVersions";
    case DescribeConfigsRequest::kKey: return "DescribeConfigs";
    case AlterReplicaLogDirsRequest::kKey: return "AlterReplicaLogDirs";
    case DescribeLogDirsRequest::kKey: return "DescribeLogDirs";
    case SaslAuthenticateRequest::kKey: return "SaslAuthenticate";
    case ElectLeadersRequest::kKey: return "ElectLeaders";
    case IncrementalAlterConfigsRequest::kKey: return "IncrementalAlterConfigs";
    case AlterPartitionReassignmentsRequest::kKey: return "AlterPartitionReassignments";
    case ListPartitionReassignmentsRequest::kKey: return "ListPartitionReassignments";
    case DescribeAclsRequest::kKey: return "DescribeAcls";
    case CreateAclsRequest::kKey: return "CreateAcls";
    case DescribeClientQuotasRequest::kKey: return "DescribeClientQuotas";
    case AlterClientQuotasRequest::kKey: return "AlterClientQuotas";
    case DescribeScramRequest::kKey: return "DescribeUserScramCredentials";
    case AlterScramRequest::kKey: return "AlterUserScramCredentials";
    case ProduceRequest::kKey: return "Produce";
    case FetchRequest::kKey: return "Fetch";
    case CreateTopicsRequest::kKey: return "CreateTopics";
    case FindCoordinatorRequest::kKey: return "FindCoordinator";
    case InitProducerIdRequest::kKey: return "InitProducerId";
    case AddPartitionsToTxnRequest::kKey: return "AddPartitionsToTxn";
    case CreatePartitionsRequest::kKey: return "CreatePartitions";
    case EndTxnRequest::kKey: return "EndTxn";
    default: return "request";
  }
}

}  // namespace

std::string error_name(int16_t error) {
  const char* const name = rd_kafka_err2name(known(error));
  return fmt::format("{} ({})", name == nullptr ? "an error that is not known here" : name, error);
}

Error error_of(int16_t error, const std::string& what, const std::optional<std::string>& words) {
  const std::string said = words && !words->empty() ? *words : rd_kafka_err2str(known(error));
  return {passes(error) ? Code::kRetry : Code::kInvalid, fmt::format("{}: {}: {}", what, error_name(error), said)};
}

std::string key_name(int16_t key) { return fmt::format("{} ({})", name_of_key(key), key); }

}  // namespace freshet::cluster::protocol
