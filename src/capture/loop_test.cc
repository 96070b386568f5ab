// A capture of documents in memory into a cluster in memory, killed at any step.
#include "capture/loop.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <limits>

#include "base/hash.h"
#include "telemetry/metrics.h"
#include "testing/cluster/fake_cluster.h"
#include "testing/fake_documents.h"

namespace freshet::capture {
namespace {

using testing::FakeCluster;
using testing::FakeDocuments;
using testing::Killed;

struct Sides {
  env::FakeClock clock;
  FakeCluster cluster{clock};
  FakeDocuments source{clock};
};

Config shop() {
  Config config;
  config.name = "shop";
  config.prefix = "freshet.capture.shop";
  config.topic = "shop.*";
  config.partitions = 3;
  config.source.collections = {"orders", "cust*"};
  return config;
}

struct Captured {
  Captured(Sides& sides, Config with, bool snapshot = false)
      : config(std::move(with)),
        target(sides.cluster.admin()),
        writer(sides.cluster.writer(config.prefix)),
        source(sides.source.reader(config.source.collections)),
        loop({config, *source, *target, *writer,
              [&sides] { return Result<std::unique_ptr<cluster::Reader>>(sides.cluster.reader()); }, sides.clock,
              snapshot}) {}
  Config config;
  std::unique_ptr<cluster::Admin> target;
  std::unique_ptr<cluster::Writer> writer;
  std::unique_ptr<docstore::ChangeReader> source;
  Loop loop;
};

void run(Captured& process, int steps) {
  for (int i = 0; i < steps; ++i) {
    const Status done = process.loop.step();
    ASSERT_TRUE(done) << done.error().message;
  }
}

std::string text(const std::string& id, int version) {
  return R"({"_id":)" + id + R"(,"v":)" + std::to_string(version) + "}";
}

// What a reader of the topic from its beginning has at the end: the last record of each key.
FakeDocuments::Documents replayed(const FakeCluster& cluster, const std::string& topic) {
  FakeDocuments::Documents out;
  for (uint32_t p = 0; p < cluster.partitions(topic); ++p) {
    for (const auto& [offset, record] : cluster.committed(topic, static_cast<int32_t>(p))) {
      EXPECT_EQ(partition_of(*record.key, cluster.partitions(topic)), p);
      out.erase(*record.key);
      if (!record.value) continue;
      simdjson::dom::parser parser;
      const simdjson::padded_string padded(*record.value);
      const simdjson::dom::element value = parser.parse(padded);
      if (!value["after"].is_null()) out[*record.key] = simdjson::minify(value["after"].value());
    }
  }
  return out;
}

bool same(const Sides& sides, const std::string& collection) {
  const auto there = sides.source.collections.find(collection);
  const auto documents = there == sides.source.collections.end() ? FakeDocuments::Documents() : there->second;
  return replayed(sides.cluster, "shop." + collection) == documents;
}

TEST(CaptureLoop, WritesDocumentsThenChanges) {
  Sides sides;
  for (int i = 0; i < 20; ++i) sides.source.put("orders", std::to_string(i), text(std::to_string(i), 0));
  sides.source.put("others", "1", text("1", 0));
  Captured process(sides, shop());
  run(process, 10);
  EXPECT_TRUE(process.loop.standing().following);
  sides.source.put("orders", "3", text("3", 1));
  sides.source.erase("orders", "4");
  sides.source.put("customers", "1", text("1", 0));
  run(process, 4);
  EXPECT_TRUE(same(sides, "orders"));
  EXPECT_TRUE(same(sides, "customers"));
  EXPECT_FALSE(sides.cluster.topics.contains("shop.others"));
  EXPECT_EQ(sides.cluster.partitions("shop.orders"), 3u);
  const auto records = sides.cluster.committed("shop.orders", static_cast<int32_t>(partition_of("4", 3)));
  EXPECT_EQ(records.at(records.size() - 1).second.value, std::nullopt);
  EXPECT_NE(records.at(records.size() - 2).second.value->find(R"("op":"delete","collection":"orders")"),
            std::string::npos);
}

// Processes that are killed within any call of either side while documents change; two at a time, of which one is
// fenced. Collections are dropped and renamed meanwhile.
RC_GTEST_PROP(CaptureLoop, TheTopicGivesTheDocumentsWhateverHappens, ()) {
  Sides sides;
  int until_kill = -1, version = 0;
  const auto maybe = [&](const char*) {
    if (until_kill > 0 && --until_kill == 0) throw Killed();
  };
  const auto change = [&](int op) {
    const std::string collection = op % 5 == 0 ? "customers" : "orders", id = std::to_string(op * 7 % 23);
    if (op % 4 == 0) sides.source.erase(collection, id);
    if (op % 4 != 0) sides.source.put(collection, id, text(id, ++version));
    if (op == 11) sides.source.drop(collection);
    if (op == 22) sides.source.rename("orders", "custom");
    if (op == 33) sides.source.rename("customers", "else");
    if (op == 44) sides.source.rename("else", "customers");
  };
  for (int i = 0; i < 12; ++i) change(i * 3 + 1);
  // Documents change between any two steps of the capture, too.
  const auto ops = *rc::gen::container<std::vector<int>>(50, rc::gen::inRange(0, 100));
  size_t next = 0;
  sides.source.at_call = [&](const char* call) {
    maybe(call);
    if (next >= ops.size()) return;
    change(ops[next] / 2 + static_cast<int>(next % 3));
    ++next;
  };
  sides.cluster.at_step = maybe;
  std::vector<std::unique_ptr<Captured>> processes(2);
  for (const int op : ops) {
    change(op);
    auto& process = processes[op % 10 == 0 ? 1 : 0];
    if (process == nullptr) process = std::make_unique<Captured>(sides, shop(), op % 17 == 0);
    until_kill = op % 3 == 0 ? op / 7 + 1 : -1;
    try {
      const Status done = process->loop.step();
      if (!done) {
        RC_ASSERT(done.error().code == Code::kFenced);
        process.reset();
      }
    } catch (const Killed&) {
      process.reset();
    }
  }
  until_kill = -1;
  next = ops.size();
  Captured last(sides, shop());
  for (int i = 0; i < 150; ++i) RC_ASSERT(last.loop.step().has_value());
  RC_ASSERT(last.loop.standing().following);
  for (const char* collection : {"orders", "customers", "custom"}) RC_ASSERT(same(sides, collection));
}

TEST(CaptureLoop, TellsThatThePositionIsTooOld) {
  Sides sides;
  sides.source.put("orders", "1", text("1", 0));
  sides.source.put("orders", "2", text("2", 0));
  {
    Captured process(sides, shop());
    run(process, 4);
  }
  sides.source.erase("orders", "1");
  sides.source.put("orders", "2", text("2", 1));
  sides.source.drop("customers");
  sides.source.forget_log();
  Captured late(sides, shop());
  const Status done = late.loop.step();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kFatal);
  EXPECT_NE(done.error().message.find("--snapshot"), std::string::npos);
  Captured anew(sides, shop(), true);
  run(anew, 10);
  EXPECT_TRUE(same(sides, "orders"));
}

TEST(CaptureLoop, SetsAsideWhatTheTopicCantHave) {
  Sides sides;
  sides.cluster.make("shop.orders", 1, {{"max.message.bytes", "2000", cluster::ConfigSource::kTopic, false, false}});
  sides.source.put("orders", "1", R"({"_id":1,"a":")" + std::string(3000, 'x') + R"("})");
  sides.source.put("orders", "2", text("2", 0));
  Captured process(sides, shop());
  run(process, 4);
  const auto letters = sides.cluster.committed(letters_topic(process.config), 0);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].second.key, "1");
  EXPECT_EQ(letters[0].second.headers.at(0).first, "freshet.capture.reason");
  EXPECT_EQ(replayed(sides.cluster, "shop.orders"), (FakeDocuments::Documents{{"2", text("2", 0)}}));
  EXPECT_NE(sides.cluster.committed("shop.orders", 0).at(0).second.value->find("set_aside"), std::string::npos);
  sides.source.put("orders", "1", text("1", 1));
  run(process, 2);
  EXPECT_TRUE(same(sides, "orders"));
}

TEST(CaptureLoop, ATimeAtTheEndOf64Bits) {
  Sides sides;
  Captured process(sides, shop());
  run(process, 10);
  sides.source.put("orders", "1", text("1", 0));
  sides.source.log.back().at_ms = std::numeric_limits<int64_t>::max();
  const auto& latency = telemetry::histogram("freshet_capture_latency_us", "");
  const double before = latency.sum_us();
  run(process, 4);
  EXPECT_TRUE(same(sides, "orders"));
  EXPECT_EQ(latency.sum_us() - before, 1);
}

TEST(CaptureLoop, LeavesTombstonesByChoice) {
  for (const Deletes deletes : {Deletes::kRecord, Deletes::kTombstone}) {
    Sides sides;
    Config config = shop();
    config.deletes = deletes;
    sides.source.put("orders", "1", text("1", 0));
    Captured process(sides, config);
    run(process, 4);
    sides.source.erase("orders", "1");
    run(process, 2);
    const auto records = sides.cluster.committed("shop.orders", static_cast<int32_t>(partition_of("1", 3)));
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[1].second.value.has_value(), deletes == Deletes::kRecord);
  }
}

TEST(CaptureLoop, AnotherProcessTakesOver) {
  Sides sides;
  sides.source.put("orders", "1", text("1", 0));
  Captured old(sides, shop());
  run(old, 4);
  Captured young(sides, shop());
  run(young, 1);
  sides.source.put("orders", "1", text("1", 1));
  const Status done = old.loop.step();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kFenced);
  run(young, 2);
  EXPECT_TRUE(same(sides, "orders"));
}

// A topic that takes less than the others has the id taken anew, which also takes it back from who has it by right.
TEST(CaptureLoop, WhoTakesTheIdBackGoesOnWhereTheOtherOneCame) {
  Sides sides;
  sides.cluster.make("shop.customers", 1, {{"max.message.bytes", "2000", cluster::ConfigSource::kTopic, false, false}});
  sides.source.put("orders", "1", text("1", 0));
  Captured old(sides, shop());
  run(old, 4);
  Captured young(sides, shop());
  sides.source.put("orders", "1", text("1", 1));
  run(young, 2);
  sides.source.put("customers", "1", text("1", 0));
  run(old, 3);
  run(young, 3);
  const auto orders = sides.cluster.committed("shop.orders", static_cast<int32_t>(partition_of("1", 3)));
  EXPECT_EQ(orders.size(), 2u) << "each change is told once";
  EXPECT_EQ(sides.cluster.committed("shop.customers", 0).size(), 1u);
  EXPECT_TRUE(same(sides, "orders"));
  EXPECT_TRUE(same(sides, "customers"));
}

TEST(CapturePosition, IsReadAsItWasWritten) {
  const Position position{R"({"oplog":{"$timestamp":{"t":1,"i":2}}})", {"a", "b"}, {{"a", true, true, "\"x\""}}};
  EXPECT_EQ(encode(position), R"({"v":1,"at":"{\"oplog\":{\"$timestamp\":{\"t\":1,\"i\":2}}}","known":["a","b"],)"
                              R"("todo":[{"collection":"a","sweep":true,"snapshot":true,"after":"\"x\""}]})");
  EXPECT_EQ(decode_position(encode(position)), position);
  for (const char* wrong : {"", "{}", R"({"v":2,"at":"x","known":[],"todo":[]})", R"({"v":1,"at":"","known":[1]})"})
    EXPECT_FALSE(decode_position(wrong)) << wrong;
}

}  // namespace
}  // namespace freshet::capture
