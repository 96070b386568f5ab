#include "intake/node.h"

#include <algorithm>
#include <utility>

#include "env/clock.h"
#include "eventlog/embedded/embedded_log.h"

namespace freshet::bench {

namespace {

constexpr size_t kLaneBytesMax = 128u << 20;  // as the server has it

}  // namespace

Result<std::unique_ptr<kv::Store>> open_log_store(const std::string& path, bool note_synced) {
  kv::Options options;
  options.path = path;
  options.note_synced = note_synced;
  options.memory = kv::make_memory_budget(96u << 20);
  options.large_values = true;
  options.log_like = true;
  options.point_reads = false;
  options.bloom_bits = 0;
  return kv::open_rocks(options);
}

Result<std::unique_ptr<Node>> Node::open(const NodeOptions& options) {
  FRESHET_ASSIGN(auto store, open_log_store(options.dir, true));
  FRESHET_ASSIGN(auto log, eventlog::open_embedded_log(std::move(store), env::real_clock(), {}));
  eventlog::TopicOptions actions;
  actions.partitions = options.partitions;
  FRESHET_TRY(log->create_topic(eventlog::Topic::kActions, actions));
  FRESHET_TRY(log->create_topic(eventlog::Topic::kSchema, {}));
  FRESHET_TRY(log->create_topic(eventlog::Topic::kDeadLetters, {}));
  return std::unique_ptr<Node>(new Node(std::move(log), options));
}

Node::Node(std::unique_ptr<eventlog::EventLog> log, const NodeOptions& options)
    : log_(std::move(log)), registry_(schema::make_registry()) {
  ingest::ServiceOptions made;
  made.tenants = {model::default_tenant("demo")};
  made.tenants[0].write_keys = {"demo-write-key"};
  made.log = log_.get();
  made.registry = registry_.get();
  made.clock = &env::real_clock();
  made.random = &env::real_random();
  made.partitions = options.partitions;
  if (options.cores > 0) {
    lane_ = std::make_unique<ingest::Lane>(kLaneBytesMax, std::max(options.cores - 1, 1u));
    made.lane = lane_.get();
    made.cores = options.cores;
  }
  service_ = std::make_unique<ingest::Service>(std::move(made));
}

}  // namespace freshet::bench
