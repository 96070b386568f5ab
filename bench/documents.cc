// freshet-bench-documents: how many documents a second go into MongoDB, and what that costs this
// process, not the server.
//
// First every profile is made (a whole document), then changed as an event changes it (a count, two
// times, two computed attributes and one attribute: operators), in the bulks that reaction hands
// over.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <string>
#include <vector>

#include "base/assert.h"
#include "common/cpu_time.h"
#include "docstore/mongo/mongo_store.h"
#include "env/clock.h"

namespace freshet::bench {
namespace {

constexpr size_t kBulk = 1000;
constexpr size_t kInFlightMax = 4;  // as ReactorOptions::bulks_in_flight_max

v1::ChangeOp& add_op(v1::Change& change, v1::Section section, const std::string& name) {
  v1::ChangeOp& op = *change.add_ops();
  op.set_type(v1::ChangeOp::SET);
  op.set_section(section);
  op.set_name(name);
  return op;
}

// The first version is a whole document, later ones are what one event changes.
v1::Change change_of(const std::string& tenant, uint64_t entity, uint64_t version) {
  const int64_t now = 1'700'000'000'000'000 + static_cast<int64_t>(version) * 1'000'000;
  v1::Change change;
  change.set_tenant(tenant);
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id(std::string(hash128(std::to_string(entity)).view()));
  change.set_version(version);
  if (version == 1) {
    auto& ids = *add_op(change, v1::IDENTIFIERS, "user_id").mutable_value()->mutable_list();
    ids.add_values()->set_text("user-" + std::to_string(entity));
    for (int i = 0; i < 10; ++i)
      add_op(change, v1::ATTRIBUTES, fmt::format("attribute_{}", i)).mutable_value()->set_text("some value of it");
  } else {
    add_op(change, v1::ATTRIBUTES, "attribute_3").mutable_value()->set_text("another value");
  }
  auto& stats = *add_op(change, v1::EVENTS, "Order Completed").mutable_value()->mutable_stats();
  stats.set_count(version);
  stats.set_first_us(now);
  stats.set_last_us(now);
  add_op(change, v1::COMPUTED, "lifetime_value").mutable_value()->set_decimal("12.5");
  add_op(change, v1::COMPUTED, "purchases").mutable_value()->set_integer(static_cast<int64_t>(version));
  if (version == 1) add_op(change, v1::FIRST_SEEN, "").mutable_value()->set_time_us(now);
  add_op(change, v1::LAST_SEEN, "").mutable_value()->set_time_us(now);
  return change;
}

// What came of one round.
struct Round {
  double documents_per_s = 0;
  double cpu_us_per_document = 0;
  size_t failed = 0;
};

// Writes all documents at this version, as many bulks at a time as reaction has under way.
Round run(docstore::DocStore& store, const std::string& tenant, uint64_t entities, uint64_t version) {
  std::mutex mutex;
  std::condition_variable changed;
  size_t in_flight = 0;
  Round round;
  double made_us = 0;
  const env::TimeUs began = env::real_clock().monotonic_us();
  const double cpu_before = static_cast<double>(process_cpu_ns()) / 1000;
  for (uint64_t at = 0; at < entities;) {
    const double before = static_cast<double>(thread_cpu_ns()) / 1000;
    std::vector<v1::Change> bulk;
    for (; at < entities && bulk.size() < kBulk; ++at) bulk.push_back(change_of(tenant, at, version));
    // Making the changes is the bench's own work, so its time is taken off.
    made_us += static_cast<double>(thread_cpu_ns()) / 1000 - before;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return in_flight < kInFlightMax; });
    ++in_flight;
    lock.unlock();
    store.write(std::move(bulk), [&](const std::vector<v1::Change>&, const std::vector<Status>& results) {
      FRESHET_ASSERT(!results.empty());
      const std::lock_guard guard(mutex);
      for (const Status& result : results) round.failed += result ? 0 : 1;
      --in_flight;
      changed.notify_all();
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return in_flight == 0; });
  const double seconds = static_cast<double>(env::real_clock().monotonic_us() - began) / 1e6;
  round.documents_per_s = static_cast<double>(entities) / seconds;
  round.cpu_us_per_document =
      (static_cast<double>(process_cpu_ns()) / 1000 - cpu_before - made_us) / static_cast<double>(entities);
  return round;
}

int main_of(int argc, char** argv) {
  CLI::App app{"documents a second into MongoDB"};
  std::string uri;
  uint64_t entities = 100'000;
  app.add_option("--uri", uri, "connection string")->required();
  app.add_option("--entities", entities, "documents");
  CLI11_PARSE(app, argc, argv);
  docstore::MongoOptions options;
  options.uri = uri;
  options.clock = &env::real_clock();
  // A new tenant for each run: documents that are there already would be stale and cost nothing.
  const std::string tenant = "bench" + std::to_string(env::real_clock().now_us());
  options.tenants = {{tenant, {"user_id"}, {}}};
  auto store = docstore::open_mongo_store(options);
  if (!store) return std::cerr << store.error().message << "\n", 1;
  const Round made = run(**store, tenant, entities, 1);
  const Round changed = run(**store, tenant, entities, 2);
  const auto show = [](const Round& round) {
    return fmt::format(R"({{"documents_per_s":{:.0f},"cpu_us_per_document":{:.2f}}})", round.documents_per_s,
                       round.cpu_us_per_document);
  };
  std::cout << fmt::format(R"({{"documents":{},"made":{},"changed":{}}})", entities, show(made), show(changed)) << "\n";
  return made.failed + changed.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace freshet::bench

int main(int argc, char** argv) { return freshet::bench::main_of(argc, argv); }
