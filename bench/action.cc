// freshet-bench-action: what action's engine and its state cost an event, on one thread and by themselves: one
// partition on a store of its own, records as ingest makes them of the load generator's bodies. What the worker does
// around it (reading the log, committing) is left out, and what making the state durable takes is told apart.
//
// The same records each time, so its instructions can be counted (valgrind --tool=callgrind --toggle-collect=…) where
// the machine has no time that is worth measuring.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "action/control.h"
#include "action/engine.h"
#include "base/assert.h"
#include "common/body.h"
#include "common/cpu_time.h"
#include "common/zipf.h"
#include "ingest/sources/segment/segment.h"
#include "kv/store.h"
#include "model/tenant.h"
#include "schema/registry.h"
#include "state/partition_state.h"

namespace freshet::bench {
namespace {

constexpr int64_t kClockUs = 1'750'000'000'000'000;
constexpr size_t kRecordsOfARequest = 100;
constexpr size_t kBodies = 16;
constexpr size_t kGatheredRows = 2048;  // as the worker does after each batch

struct ActionOptions {
  std::string dir;
  uint64_t users = 250'000;  // a quarter of a million, as one of four partitions has
  uint64_t warm_up = 500'000;
  uint64_t events = 500'000;
  uint64_t rounds = 3;
  size_t batch = 400;
  size_t event_bytes = 500;
  uint64_t persist_every = 300'000;
  uint64_t memory_mib = 224;
  double identify = 0.2;
};

// Records as they lie in the log, made of bodies by the adapter that the server has.
class Sender {
 public:
  explicit Sender(const ActionOptions& options)
      : users_(options.users), zipf_(options.users, 0.99), tenant_(model::default_tenant("demo")) {
    for (size_t i = 0; i < kBodies; ++i) {
      auto body = Body::make({.batch = kRecordsOfARequest,
                              .event_bytes = options.event_bytes,
                              .identify_share = options.identify,
                              .merge_share = 0,
                              .seed = i + 1});
      FRESHET_ASSERT(body.has_value());
      bodies_.push_back(std::move(*body));
    }
  }

  // known: each user in turn, instead of some often.
  void add_request(bool in_turn, std::vector<std::string>& records) {
    Body& body = bodies_[sent_ / kRecordsOfARequest % kBodies];
    for (size_t i = 0; i < kRecordsOfARequest; ++i) {
      body.set_user(i, in_turn ? (sent_ + i) % users_ : zipf_.sample(numbers_));
      body.set_message_id(i, "000000000000", sent_ + i);
    }
    sent_ += kRecordsOfARequest;
    const int64_t now_us = kClockUs + static_cast<int64_t>(sent_ * 40);
    body.set_time(now_us);
    const auto session = registry_->begin(tenant_, now_us);
    const ingest::AdapterContext context{.tenant = tenant_,
                                         .schema = *session,
                                         .received_at_us = now_us,
                                         .endpoint = "/v1/batch",
                                         .random_id = "0123456789abcdef"};
    const auto parsed = ingest::parse_segment(body.text(), {.call = "batch"}, context, arena_);
    FRESHET_ASSERT(parsed.has_value() && parsed->envelopes.size() == kRecordsOfARequest);
    for (const v1::Envelope* envelope : parsed->envelopes) records.push_back(envelope->SerializeAsString());
    arena_.Reset();
  }

 private:
  const uint64_t users_;
  Zipf zipf_;
  model::Tenant tenant_;
  std::unique_ptr<schema::Registry> registry_ = schema::make_registry();
  google::protobuf::Arena arena_;
  std::vector<Body> bodies_;
  Numbers numbers_{7};
  uint64_t sent_ = 0;
};

// One partition, stepped as the worker steps it.
class Partition {
 public:
  Partition(std::unique_ptr<state::PartitionState> state, const ActionOptions& options)
      : options_(options), state_(std::move(state)), out_(0, 1), engine_(0, 1, *state_, out_) {
    out_.say_changes(false);
    out_.note_changes(true);
  }

  Status begin() {
    model::Tenant tenant = model::default_tenant("demo");
    tenant.rules.set_events_unread(true);
    v1::Envelope control = action::control_record({tenant}, 1, "0123456789abcdef", kClockUs);
    control.mutable_control()->set_revision(1);
    control.mutable_control()->set_events_if_read(true);
    return process({control.SerializeAsString()});
  }

  Status process(const std::vector<std::string>& records) {
    views_.clear();
    for (const std::string& record : records) views_.push_back({next_++, {}, record});
    const int64_t begun = thread_cpu_ns();
    FRESHET_TRY(engine_.process(views_));
    state_->advance(next_);
    (void)out_.take();
    (void)out_.take_noted();
    state_->settle();
    if (gathering_) gathering_ = !state_->gather(kGatheredRows);
    if (!flying_ && static_cast<uint64_t>(next_ - persisted_) >= options_.persist_every) {
      FRESHET_TRY(state_->begin_persist());
      persisted_ = next_;
      flying_ = gathering_ = true;
    }
    const int64_t done = thread_cpu_ns();
    worker_ns += done - begun;
    if (flying_ && !gathering_) {
      FRESHET_TRY(state_->finish_persist());
      flying_ = false;
      persist_ns += thread_cpu_ns() - done;
    }
    return {};
  }

  int64_t worker_ns = 0, persist_ns = 0;

 private:
  const ActionOptions& options_;
  std::unique_ptr<state::PartitionState> state_;
  action::Outputs out_;
  action::Engine engine_;
  std::vector<eventlog::RecordView> views_;
  int64_t next_ = 0, persisted_ = 0;
  bool flying_ = false, gathering_ = false;
};

Status run(Partition& partition, Sender& sender, const ActionOptions& options, uint64_t events, bool in_turn) {
  std::vector<std::string> records;
  for (uint64_t done = 0; done < events; done += records.size()) {
    records.clear();
    while (records.size() < options.batch) sender.add_request(in_turn, records);
    FRESHET_TRY(partition.process(records));
  }
  return {};
}

Status measure(const ActionOptions& options) {
  std::filesystem::remove_all(options.dir);
  kv::Options store;
  store.path = options.dir;
  store.memory = kv::make_memory_budget(32u << 20);
  FRESHET_ASSIGN(auto state,
                 state::PartitionState::open(store, {.memory_bytes = options.memory_mib << 20}, kv::open_rocks));
  Partition partition(std::move(state), options);
  Sender sender(options);
  FRESHET_TRY(partition.begin());
  FRESHET_TRY(run(partition, sender, options, options.users, true));
  FRESHET_TRY(run(partition, sender, options, options.warm_up, false));
  for (uint64_t round = 0; round < options.rounds; ++round) {
    partition.worker_ns = partition.persist_ns = 0;
    FRESHET_TRY(run(partition, sender, options, options.events, false));
    const auto us = [&](int64_t ns) { return static_cast<double>(ns) / 1e3 / static_cast<double>(options.events); };
    fmt::print("{{\"events\":{},\"worker_us_per_event\":{:.3f},\"persist_us_per_event\":{:.3f}}}\n", options.events,
               us(partition.worker_ns), us(partition.persist_ns));
    std::fflush(stdout);
  }
  return {};
}

}  // namespace
}  // namespace freshet::bench

int main(int argc, char** argv) {
  CLI::App app("What action's engine costs an event");
  freshet::bench::ActionOptions options;
  app.add_option("--dir", options.dir, "Where its state is made, anew")->required();
  app.add_option("--users", options.users, "Users that are known before")->check(CLI::PositiveNumber);
  app.add_option("--warm-up", options.warm_up, "Events before those that are measured");
  app.add_option("--events", options.events, "Events of each round")->check(CLI::PositiveNumber);
  app.add_option("--rounds", options.rounds, "How often");
  app.add_option("--batch", options.batch, "Records of a batch")->check(CLI::PositiveNumber);
  app.add_option("--event-bytes", options.event_bytes, "Bytes of an item");
  app.add_option("--persist-every", options.persist_every, "Events between two persists")->check(CLI::PositiveNumber);
  app.add_option("--memory-mib", options.memory_mib, "Memory of rows and filters");
  app.add_option("--identify", options.identify, "Share of identify calls")->check(CLI::Range(0.0, 1.0));
  CLI11_PARSE(app, argc, argv);
  const auto done = freshet::bench::measure(options);
  if (done) return 0;
  fmt::print(stderr, "{}\n", done.error().message);
  return 1;
}
