// What an ingest node has of the product, and nothing behind it: the embedded log and the service. Nobody reads what
// is appended, so nothing holds senders back and nothing else takes the processor.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "eventlog/event_log.h"
#include "ingest/lane.h"
#include "ingest/service.h"
#include "kv/store.h"
#include "schema/registry.h"

namespace freshet::bench {

// A store as the product opens one for its log; a floor does without the note of how far it is synced.
[[nodiscard]] Result<std::unique_ptr<kv::Store>> open_log_store(const std::string& path, bool note_synced);

struct NodeOptions {
  std::string dir;  // of the log
  uint32_t partitions = 16;
  // Requests run as they do in a server of so many cores, some of them on a lane; 0: all on the caller's thread.
  uint32_t cores = 0;
};

class Node {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Node>> open(const NodeOptions& options);
  // Of one tenant, `demo`, whose write key is `demo-write-key`.
  [[nodiscard]] ingest::Service& service() { return *service_; }

 private:
  Node(std::unique_ptr<eventlog::EventLog> log, const NodeOptions& options);

  // Each needs those before it.
  std::unique_ptr<eventlog::EventLog> log_;
  std::unique_ptr<schema::Registry> registry_;
  std::unique_ptr<ingest::Lane> lane_;
  std::unique_ptr<ingest::Service> service_;
};

}  // namespace freshet::bench
