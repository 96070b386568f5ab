// freshet-bench-ids: what deduplication costs an event once a partition has many message ids behind it.
//
//   --seed N --states DIR   gives the states below DIR, those of a process that was stopped, N ids in the spans before
//                           their clocks' own, settled, so that the whole pipeline can be measured with them
//   --seed N --dir DIR      makes a state of its own with N ids, unless DIR has one, and measures that
//
// Ids are hashes, so they are made evenly spread and in order, and no sorting of a day of them is needed. Prints one
// JSON object; the CPU times are those of all threads, with what the store compacts meanwhile.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/assert.h"
#include "common/cpu_time.h"
#include "kv/store.h"
#include "state/partition_state.h"

namespace freshet::bench {
namespace {

constexpr int64_t kClockUs = 1'750'000'000'000'000;
constexpr uint64_t kRowsOfAFile = 4'000'000;
constexpr size_t kBatch = 500;

struct Options {
  std::string states, dir;
  uint64_t seed = 0;
  uint32_t spans = 1;
  uint64_t events = 1'000'000;
  uint64_t warm_up = 1'000'000;
  uint64_t persist_every = 100'000;
  uint64_t numbers = 1;
  uint64_t store_mib = 128, memory_mib = 896;
  double repeated = 0.01;
};

uint64_t mixed(uint64_t x) {
  x ^= x >> 31;
  x *= 0x9e3779b97f4a7c15u;
  x ^= x >> 29;
  return x * 0xbf58476d1ce4e5b9u;
}

// The i-th of `of` ids, ascending.
Hash128 seeded_id(uint64_t i, uint64_t of) {
  const uint64_t step = UINT64_MAX / of;
  const uint64_t words[] = {__builtin_bswap64(i * step + mixed(i) % step), mixed(i + 1)};
  return Hash128::from({reinterpret_cast<const char*>(words), sizeof words});
}

Hash128 new_id(uint64_t numbers, uint64_t i) {
  const uint64_t words[] = {mixed(numbers << 40 | i), mixed(i ^ 0x5851f42d4c957f2du)};
  return hash128({reinterpret_cast<const char*>(words), sizeof words});
}

uint64_t ids_of(uint64_t all, uint32_t spans, uint32_t nth) { return all / spans + (nth < all % spans ? 1 : 0); }

// Writes the ids under the spans before the one of the state's clock, and lets the store settle.
Status seed(kv::Store& store, uint64_t ids, uint32_t spans) {
  FRESHET_ASSIGN(const auto row, store.get(state::kMetaRow));
  v1::PartitionMeta meta;
  if (row && !meta.ParseFromString(*row)) return fail(Code::kCorrupt, "the meta row can't be decoded");
  if (!row) meta.set_format(state::kStateFormat);
  if (meta.highest_received_at_us() == 0) meta.set_highest_received_at_us(kClockUs);
  const uint32_t now = state::seen_span_of(meta.highest_received_at_us());
  meta.set_seen_first_span(now - spans);
  for (uint32_t nth = 0; nth < spans; ++nth) {
    const uint64_t of = ids_of(ids, spans, nth);
    const std::string prefix = state::seen_rows_of(now - spans + nth);
    for (uint64_t i = 0; i < of; i += kRowsOfAFile)
      FRESHET_TRY(store.write_sorted([&](kv::SortedRows& rows) {
        for (uint64_t at = i; at < std::min(of, i + kRowsOfAFile); ++at)
          rows.put(prefix + std::string(seeded_id(at, of).view()), {});
      }));
  }
  FRESHET_TRY(store.write_sorted([&](kv::SortedRows& rows) { rows.put(state::kMetaRow, meta.SerializeAsString()); }));
  std::atomic<bool> canceled{false};
  return store.scrub(canceled);
}

kv::Options store_options(const std::string& path, uint64_t mib) {
  kv::Options options;
  options.path = path;
  options.memory = kv::make_memory_budget(mib << 20);
  return options;
}

Status seed_states(const Options& options) {
  std::vector<std::string> states;
  for (const auto& entry : std::filesystem::directory_iterator(options.states))
    if (entry.is_directory()) states.push_back(entry.path().string());
  std::sort(states.begin(), states.end());
  for (size_t p = 0; p < states.size(); ++p) {
    FRESHET_ASSIGN(const auto store, kv::open_rocks(store_options(states[p], options.store_mib)));
    FRESHET_TRY(seed(*store, ids_of(options.seed, static_cast<uint32_t>(states.size()), static_cast<uint32_t>(p)),
                     options.spans));
  }
  fmt::print("{{\"states\":{},\"ids\":{}}}\n", states.size(), options.seed);
  return {};
}

uint64_t bytes_written() {
  std::ifstream io("/proc/self/io");
  std::string name;
  for (uint64_t value = 0; io >> name >> value;)
    if (name == "write_bytes:") return value;
  return 0;
}

// Events with new ids, but for some that repeat a seeded one, in batches; each so often all is made durable.
class Run {
 public:
  Run(state::PartitionState& state, const Options& options)
      : state_(state), options_(options), per_span_(ids_of(options.seed, options.spans, 0)) {}

  Status events(uint64_t count) {
    std::vector<Hash128> ids;
    for (uint64_t done = 0; done < count; done += kBatch) {
      ids.clear();
      for (size_t i = 0; i < kBatch; ++i) {
        ++next_;
        const bool again = per_span_ > 0 && chance_(random_) < options_.repeated;
        repeated += again ? 1 : 0;
        ids.push_back(again ? seeded_id(random_() % per_span_, per_span_) : new_id(options_.numbers, next_));
      }
      const int64_t begin = thread_cpu_ns();
      state_.prefetch_seen(ids);
      for (const Hash128& id : ids) dropped += state_.first_sight(id, kClockUs) ? 0 : 1;
      worker_ns += thread_cpu_ns() - begin;
      state_.settle();
      FRESHET_TRY(state_.status());
      if (next_ % options_.persist_every < kBatch) FRESHET_TRY(state_.persist());
    }
    return {};
  }

  uint64_t repeated = 0, dropped = 0;
  int64_t worker_ns = 0;

 private:
  state::PartitionState& state_;
  const Options& options_;
  const uint64_t per_span_;
  uint64_t next_ = 0;
  std::mt19937_64 random_{options_.numbers};
  std::uniform_real_distribution<double> chance_;
};

Status measure(const Options& options) {
  if (!std::filesystem::exists(options.dir)) {
    FRESHET_ASSIGN(const auto store, kv::open_rocks(store_options(options.dir, 512)));
    FRESHET_TRY(seed(*store, options.seed, options.spans));
  }
  FRESHET_ASSIGN(auto state, state::PartitionState::open(store_options(options.dir, options.store_mib),
                                                         {.memory_bytes = options.memory_mib << 20}, kv::open_rocks));
  Run run(*state, options);
  const int64_t begin = process_cpu_ns();
  FRESHET_TRY(run.events(options.warm_up));
  const int64_t warm = process_cpu_ns();
  const uint64_t bytes = bytes_written();
  run.worker_ns = 0;
  FRESHET_TRY(run.events(options.events));
  const auto us = [](int64_t ns, uint64_t events) {
    return static_cast<double>(ns) / 1e3 / static_cast<double>(events);
  };
  fmt::print(
      "{{\"ids\":{},\"spans\":{},\"events\":{},\"warm_up_cpu_s\":{:.1f},\"cpu_us_per_event\":{:.2f},"
      "\"look_up_us_per_event\":{:.2f},\"bytes_written_per_event\":{},\"repeated\":{},\"dropped\":{}}}\n",
      options.seed, options.spans, options.events, static_cast<double>(warm - begin) / 1e9,
      us(process_cpu_ns() - warm, options.events), us(run.worker_ns, options.events),
      (bytes_written() - bytes) / options.events, run.repeated, run.dropped);
  return {};
}

}  // namespace
}  // namespace freshet::bench

int main(int argc, char** argv) {
  CLI::App app("What deduplication costs with many message ids");
  freshet::bench::Options options;
  app.add_option("--seed", options.seed, "Ids that were seen before");
  app.add_option("--spans", options.spans, "Spans of four hours in which they were")->check(CLI::Range(1, 6));
  auto* states = app.add_option("--states", options.states, "Only seed the states below this directory");
  app.add_option("--dir", options.dir, "A state of its own")->excludes(states);
  app.add_option("--events", options.events, "Events measured")->check(CLI::PositiveNumber);
  app.add_option("--warm-up", options.warm_up, "Events before");
  app.add_option("--persist-every", options.persist_every, "Events between two persists")->check(CLI::PositiveNumber);
  app.add_option("--numbers", options.numbers, "Other numbers make other ids");
  app.add_option("--store-mib", options.store_mib, "Memory of the store");
  app.add_option("--memory-mib", options.memory_mib, "Memory of rows, of which filters take a quarter; 0: no filters");
  app.add_option("--repeated", options.repeated, "Share of events that repeat a seeded id")
      ->check(CLI::Range(0.0, 1.0));
  CLI11_PARSE(app, argc, argv);
  const auto done = options.states.empty() ? freshet::bench::measure(options) : freshet::bench::seed_states(options);
  if (done) return 0;
  fmt::print(stderr, "{}\n", done.error().message);
  return 1;
}
