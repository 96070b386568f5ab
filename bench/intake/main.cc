// freshet-bench-ingest: what ingest alone costs an event, on one thread: the head and the body of a request into
// durable records of the embedded log, as the listener would hand them over. Its floor beside it, in turn: the same
// bodies through simdjson, each item copied as it stands, and one durable append for as many.
//
// --serve: instead, takes requests over the wire, as the server does, until it gets SIGTERM.
// --tenants: instead, what so many tenants and their schemas take in memory.
#include <fmt/core.h>
#include <simdjson.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/json_writer.h"
#include "common/body.h"
#include "common/cpu_time.h"
#include "common/zipf.h"
#include "env/clock.h"
#include "intake/node.h"
#include "intake/serve.h"
#include "kv/store.h"
#include "schema/registry.h"

namespace freshet::bench {
namespace {

constexpr uint64_t kUsers = 1'000'000;
constexpr size_t kBodies = 16;  // several, so that the processor does not learn the one by heart

// The command line.
struct IngestOptions {
  uint64_t events = 1'000'000;  // of each round
  size_t rounds = 3;
  size_t batch = 100;
  size_t event_bytes = 500;
  size_t under_way = 16;  // requests that wait for the disk at once
  uint32_t partitions = 16;
  size_t tenants = 0;
  size_t schemas = 100;   // events of each
  size_t properties = 3;  // of each event
  uint32_t serve = 0;     // threads
  std::string dir;
  bool json = false;
};

// CPU time of the calling thread, of all threads, and the time on the wall, without what the caller takes out of it.
struct Measured {
  int64_t thread_ns = 0, process_ns = 0;
  env::TimeUs wall_us = 0;

  static Measured now() { return {thread_cpu_ns(), process_cpu_ns(), env::real_clock().monotonic_us()}; }
  void add(const Measured& begin, const Measured& end) {
    thread_ns += end.thread_ns - begin.thread_ns;
    process_ns += end.process_ns - begin.process_ns;
    wall_us += end.wall_us - begin.wall_us;
  }
};

// What one request's head looks like, as common libraries send it.
http::Request head_of(size_t body_bytes) {
  http::Request request;
  request.method = "POST";
  request.path = "/v1/batch";
  request.headers = {{"host", "127.0.0.1:8080"},
                     {"accept", "*/*"},
                     {"authorization", "Basic ZGVtby13cml0ZS1rZXk6"},
                     {"content-type", "application/json"},
                     {"content-length", std::to_string(body_bytes)},
                     {"user-agent", "analytics-node/2.1.0"}};
  request.remote = "127.0.0.1";
  return request;
}

// Lets so many requests be under way and counts their answers.
class Gate {
 public:
  explicit Gate(size_t most) : most_(most) {}
  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ < most_; });
    ++under_way_;
  }
  void leave(bool good) {
    const std::lock_guard lock(mutex_);
    --under_way_;
    bad_ += good ? 0 : 1;
    changed_.notify_one();
  }
  // How many failed.
  size_t wait_for_all() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ == 0; });
    return bad_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  const size_t most_;
  size_t under_way_ = 0, bad_ = 0;
};

// Bodies whose ids, users and times are set for each request; what that costs is a sender's and not measured.
class Sender {
 public:
  explicit Sender(std::vector<Body> bodies) : bodies_(std::move(bodies)), zipf_(kUsers, 0.99) {}

  const std::string& next() {
    Body& body = bodies_[sent_ / bodies_[0].items() % bodies_.size()];
    for (size_t i = 0; i < body.items(); ++i) {
      body.set_user(i, zipf_.sample(numbers_));
      body.set_message_id(i, "000000000000", sent_ + i);
    }
    body.set_time(env::real_clock().now_us());
    sent_ += body.items();
    return body.text();
  }

 private:
  std::vector<Body> bodies_;
  const Zipf zipf_;
  Numbers numbers_{1};
  uint64_t sent_ = 0;
};

// The product's way.
class Ingest {
 public:
  static Result<std::unique_ptr<Ingest>> open(const IngestOptions& options) {
    FRESHET_ASSIGN(auto node, Node::open({.dir = options.dir + "/log", .partitions = options.partitions}));
    return std::unique_ptr<Ingest>(new Ingest(std::move(node), options));
  }

  Status run(Sender& sender, Measured& sum) {
    Gate gate(options_.under_way);
    for (uint64_t sent = 0; sent < options_.events; sent += options_.batch) {
      const std::string& body = sender.next();
      http::Request request = head_of(body.size());
      gate.enter();
      const Measured begin = Measured::now();
      const http::HeaderVerdict verdict = service_.judge(request);
      if (verdict.refuse) return fail(Code::kInvalid, "refused: " + verdict.refuse->body);
      request.body = body;
      service_.handle(std::move(request),
                      [&gate](const http::Response& response) { gate.leave(response.status == 200); });
      sum.add(begin, Measured::now());
    }
    const Measured begin = Measured::now();
    const size_t bad = gate.wait_for_all();
    sum.add(begin, Measured::now());
    if (bad > 0) return fail(Code::kInvalid, fmt::format("{} requests were not taken", bad));
    return {};
  }

 private:
  Ingest(std::unique_ptr<Node> node, const IngestOptions& options)
      : options_(options), node_(std::move(node)), service_(node_->service()) {}

  const IngestOptions& options_;
  std::unique_ptr<Node> node_;
  ingest::Service& service_;
};

// Parse, copy, append; as much at once as requests are under way at once.
class Floor {
 public:
  static Result<std::unique_ptr<Floor>> open(const IngestOptions& options) {
    FRESHET_ASSIGN(auto store, open_log_store(options.dir + "/floor", false));
    return std::unique_ptr<Floor>(new Floor(std::move(store), options));
  }

  Status run(Sender& sender, Measured& sum) {
    for (uint64_t sent = 0; sent < options_.events; sent += options_.batch) {
      const std::string& body = sender.next();
      const Measured begin = Measured::now();
      FRESHET_TRY(take(body));
      if ((sent / options_.batch + 1) % options_.under_way == 0) FRESHET_TRY(append());
      sum.add(begin, Measured::now());
    }
    const Measured begin = Measured::now();
    FRESHET_TRY(append());
    sum.add(begin, Measured::now());
    return {};
  }

 private:
  Floor(std::unique_ptr<kv::Store> store, const IngestOptions& options) : options_(options), store_(std::move(store)) {}

  Status take(const std::string& body) {
    padded_.assign(body);
    padded_.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    simdjson::ondemand::document document;
    simdjson::ondemand::array items;
    const auto broken = [] { return fail(Code::kInvalid, "the body is not a batch"); };
    if (parser_.iterate(padded_.data(), padded_.size(), padded_.capacity()).get(document) != simdjson::SUCCESS ||
        document["batch"].get_array().get(items) != simdjson::SUCCESS)
      return broken();
    for (auto item : items) {
      std::string_view raw;
      simdjson::ondemand::object object;
      if (item.get_object().get(object) != simdjson::SUCCESS || object.raw_json().get(raw) != simdjson::SUCCESS)
        return broken();
      pending_ += raw;
    }
    return {};
  }

  Status append() {
    if (pending_.empty()) return {};
    batch_.clear();
    std::string key(8, '\0');
    // Big-endian, so that keys rise.
    for (size_t i = 0; i < 8; ++i) key[i] = static_cast<char>(next_ >> (56 - 8 * i));
    ++next_;
    batch_.put(key, pending_);
    pending_.clear();
    return store_->write(batch_, kv::Durability::kSynced);
  }

  const IngestOptions& options_;
  std::unique_ptr<kv::Store> store_;
  simdjson::ondemand::parser parser_;
  std::string padded_, pending_;
  kv::WriteBatch batch_;
  uint64_t next_ = 0;
};

Result<Sender> make_sender(const IngestOptions& options) {
  std::vector<Body> bodies;
  for (size_t i = 0; i < kBodies; ++i) {
    FRESHET_ASSIGN(auto body, Body::make({.batch = options.batch, .event_bytes = options.event_bytes, .seed = i + 1}));
    bodies.push_back(std::move(body));
  }
  return Sender(std::move(bodies));
}

void write_figure(JsonWriter& json, double figure) { json.raw(fmt::format("{:.3f}", figure)); }

// The least of several rounds: what else runs on the machine only ever adds.
struct Best {
  double thread_us = 0, process_us = 0, events_per_s = 0;

  void add(const Measured& measured, uint64_t events) {
    const auto n = static_cast<double>(events);
    const double thread = static_cast<double>(measured.thread_ns) / 1e3 / n;
    const double process = static_cast<double>(measured.process_ns) / 1e3 / n;
    thread_us = thread_us == 0 ? thread : std::min(thread_us, thread);
    process_us = process_us == 0 ? process : std::min(process_us, process);
    events_per_s = std::max(events_per_s, n / static_cast<double>(measured.wall_us) * 1e6);
  }
  void write(JsonWriter& json) const {
    write_figure(json.begin_object().key("cpu_us_per_event"), process_us);
    write_figure(json.key("cpu_us_of_requests"), thread_us);
    json.member("events_per_s", static_cast<uint64_t>(events_per_s)).end_object();
  }
};

Status run_ingest(const IngestOptions& options) {
  FRESHET_ASSIGN(auto sender, make_sender(options));
  FRESHET_ASSIGN(auto ingest, Ingest::open(options));
  FRESHET_ASSIGN(auto floor, Floor::open(options));
  Best of_ingest, of_floor;
  for (size_t round = 0; round < options.rounds; ++round) {
    Measured measured;
    FRESHET_TRY(ingest->run(sender, measured));
    of_ingest.add(measured, options.events);
    measured = {};
    FRESHET_TRY(floor->run(sender, measured));
    of_floor.add(measured, options.events);
  }
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("events", options.events).member("rounds", options.rounds);
  of_ingest.write(json.key("ingest"));
  of_floor.write(json.key("floor"));
  write_figure(json.key("ratio_to_floor"), of_ingest.process_us / of_floor.process_us);
  json.end_object();
  if (options.json) return fmt::print("{}\n", out), Status();
  for (const auto& [name, best] : {std::pair{"ingest", of_ingest}, {"floor", of_floor}})
    fmt::print("{:<7} {:.2f} µs of CPU an event, {:.2f} of them on the thread of requests; {:.0f} events/s\n", name,
               best.process_us, best.thread_us, best.events_per_s);
  return {};
}

// Of this process now, in MiB.
double resident_mib() {
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

v1::SchemaChange change_of(const std::string& tenant, v1::SchemaChange::Subject subject, const std::string& of,
                           const std::string& name) {
  v1::SchemaChange change;
  change.set_tenant(tenant);
  change.set_subject(subject);
  change.set_of(of);
  change.set_name(name);
  if (subject != v1::SchemaChange::EVENT) change.set_type("string");
  change.set_at_us(env::real_clock().now_us());
  return change;
}

// As a node is after a start: all tenants, and their schemas as topic `schema` has them.
Status run_tenants(const IngestOptions& options) {
  const double before_mib = resident_mib();
  std::vector<model::Tenant> tenants;
  for (size_t t = 0; t < options.tenants; ++t) {
    model::Tenant& tenant = tenants.emplace_back(model::default_tenant(fmt::format("tenant-{}", t)));
    tenant.write_keys = {fmt::format("write-key-{}", t)};
    tenant.server_keys = {fmt::format("server-key-{}", t)};
  }
  const ingest::Tenants known(std::exchange(tenants, {}));
  const double tenants_mib = resident_mib();
  const auto registry = schema::make_registry();
  for (size_t t = 0; t < options.tenants; ++t) {
    const std::string tenant = fmt::format("tenant-{}", t);
    for (size_t s = 0; s < options.schemas; ++s) {
      const std::string event = fmt::format("Event Number {}", s);
      registry->apply(change_of(tenant, v1::SchemaChange::EVENT, "", event));
      for (size_t p = 0; p < options.properties; ++p)
        registry->apply(change_of(tenant, v1::SchemaChange::EVENT_ATTRIBUTE, event, fmt::format("property_{}", p)));
    }
  }
  FRESHET_ASSERT(known.by_name("tenant-0") != nullptr || options.tenants == 0);
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("tenants", options.tenants).member("schemas", options.schemas);
  json.member("properties", options.properties);
  write_figure(json.key("before_mib"), before_mib);
  write_figure(json.key("with_tenants_mib"), tenants_mib);
  write_figure(json.key("with_schemas_mib"), resident_mib());
  json.end_object();
  fmt::print("{}\n", out);
  return {};
}

IngestOptions parse_options(int argc, char** argv) {
  IngestOptions options;
  CLI::App app{"What ingest alone costs an event, beside its floor; or what tenants take in memory.",
               "freshet-bench-ingest"};
  app.add_option("--events", options.events, "of each round")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--batch", options.batch, "events of one request")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--event-bytes", options.event_bytes)->capture_default_str();
  app.add_option("--under-way", options.under_way, "requests that wait for the disk at once")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--serve", options.serve, "serve with so many threads instead, and print the port")
      ->check(CLI::Range(1, 64));
  app.add_option("--tenants", options.tenants, "measure the memory of so many tenants instead");
  app.add_option("--schemas", options.schemas, "events that each of them knows")->capture_default_str();
  app.add_option("--properties", options.properties, "that each of these events has")->capture_default_str();
  app.add_option("--dir", options.dir, "where its files go; must be empty or missing");
  app.add_flag("--json", options.json);
  try {
    app.parse(argc, argv);
    if (options.tenants == 0 && options.dir.empty()) throw CLI::RequiredError("--dir");
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

Status run(const IngestOptions& options) {
  if (options.tenants > 0) return run_tenants(options);
  if (std::filesystem::exists(options.dir) && !std::filesystem::is_empty(options.dir))
    return fail(Code::kInvalid, fmt::format("--dir {}: not empty", options.dir));
  std::filesystem::create_directories(options.dir);
  if (options.serve > 0)
    return serve({.dir = options.dir + "/log", .partitions = options.partitions, .cores = options.serve});
  return run_ingest(options);
}

}  // namespace
}  // namespace freshet::bench

int main(int argc, char** argv) {
  const auto options = freshet::bench::parse_options(argc, argv);
  if (const auto status = freshet::bench::run(options); !status) {
    fmt::print(stderr, "freshet-bench-ingest: {}\n", status.error().message);
    return status.error().code == freshet::Code::kInvalid ? 2 : 1;
  }
  return 0;
}
