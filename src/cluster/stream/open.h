// Streams of a living cluster, without librdkafka in sight.
#pragma once

#include <memory>
#include <string>

#include "cluster/admin/connection.h"
#include "cluster/stream/stream.h"

namespace freshet::cluster {

struct ReaderOptions {
  size_t queue_bytes_max = 32u << 20;  // read ahead
  std::string name = "reader";         // in logs
};
// kInvalid: a property is wrong.
[[nodiscard]] Result<std::unique_ptr<Reader>> open_reader(const Connection& connection, const ReaderOptions& options);

struct MembershipOptions {
  std::string group;
  std::string instance;                         // of this process in the group: a restarted one has its partitions back
  env::TimeUs session_timeout_us = 10'000'000;  // how long a silent one keeps them
};
// Nothing that its predecessor of the same instance left open can be committed after this.
[[nodiscard]] Result<std::unique_ptr<Membership>> join_group(const Connection& connection,
                                                             const MembershipOptions& options);

struct WriterOptions {
  std::string transactional_id;
  std::string compression = "lz4";
  // A transaction of a process that died is aborted by the brokers after this, if nobody takes its id before.
  env::TimeUs transaction_timeout_us = 15'000'000;
  env::TimeUs outage_max_us = 60'000'000;  // how long one call waits for brokers that are away
};
[[nodiscard]] Result<std::unique_ptr<Writer>> open_writer(const Connection& connection, env::Clock& clock,
                                                          const WriterOptions& options);

}  // namespace freshet::cluster
