// One librdkafka client of a stream: our defaults, then the operator's properties, then what exactly once rests on.
// Private to src/cluster/stream.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cluster/admin/connection.h"
#include "cluster/admin/handles.h"

namespace freshet::cluster {

// The same errors as rd::error_of, with what streams have to know beside: fenced, or refused by the group.
[[nodiscard]] Error stream_error(rd_kafka_resp_err_t error, const std::string& what, const char* words = nullptr);

struct ClientSettings {
  rd_kafka_type_t type = RD_KAFKA_PRODUCER;
  Properties defaults;
  Properties fixed;
  void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr;
  void (*rebalanced)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void*) = nullptr;
  void* owner = nullptr;  // what these two are called with
};

// Destroys it when it goes; a member of a group leaves it then.
using StreamClient = rd::Owned<rd_kafka_t, rd_kafka_destroy>;
[[nodiscard]] Result<StreamClient> open_client(const Connection& connection, const ClientSettings& settings);

}  // namespace freshet::cluster
