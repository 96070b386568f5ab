// freshet-bench-floor: the least that any program like Freshet must do per event, as one straight loop on one thread
// and the same libraries. What the pipeline costs beyond this is what its guarantees, protocols and threads cost.
//
// Per event: parse the JSON of a tracking batch, look the user up in a table, update attributes, counters and times.
// Per group of events: one durable append of what came in. Every few seconds: the changed entities in one batch without
// a write-ahead log. Not done: HTTP, validation, identity beyond a look-up, deduplication, outputs, profiles to read.
#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "base/hash.h"
#include "common/body.h"
#include "common/cpu_time.h"
#include "common/zipf.h"
#include "env/clock.h"
#include "kv/store.h"

namespace freshet::bench {

namespace {

// The command line.
struct FloorOptions {
  uint64_t events = 3'000'000;
  uint64_t users = 1'000'000;
  double zipf = 0.99;
  double identify = 0.2;
  size_t batch = 100;   // events of one request
  size_t group = 1000;  // events of one durable append
  size_t event_bytes = 500;
  double flush_s = 3;  // between two flushes of the changed entities
  std::string dir;
  bool json = false;
};

// An entity as small as it can be and still do its work: small vectors, no tombstones, no sets.
struct Attribute {
  std::string name;
  std::string value;
  env::TimeUs time_us = 0;
};

struct EventCount {
  std::string name;
  uint64_t count = 0;
  env::TimeUs last_us = 0;
};

struct Entity {
  Hash128 id;
  // The first few lie within the entity, as most have no more.
  absl::InlinedVector<Attribute, 3> attributes;
  absl::InlinedVector<EventCount, 4> events;
  env::TimeUs last_seen_us = 0;
  bool changed = false;
};

// "" if the value is no text.
std::string_view text_of(simdjson::simdjson_result<simdjson::ondemand::value> value) {
  std::string_view text;
  return value.get_string().get(text) == simdjson::SUCCESS ? text : std::string_view();
}

// The straight loop, in steps that the measurement calls.
class Floor {
 public:
  Floor(const FloorOptions& options, kv::Store& log, kv::Store& state) : options_(options), log_(log), state_(state) {}

  // Every user is there from the start: a pipeline that runs for days seldom meets a new one.
  void add_users() {
    entities_.resize(options_.users);
    aliases_.reserve(options_.users);
    for (uint64_t i = 0; i < options_.users; ++i) {
      const std::string user = fmt::format("u{:09}", i);
      Entity& entity = entities_[i];
      entity.id = hash128(user);
      entity.attributes = {{"email", user + "@example.com", 1}, {"city", "Pune", 1}, {"plan", "free", 1}};
      aliases_.emplace(entity.id, static_cast<uint32_t>(i));
    }
  }

  // Takes one request's body, as it came.
  Status take(const std::string& body, env::TimeUs now_us) {
    padded_.assign(body);
    padded_.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    simdjson::ondemand::document document;
    simdjson::ondemand::array items;
    if (parser_.iterate(padded_.data(), padded_.size(), padded_.capacity()).get(document) != simdjson::SUCCESS ||
        document["batch"].get_array().get(items) != simdjson::SUCCESS) {
      return fail(Code::kInvalid, "the body is not a batch");
    }
    for (auto item : items) {
      simdjson::ondemand::object object;
      if (item.get_object().get(object) != simdjson::SUCCESS) return fail(Code::kInvalid, "an item is not an object");
      apply(object, now_us);
    }
    return {};
  }

  // Makes durable what came in since the last call.
  Status append() {
    log_batch_.clear();
    std::string key(8, '\0');
    // The key is a number, big-endian, so that keys rise and the store never has to look for a
    // place.
    for (size_t i = 0; i < 8; ++i) key[i] = static_cast<char>(log_next_ >> (56 - 8 * i));
    ++log_next_;
    log_batch_.put(key, pending_);
    pending_.clear();
    return log_.write(log_batch_, kv::Durability::kSynced);
  }

  // Writes the entities that changed, each once, however often it changed.
  Status write_behind() {
    state_batch_.clear();
    for (const uint32_t index : changed_) {
      Entity& entity = entities_[index];
      entity.changed = false;
      serialize(entity);
      state_batch_.put(entity.id.view(), row_);
    }
    written_ += changed_.size();
    changed_.clear();
    return state_.write(state_batch_, kv::Durability::kNone);
  }

  [[nodiscard]] uint64_t applied() const { return applied_; }
  [[nodiscard]] uint64_t written() const { return written_; }

 private:
  void apply(simdjson::ondemand::object& object, env::TimeUs now_us) {
    std::string_view type;
    std::string_view message_id;
    std::string_view event;
    Entity* entity = nullptr;
    std::string_view raw;
    for (auto field : object) {
      std::string_view key;
      if (field.unescaped_key().get(key) != simdjson::SUCCESS) continue;
      if (key == "type") {
        type = text_of(field.value());
      } else if (key == "messageId") {
        message_id = text_of(field.value());
      } else if (key == "userId") {
        entity = find(text_of(field.value()));
      } else if (key == "event") {
        event = text_of(field.value());
      } else if (key == "traits") {
        if (entity != nullptr) set_traits(field.value(), *entity, now_us);
      } else if (key == "properties") {
        simdjson::ondemand::object properties;
        if (field.value().get_object().get(properties) != simdjson::SUCCESS ||
            properties.raw_json().get(raw) != simdjson::SUCCESS) {
          raw = {};
        }
      }
    }
    // The log's record has what a consumer needs and not the JSON around it.
    for (const std::string_view part : {type, message_id, event, raw}) {
      pending_ += static_cast<char>(part.size());
      pending_ += part;
    }
    if (entity == nullptr) return;
    if (type == "track") count(*entity, event, now_us);
    entity->last_seen_us = std::max(entity->last_seen_us, now_us);
    ++applied_;
  }

  // A look-up is what is left of identity: hash, find, mark as changed.
  Entity* find(std::string_view user) {
    pending_ += user;
    const auto found = aliases_.find(hash128(user));
    if (found == aliases_.end()) return nullptr;
    Entity& entity = entities_[found->second];
    if (!entity.changed) {
      entity.changed = true;
      changed_.push_back(found->second);
    }
    return &entity;
  }

  // Traits are as in the product: the later time wins, and there are at most 256.
  void set_traits(simdjson::simdjson_result<simdjson::ondemand::value> traits, Entity& entity, env::TimeUs now_us) {
    simdjson::ondemand::object object;
    if (traits.get_object().get(object) != simdjson::SUCCESS) return;
    for (auto field : object) {
      std::string_view name;
      if (field.unescaped_key().get(name) != simdjson::SUCCESS) continue;
      const std::string_view value = text_of(field.value());
      pending_ += name;
      pending_ += value;
      auto at = std::ranges::find(entity.attributes, name, &Attribute::name);
      if (at == entity.attributes.end()) {
        if (entity.attributes.size() == 256) continue;
        at = entity.attributes.insert(at, Attribute{std::string(name), {}, 0});
      }
      if (now_us < at->time_us) continue;
      at->value.assign(value);
      at->time_us = now_us;
    }
  }

  static void count(Entity& entity, std::string_view event, env::TimeUs now_us) {
    auto at = std::ranges::find(entity.events, event, &EventCount::name);
    if (at == entity.events.end()) at = entity.events.insert(at, EventCount{std::string(event), 0, 0});
    ++at->count;
    at->last_us = std::max(at->last_us, now_us);
  }

  // A row as bytes, in the simplest way that could be read back.
  void serialize(const Entity& entity) {
    const auto number = [this](auto value) { row_.append(reinterpret_cast<const char*>(&value), sizeof value); };
    const auto text = [this](const std::string& value) {
      row_ += static_cast<char>(value.size());
      row_ += value;
    };
    row_.clear();
    number(entity.last_seen_us);
    for (const Attribute& attribute : entity.attributes) {
      text(attribute.name);
      text(attribute.value);
      number(attribute.time_us);
    }
    for (const EventCount& event : entity.events) {
      text(event.name);
      number(event.count);
      number(event.last_us);
    }
  }

  const FloorOptions& options_;
  kv::Store& log_;
  kv::Store& state_;
  simdjson::ondemand::parser parser_;
  std::string padded_;
  std::string pending_;
  std::string row_;
  kv::WriteBatch log_batch_;
  kv::WriteBatch state_batch_;
  absl::flat_hash_map<Hash128, uint32_t, Hash128Hasher> aliases_;
  std::vector<Entity> entities_;
  std::vector<uint32_t> changed_;
  uint64_t log_next_ = 0;
  uint64_t applied_ = 0;
  uint64_t written_ = 0;
};

FloorOptions parse_options(int argc, char** argv) {
  FloorOptions options;
  CLI::App app{"The least that any such program must do per event on this machine.", "freshet-bench-floor"};
  app.add_option("--events", options.events)->capture_default_str();
  app.add_option("--users", options.users)->check(CLI::Range(uint64_t{1}, kUsersMax))->capture_default_str();
  app.add_option("--zipf", options.zipf)->capture_default_str();
  app.add_option("--identify", options.identify)->capture_default_str();
  app.add_option("--batch", options.batch, "events of one request")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--group", options.group, "events of one durable append")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--event-bytes", options.event_bytes)->capture_default_str();
  app.add_option("--flush-s", options.flush_s, "seconds between two flushes of what changed")->capture_default_str();
  app.add_option("--dir", options.dir, "where its files go; must be empty or missing")->required();
  app.add_flag("--json", options.json);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

// Several bodies, so that the processor does not learn the one by heart.
Result<std::vector<Body>> make_bodies(const FloorOptions& options) {
  constexpr size_t kBodies = 16;
  std::vector<Body> bodies;
  for (size_t i = 0; i < kBodies; ++i) {
    auto body = Body::make({.batch = options.batch,
                            .event_bytes = options.event_bytes,
                            .identify_share = options.identify,
                            .seed = i + 1});
    if (!body) return tl::unexpected<Error>(body.error());
    bodies.push_back(std::move(*body));
  }
  return bodies;
}

// Sums over the whole run.
struct Measured {
  int64_t cpu_ns = 0;
  env::TimeUs wall_us = 0;
};

void fill(Body& body, const Zipf& zipf, Numbers& numbers, uint64_t first, env::TimeUs now_us) {
  for (size_t i = 0; i < body.items(); ++i) {
    body.set_user(i, zipf.sample(numbers));
    body.set_message_id(i, "000000000000", first + i);
  }
  body.set_time(now_us);
}

// Measures all of the process, RocksDB's threads too, but not the making of the bodies: a sender
// does that.
Result<Measured> run_loop(const FloorOptions& options, Floor& floor, std::vector<Body>& bodies) {
  env::Clock& clock = env::real_clock();
  Numbers numbers(1);
  const Zipf zipf(options.users, options.zipf);
  Measured sum{-process_cpu_ns(), -clock.monotonic_us()};
  env::TimeUs flushed_us = clock.monotonic_us();
  size_t waiting = 0;
  for (uint64_t sent = 0; sent < options.events; sent += options.batch) {
    Body& body = bodies[sent / options.batch % bodies.size()];
    const int64_t fill_cpu_ns = thread_cpu_ns();
    const env::TimeUs fill_us = clock.monotonic_us();
    fill(body, zipf, numbers, sent, clock.now_us());
    const env::TimeUs start_us = clock.monotonic_us();
    sum.cpu_ns -= thread_cpu_ns() - fill_cpu_ns;
    sum.wall_us -= start_us - fill_us;
    FRESHET_TRY(floor.take(body.text(), clock.now_us()));
    waiting += options.batch;
    if (waiting >= options.group) {
      FRESHET_TRY(floor.append());
      waiting = 0;
    }
    // As the product does: changed entities are written every few seconds, without a log.
    if (static_cast<double>(start_us - flushed_us) >= options.flush_s * 1e6) {
      FRESHET_TRY(floor.write_behind());
      flushed_us = start_us;
    }
  }
  sum.cpu_ns += process_cpu_ns();
  sum.wall_us += clock.monotonic_us();
  return sum;
}

// Two stores, set up as the product's: one for small rows that are looked up, one for large values
// that are read in order.
Status run_floor(const FloorOptions& options) {
  if (std::filesystem::exists(options.dir) && !std::filesystem::is_empty(options.dir)) {
    return fail(Code::kInvalid, fmt::format("--dir {}: not empty", options.dir));
  }
  std::filesystem::create_directories(options.dir);
  kv::Options store;
  store.memory = kv::make_memory_budget(512u << 20);
  store.path = options.dir + "/state";
  auto state = kv::open_rocks(store);
  if (!state) return tl::unexpected<Error>(state.error());
  store.path = options.dir + "/log";
  store.large_values = true;
  store.point_reads = false;
  auto log = kv::open_rocks(store);
  if (!log) return tl::unexpected<Error>(log.error());
  auto bodies = make_bodies(options);
  if (!bodies) return tl::unexpected<Error>(bodies.error());
  Floor floor(options, **log, **state);
  floor.add_users();
  const auto measured = run_loop(options, floor, *bodies);
  if (!measured) return tl::unexpected<Error>(measured.error());
  const auto events = static_cast<double>(floor.applied());
  const double events_per_s = events / static_cast<double>(measured->wall_us) * 1e6;
  const double cpu_us = static_cast<double>(measured->cpu_ns) / 1e3 / events;
  if (options.json) {
    fmt::print(R"({{"events":{},"events_per_s":{:.0f},"cpu_us_per_event":{:.3f},"entities_written":{}}})"
               "\n",
               floor.applied(), events_per_s, cpu_us, floor.written());
  } else {
    fmt::print("{} events, {:.0f} events/s, {:.2f} µs CPU an event, {} entities written\n", floor.applied(),
               events_per_s, cpu_us, floor.written());
  }
  return {};
}

}  // namespace

}  // namespace freshet::bench

int main(int argc, char** argv) {
  const auto options = freshet::bench::parse_options(argc, argv);
  if (const auto status = freshet::bench::run_floor(options); !status) {
    fmt::print(stderr, "freshet-bench-floor: {}\n", status.error().message);
    return status.error().code == freshet::Code::kInvalid ? 2 : 1;
  }
  return 0;
}
