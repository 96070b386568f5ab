#include "reaction/reactor.h"

#include <gtest/gtest.h>

#include <future>

#include "docstore/embedded/embedded_store.h"
#include "eventlog/embedded/embedded_log.h"
#include "model/document.h"
#include "testing/change_generator.h"
#include "testing/memory_store.h"

namespace freshet::reaction {
namespace {

using model::testing::make_op;
using model::testing::text_value;

constexpr int kEntities = 20;
constexpr uint64_t kVersions = 30;

std::string id_of(int entity) { return std::string(hash128(std::to_string(entity)).view()); }

std::string change_of(int entity, uint64_t version) {
  v1::Change change;
  change.set_tenant("acme");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id(id_of(entity));
  change.set_version(version);
  *change.add_ops() = make_op(v1::ChangeOp::SET, v1::ATTRIBUTES, "n", text_value(std::to_string(version)));
  return change.SerializeAsString();
}

std::unique_ptr<kv::Store> memory_store(const kv::MergeFn& merge) {
  kv::Options options;
  options.merge = merge;
  return kv::open_memory(std::make_shared<kv::MemoryDisk>(), options);
}

// The thread, on the embedded log and store: what was read is written and committed when stop() returns.
TEST(Reactor, WritesAndCommits) {
  auto opened = eventlog::open_embedded_log(memory_store({}), env::real_clock(), {});
  ASSERT_TRUE(opened) << opened.error().message;
  eventlog::EventLog& log = **opened;
  for (const auto topic : {eventlog::Topic::kChanges, eventlog::Topic::kDeadLetters}) {
    ASSERT_TRUE(log.create_topic(topic, {}));
  }
  const auto store = docstore::open_embedded_store(memory_store(docstore::merge_document));
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = {eventlog::Topic::kChanges, 0};
  for (uint64_t version = 1; version <= kVersions; ++version) {
    for (int entity = 0; entity < kEntities; ++entity) batches[0].records.add({}, change_of(entity, version));
  }
  std::promise<Status> appended;
  log.append(std::move(batches), [&](Status status) { appended.set_value(std::move(status)); });
  ASSERT_TRUE(appended.get_future().get());

  ReactorOptions options;
  options.log = &log;
  options.store = store.get();
  options.clock = &env::real_clock();
  auto reactor = Reactor::start(options);
  ASSERT_TRUE(reactor) << reactor.error().message;
  const auto written = [&](int entity) {
    const auto found = store->get({"acme", v1::ENTITY_KIND_USER, Hash128::from(id_of(entity))}).value();
    return found && found->document.version() == kVersions;
  };
  for (int i = 0; i < 10'000 && !written(kEntities - 1); ++i) env::real_clock().sleep_us(1'000);
  (*reactor)->stop();
  EXPECT_TRUE((*reactor)->status());
  for (int entity = 0; entity < kEntities; ++entity) EXPECT_TRUE(written(entity)) << entity;
  const auto high = log.watermarks({eventlog::Topic::kChanges, 0})->high;
  EXPECT_EQ(log.committed("reaction", {eventlog::Topic::kChanges, 0}).value(), high);
}

}  // namespace
}  // namespace freshet::reaction
