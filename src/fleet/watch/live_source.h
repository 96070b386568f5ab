// Looks at a living cluster over the protocol itself (cluster/protocol): a connection to each broker and no thread, so
// that hundreds of brokers can be watched from one process. librdkafka has threads for each broker, a client for each
// group whose offsets it is asked for, and ends the process where a coordinator is away at the wrong moment.
//
// A look is one metadata request; to each broker two of offsets, one of log dirs and one of the groups that it
// coordinates; one for each group; a few of records, of which batches are measured (live_batches.h), and of the probe.
// It needs DESCRIBE of the cluster, of topics and of groups, and READ of the topics whose batches are to be seen.
#pragma once

#include <memory>
#include <string>

#include "cluster/admin/connection.h"
#include "env/clock.h"
#include "fleet/watch/source.h"

namespace freshet::fleet {

struct LiveSourceOptions {
  cluster::Connection connection;
  std::string cluster_id;   // that it must have; "": any
  std::string probe_topic;  // of which the probe has leave (live_probe.h); "": none
};

// Connects. kInvalid: the brokers refuse us, or the cluster is another one; kRetry: none answers.
[[nodiscard]] Result<std::unique_ptr<LookSource>> open_live_source(const LiveSourceOptions& options, env::Clock& clock);

}  // namespace freshet::fleet
