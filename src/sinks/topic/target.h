// The way to a state topic, and what it must be like.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"
#include "cluster/stream/target.h"

namespace freshet::sinks {

// Tests have their own.
struct StateTarget {
  std::string topic;
  uint32_t partitions = 0;   // as `changes` has: a profile's changes and its states are in partitions of one number
  uint32_t replication = 0;  // of a topic that is made; 0: three, but no more than there are brokers
  size_t record_bytes_max = cluster::kRecordBytesDefault;  // what prepare_state_topic() has returned
  std::shared_ptr<cluster::Admin> admin;
  // Another one, by the secrets as they are now; none: `admin` stays.
  std::function<Result<std::shared_ptr<cluster::Admin>>()> open_admin;
  std::function<Result<std::unique_ptr<cluster::Reader>>()> open_reader;
  // The id is this process's from now on: whoever had it can't commit any more.
  std::function<Result<std::unique_ptr<cluster::Writer>>(const std::string& transactional_id)> open_writer;
};

// Makes the topic, compacted, or looks whether the one that is there will do. Returns the bytes that a record of it may
// have. kInvalid: it is there and would lose states, or has another number of partitions; kRetry: brokers are away.
[[nodiscard]] Result<size_t> prepare_state_topic(const StateTarget& target);

// The same for whoever only reads it: its number of partitions. kNotFound: there is none.
[[nodiscard]] Result<uint32_t> look_for_state_topic(cluster::Admin& admin, const std::string& topic);

}  // namespace freshet::sinks
