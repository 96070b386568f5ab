// What an operator asks of a Kafka cluster and does to it, one blocking call each. The one implementation is on
// librdkafka (connect()); tests have their own.
//
// Thread-safe. Every call ends within Connection::timeout_us, and each step that it consists of is one request to each
// broker that it concerns, however many topics or partitions are asked for.
//
// Errors say who recovers (Code) and what to do: kInvalid the operator (credentials refused, an ACL that is missing, a
// value that the brokers refuse), kNotFound there is no such topic or group, kConflict it is there already, kRetry a
// broker is away or not ready.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/admin/connection.h"
#include "cluster/admin/values.h"

namespace freshet::cluster {

class Admin {
 public:
  virtual ~Admin() = default;

  // ---- looking ----
  [[nodiscard]] virtual Result<ClusterView> describe() = 0;
  // In the order of `of`: all of each one's configurations, sorted by name. A resource that the brokers don't know
  // fails the whole (kNotFound).
  [[nodiscard]] virtual Result<std::vector<ConfigsOf>> configs(const std::vector<Resource>& of) = 0;
  // In the order of `of`; a partition without an answer has its error.
  [[nodiscard]] virtual Result<std::vector<OffsetAnswer>> offsets(const std::vector<PartitionRef>& of, OffsetAt at) = 0;
  // Of all kinds and states.
  [[nodiscard]] virtual Result<Groups> groups() = 0;
  // Members of a group in Kafka's classic protocol; [] of one of the new protocol (KIP-848), which brokers describe by
  // a request that is not made here.
  [[nodiscard]] virtual Result<std::vector<Member>> members(const std::string& group) = 0;
  // What the group has committed of these partitions; those of which it has nothing are left out. Sorted. It costs a
  // connection to a broker for each group that was not asked for lately: see docs/decisions/0008-kafka-log.md for why
  // not otherwise.
  [[nodiscard]] virtual Result<std::vector<CommittedOffset>> committed(const std::string& group,
                                                                       const std::vector<PartitionRef>& of) = 0;

  // ---- changing; with kCheck the brokers only say whether they would ----
  enum class Do : uint8_t { kIt, kCheck };
  [[nodiscard]] virtual Status create_topic(const NewTopic& topic, Do what) = 0;
  // To so many in all. kInvalid: it has as many or more.
  [[nodiscard]] virtual Status add_partitions(const std::string& topic, uint32_t total, Do what) = 0;
  // Changes these keys and no other (IncrementalAlterConfigs; AlterConfigs would reset all others).
  [[nodiscard]] virtual Status change_configs(const Resource& of, const std::vector<ConfigChange>& changes,
                                              Do what) = 0;
};

// Connects, and waits until a broker answers. kInvalid: a property is wrong, or the brokers refuse us; kRetry: none
// answers, with the likely reason.
[[nodiscard]] Result<std::unique_ptr<Admin>> connect(const Connection& connection,
                                                     env::Clock& clock = env::real_clock());

}  // namespace freshet::cluster
