// Requests and responses of producers, readers and transactions: what the probe and the sampling of `fleet watch` need,
// and what shows which promises brokers keep. In the style of messages.h, which includes this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cluster/protocol/wire.h"

namespace freshet::cluster::protocol {

// Partitions of a topic, as many requests name them.
struct TopicPartitions {
  std::string topic;
  std::vector<int32_t> partitions;
};

struct ProduceResponse {
  struct RecordError {
    int32_t index = 0;
    std::optional<std::string> message;
  };
  struct Partition {
    int32_t index = 0;
    int16_t error = 0;
    int64_t base_offset = -1, append_time_ms = -1, log_start = -1;
    std::vector<RecordError> record_errors;
    std::optional<std::string> message;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  std::vector<Topic> topics;
  int32_t throttle_ms = 0;
};
// To the partitions' leader.
struct ProduceRequest {
  static constexpr int16_t kKey = 0, kLeast = 3, kMost = 9, kFlexible = 9;
  static constexpr int16_t kAcksOfAll = -1;  // 0, after which no answer comes, can't be asked here
  using Response = ProduceResponse;
  struct Partition {
    int32_t index = 0;
    std::optional<std::string> records;  // batches (record_batch.h)
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  std::optional<std::string> transactional_id;
  int16_t acks = kAcksOfAll;
  int32_t timeout_ms = 5'000;
  std::vector<Topic> topics;
};

struct FetchResponse {
  struct Aborted {
    int64_t producer_id = -1, first_offset = -1;
  };
  struct Partition {
    int32_t index = 0;
    int16_t error = 0;
    int64_t high_watermark = -1, last_stable = -1, log_start = -1;
    std::optional<std::vector<Aborted>> aborted;
    int32_t preferred_replica = -1;
    std::optional<std::string> records;  // batches, of which the last may be cut off
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  int16_t error = 0;
  int32_t session = 0;
  std::vector<Topic> topics;
};
// To the partitions' leader. Without a session: each one is whole.
struct FetchRequest {
  static constexpr int16_t kKey = 1, kLeast = 4, kMost = 12, kFlexible = 12;
  static constexpr int8_t kCommittedOnly = 1;
  using Response = FetchResponse;
  struct Partition {
    int32_t index = 0, leader_epoch = -1;
    int64_t offset = 0;
    int32_t last_epoch = -1;
    int64_t log_start = -1;
    int32_t bytes_max = 1 << 20;  // a first batch that is larger comes whole
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t replica = -1;
  int32_t wait_ms = 500, bytes_min = 1, bytes_max = 1 << 20;
  int8_t isolation = 0;
  int32_t session = 0, session_epoch = -1;
  std::vector<Topic> topics;
  std::vector<TopicPartitions> forgotten;
  std::string rack;
};

struct CreateTopicsResponse {
  struct Topic {
    std::string name;
    int16_t error = 0;
    std::optional<std::string> message;
  };
  int32_t throttle_ms = 0;
  std::vector<Topic> topics;
};
// To the controller.
struct CreateTopicsRequest {
  static constexpr int16_t kKey = 19, kLeast = 2, kMost = 4, kFlexible = 99;
  using Response = CreateTopicsResponse;
  struct Assignment {
    int32_t index = 0;
    std::vector<int32_t> replicas;
  };
  struct Config {
    std::string name;
    std::optional<std::string> value;
  };
  struct Topic {
    std::string name;
    int32_t partitions = -1;  // -1 with assignments, as is replication
    int16_t replication = -1;
    std::vector<Assignment> assignments;
    std::vector<Config> configs;
  };
  std::vector<Topic> topics;
  int32_t timeout_ms = 10'000;
  bool validate_only = false;
};

struct CreatePartitionsResponse {
  struct Topic {
    std::string name;
    int16_t error = 0;
    std::optional<std::string> message;
  };
  int32_t throttle_ms = 0;
  std::vector<Topic> topics;
};
// To the controller.
struct CreatePartitionsRequest {
  static constexpr int16_t kKey = 37, kLeast = 0, kMost = 1, kFlexible = 99;
  using Response = CreatePartitionsResponse;
  struct Assignment {
    std::vector<int32_t> replicas;
  };
  struct Topic {
    std::string name;
    int32_t total = 0;                                   // with those that are there
    std::optional<std::vector<Assignment>> assignments;  // of the new ones
  };
  std::vector<Topic> topics;
  int32_t timeout_ms = 10'000;
  bool validate_only = false;
};

// --- transactions ---

struct FindCoordinatorResponse {
  int32_t throttle_ms = 0;
  int16_t error = 0;
  std::optional<std::string> message;
  int32_t node = -1;
  std::string host;
  int32_t port = -1;
};
struct FindCoordinatorRequest {
  static constexpr int16_t kKey = 10, kLeast = 1, kMost = 2, kFlexible = 99;
  static constexpr int8_t kOfGroup = 0, kOfTransaction = 1;
  using Response = FindCoordinatorResponse;
  std::string name;
  int8_t type = kOfTransaction;
};

struct InitProducerIdResponse {
  int32_t throttle_ms = 0;
  int16_t error = 0;
  int64_t producer_id = -1;
  int16_t epoch = -1;
};
// To the id's coordinator. Ends what the id had open, and raises its epoch.
struct InitProducerIdRequest {
  static constexpr int16_t kKey = 22, kLeast = 0, kMost = 1, kFlexible = 99;
  using Response = InitProducerIdResponse;
  std::optional<std::string> transactional_id;
  int32_t timeout_ms = 60'000;
};

struct AddPartitionsToTxnResponse {
  struct Partition {
    int32_t index = 0;
    int16_t error = 0;
  };
  struct Topic {
    std::string name;
    std::vector<Partition> partitions;
  };
  int32_t throttle_ms = 0;
  std::vector<Topic> topics;
};
struct AddPartitionsToTxnRequest {
  static constexpr int16_t kKey = 24, kLeast = 0, kMost = 2, kFlexible = 99;
  using Response = AddPartitionsToTxnResponse;
  std::string transactional_id;
  int64_t producer_id = -1;
  int16_t epoch = -1;
  std::vector<TopicPartitions> topics;
};

struct EndTxnResponse {
  int32_t throttle_ms = 0;
  int16_t error = 0;
  int64_t producer_id = -1;  // of the next transaction; told from version 5 on
  int16_t epoch = -1;
};
// Versions below 5 are of transactions before KIP-890, whoever answers: the epoch stays as it is.
struct EndTxnRequest {
  static constexpr int16_t kKey = 26, kLeast = 0, kMost = 5, kFlexible = 3;
  using Response = EndTxnResponse;
  std::string transactional_id;
  int64_t producer_id = -1;
  int16_t epoch = -1;
  bool commit = true;
};

}  // namespace freshet::cluster::protocol
