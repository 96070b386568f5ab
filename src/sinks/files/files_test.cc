#include "sinks/files/files.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "sinks/files/layout.h"
#include "testing/dice.h"
#include "testing/memory_object_store.h"
#include "testing/parquet_reader.h"
#include "testing/sink_log.h"

namespace freshet::sinks {
namespace {

using objectstore::MemoryStore;
using objectstore::SharedStore;

struct Lake {
  std::set<std::string> files;    // that are there
  std::set<std::string> written;  // that manifests name
  std::map<int, int> numbers;     // how often each is in a file of a manifest
};

// Of each row of a file.
std::vector<std::string> properties_of(const std::string& path, const std::string& content) {
  std::vector<std::string> all;
  if (path.ends_with(".parquet")) {
    const ParquetTable table = ParquetReader(content).read();
    for (const auto& cell : table.columns.at("properties")) all.push_back(cell.value_or("null"));
    return all;
  }
  std::istringstream lines(content);
  simdjson::dom::parser parser;
  for (std::string line; std::getline(lines, line);)
    all.push_back(simdjson::minify(parser.parse(line)["properties"].value()));
  return all;
}

Lake read_lake(const MemoryStore& store) {
  Lake lake;
  for (const auto& [key, content] : store.objects) {
    if (key.find("/_plan/") != std::string::npos) continue;
    if (key.find("/_manifest/") == std::string::npos) {
      lake.files.insert(key);
      continue;
    }
    const auto plan = parse_plan(content);
    EXPECT_TRUE(plan) << key << ": " << content;
    if (!plan) continue;
    for (const PlannedFile& file : plan->files) {
      EXPECT_TRUE(lake.written.insert(file.path).second) << file.path << " is in two manifests";
      const auto found = store.objects.find(file.path);
      if (found == store.objects.end()) {
        ADD_FAILURE() << file.path << " is in a manifest and not there";
        continue;
      }
      EXPECT_EQ(found->second.size(), file.bytes);
      const std::vector<std::string> properties = properties_of(file.path, found->second);
      simdjson::dom::parser parser;
      for (const std::string& one : properties)
        ++lake.numbers[static_cast<int>(parser.parse(one)["n"].get_int64().value())];
      EXPECT_EQ(properties.size(), file.rows);
    }
  }
  return lake;
}

struct FilesSink : ::testing::Test {
  FilesSink() {
    log.around.sink.kind = model::SinkKind::kFiles;
    log.around.sink.compression = model::Compression::kNone;
    log.around.sink.file_bytes = 600;
  }
  SinkLog log;
  MemoryStore store;
};

TEST_F(FilesSink, PutsRecordsByHourAndEvent) {
  log.around.sink.split_by = model::SplitBy::kEvent;
  log.event(1, 0, "Order Completed");
  log.event(1, 31, "Order Completed");
  log.event(1, 32, "../x");
  const auto sink = make_files(log.around, std::make_unique<SharedStore>(store));
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, *sink);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(loop.step());
    log.clock.now += 61'000'000;
  }
  const Lake lake = read_lake(store);
  EXPECT_EQ(lake.files, lake.written);
  ASSERT_EQ(lake.files.size(), 3U);
  const std::vector<std::string> files(lake.files.begin(), lake.files.end());
  EXPECT_EQ(files[0].find("acme/s/events/2026-01-02/00/Order_Completed-"), 0U) << files[0];
  EXPECT_NE(files[0].find("/0001-00000000000000000000-"), std::string::npos) << files[0];
  EXPECT_EQ(files[2].find("acme/s/events/2026-01-02/01/___x-"), 0U) << files[2];
  EXPECT_EQ(lake.numbers, (std::map<int, int>{{0, 1}, {31, 1}, {32, 1}}));
}

// Each record is in one file of one manifest, and there is no other file, whatever fails and whenever it dies.
RC_GTEST_PROP(FilesSinkProperty, MakesNoSecondCopy, (uint64_t seed)) {
  // Not RapidCheck's own choices: how many there are depends on threads of the log.
  Dice dice(seed);
  SinkLog log;
  MemoryStore store;
  log.around.sink.kind = model::SinkKind::kFiles;
  log.around.sink.compression = model::Compression::kNone;
  int made = 0;
  const size_t failing = dice.roll(8);
  store.before = [&]() -> Status {
    if (dice.roll(10) < failing) return fail(Code::kRetry, "away");
    return {};
  };
  for (int life = 0; life < 5; ++life) {
    log.around.sink.file_bytes = 200 + dice.roll(3800);
    log.around.sink.split_by = dice.one_in(2) ? model::SplitBy::kNothing : model::SplitBy::kEvent;
    log.around.sink.format = dice.one_in(2) ? model::FileFormat::kLines : model::FileFormat::kParquet;
    log.around.sink.columns.clear();
    if (log.around.sink.format == model::FileFormat::kParquet && dice.one_in(2))
      log.around.sink.columns = {"n:integer"};
    const auto sink = make_files(log.around, std::make_unique<SharedStore>(store));
    const auto consumer = log.consumer();
    RunnerOptions options = log.options();
    options.fetch_bytes_max = 1 + dice.roll(3000);
    RunnerLoop loop(options, *consumer, *sink);
    const auto steps = dice.between(1, 15);
    for (int i = 0; i < steps; ++i) {
      log.event(static_cast<uint32_t>(dice.roll(SinkLog::kPartitions)), made, made % 2 == 0 ? "E" : "F");
      ++made;
      RC_ASSERT(loop.step().has_value());
      log.clock.now += dice.between(0, 40'000'000);
    }
  }
  store.before = nullptr;
  const auto sink = make_files(log.around, std::make_unique<SharedStore>(store));
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, *sink);
  for (int i = 0; i < 40; ++i) {
    RC_ASSERT(loop.step().has_value());
    log.clock.now += 61'000'000;
  }
  const Lake lake = read_lake(store);
  RC_ASSERT(lake.files == lake.written);
  RC_ASSERT(lake.numbers.size() == static_cast<size_t>(made));
  for (const auto& [number, times] : lake.numbers) RC_ASSERT(times == 1);
}

// Somebody who lost the partition and does not know it yet has gathered records where the next one found none that
// concern it, and has gone on. Both must not write what comes then.
TEST_F(FilesSink, WhoHadThePartitionBeforeBeginsNothingBehindIt) {
  const eventlog::TopicPartition of{eventlog::Topic::kEvents, 1};
  log.event(1, 0, "Order Completed");
  const auto before = make_files(log.around, std::make_unique<SharedStore>(store));
  const auto after = make_files(log.around, std::make_unique<SharedStore>(store));
  ASSERT_EQ(before->assigned(of, 0)->from, 0);
  ASSERT_EQ(after->assigned(of, 0)->from, 0);
  EXPECT_TRUE(after->passed(of, 0, 7));
  EXPECT_TRUE(after->passed(of, 0, 7)) << "told again, as nobody had answered";
  const std::vector<Item> items(1);
  const std::vector<Batch> batches = {{of, 0, 9, items}};
  EXPECT_EQ(before->take(batches).at(0).what, Outcome::What::kStale);
  EXPECT_EQ(before->assigned(of, 0)->from, 7);
  EXPECT_TRUE(read_lake(store).files.empty());
}

// The other way round: what is begun there is finished first.
TEST_F(FilesSink, NobodyPassesWhatIsBegun) {
  const eventlog::TopicPartition of{eventlog::Topic::kEvents, 1};
  const auto sink = make_files(log.around, std::make_unique<SharedStore>(store));
  const std::vector<Item> items = {{3, 1'700'000'000'000'000, "k", R"({"event":"E","properties":{"n":1}})"}};
  const std::vector<Batch> batches = {{of, 0, 9, items}};
  ASSERT_EQ(sink->take(batches).at(0).what, Outcome::What::kDone);
  const Status passed = sink->passed(of, 0, 7);
  ASSERT_FALSE(passed);
  EXPECT_EQ(passed.error().code, Code::kConflict);
}

TEST_F(FilesSink, ListsWhoWasErased) {
  log.event(1, 0);
  log.erasure("acme", std::string(16, 'p'), {std::string(16, 'm')});
  log.erasure("acme2", std::string(16, 'q'), {});
  const auto sink = make_files(log.around, std::make_unique<SharedStore>(store));
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, *sink);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(loop.step());
    log.clock.now += 61'000'000;
  }
  const std::string path = "acme/s/erasures/2026-01-02/03/0000-00000000000000000000-00000000000000000002.ndjson";
  ASSERT_TRUE(store.objects.contains(path));
  EXPECT_EQ(store.objects[path], R"({"id":")" + to_hex(std::string(16, 'p')) +
                                     R"(","kind":"user","erased_at":"2026-01-02T03:04:05.678Z","merged":[")" +
                                     to_hex(std::string(16, 'm')) + "\"]}\n");
  EXPECT_TRUE(store.objects.contains("acme/s/_manifest/erasures/0000/00000000000000000000.json"));
}

// What a release before has planned says no format.
TEST(FilePlan, APlanWithoutAFormatIsOfLines) {
  const auto plan = parse_plan(R"({"next":1,"compression":"gzip","split_by":"nothing","files":[]})");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->style.format, model::FileFormat::kLines);
}

TEST(FilePlan, RefusesWhatIsNone) {
  for (const char* text : {"", "{}", "[1]", R"({"next":-1,"compression":"gzip","split_by":"nothing","files":[]})",
                           R"({"next":1,"compression":"lzma","split_by":"nothing","files":[]})",
                           R"({"next":1,"compression":"gzip","split_by":"nothing","format":"orc","files":[]})",
                           R"({"next":1,"compression":"gzip","split_by":"nothing","columns":[1],"files":[]})",
                           R"({"next":1,"compression":"gzip","split_by":"nothing","files":[{"path":1}]})"})
    EXPECT_FALSE(parse_plan(text)) << text;
}

}  // namespace
}  // namespace freshet::sinks
