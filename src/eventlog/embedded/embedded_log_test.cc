// The embedded log: the suite of every log on RocksDB, then what is its own, on rows in memory.
#include "eventlog/embedded/embedded_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "env/steadiness.h"
#include "eventlog/embedded/rows.h"
#include "eventlog/embedded/writer.h"
#include "testing/clock.h"
#include "testing/event_log_conformance.h"
#include "testing/memory_store.h"
#include "testing/switched_store.h"

namespace freshet::eventlog {
namespace {

using embedded::StoreSwitches;
using embedded::SwitchedStore;

class RocksLog final : public LogUnderTest {
 public:
  RocksLog(const LogSetup& setup, size_t tail_bytes_max) {
    options_.queue_bytes_max = setup.queue_bytes_max;
    options_.tail_bytes_max = tail_bytes_max;
    path_ = std::filesystem::temp_directory_path() / ("freshet-log-" + std::to_string(getpid()));
    std::filesystem::remove_all(path_);
    reopen();
  }
  ~RocksLog() override {
    log_.reset();
    std::filesystem::remove_all(path_);
  }
  EventLog& log() override { return *log_; }
  std::optional<uint64_t> syncs() override { return switches_->syncs.load(); }
  void reopen() override {
    log_.reset();
    kv::Options options;
    options.path = path_;
    options.memory = kv::make_memory_budget(32u << 20);
    options.large_values = true;
    options.log_like = true;
    options.point_reads = false;
    auto store = std::make_unique<SwitchedStore>(std::move(kv::open_rocks(options).value()), switches_);
    log_ = std::move(open_embedded_log(std::move(store), env::real_clock(), options_).value());
  }

 private:
  std::string path_;
  EmbeddedLogOptions options_;
  std::shared_ptr<StoreSwitches> switches_ = std::make_shared<StoreSwitches>();
  std::unique_ptr<EventLog> log_;
};

INSTANTIATE_TEST_SUITE_P(
    Embedded, EventLogConformance,
    testing::Values(Implementation{"tail", [](const LogSetup& s) { return std::make_unique<RocksLog>(s, 64u << 20); }},
                    Implementation{"store", [](const LogSetup& s) { return std::make_unique<RocksLog>(s, 0); }}),
    [](const auto& test) { return test.param.name; });

class EmbeddedLogTest : public testing::Test {
 protected:
  static constexpr TopicPartition kChanges{Topic::kChanges, 0};

  void open() {
    log_.reset();
    auto store = std::make_unique<SwitchedStore>(kv::open_memory(rows_, {}), switches_);
    log_ = std::move(open_embedded_log(std::move(store), clock_, options_).value());
  }
  void create(Topic topic, uint64_t retention_bytes = 0, env::TimeUs retention_us = 0,
              std::vector<std::string> consumers = {}) {
    TopicOptions options;
    options.partitions = 2;
    options.retention_bytes = retention_bytes;
    options.retention_us = retention_us;
    options.consumers = std::move(consumers);
    ASSERT_TRUE(log_->create_topic(topic, options));
  }
  std::future<Status> start_append(TopicPartition to, const std::string& value) {
    auto promise = std::make_shared<std::promise<Status>>();
    std::vector<Produce> batches(1);
    batches[0].to = to;
    batches[0].records.add("", value);
    log_->append(std::move(batches), [promise](Status status) { promise->set_value(std::move(status)); });
    return promise->get_future();
  }
  Status append(TopicPartition to, const std::string& value) { return start_append(to, value).get(); }
  // Waits for the housekeeper to reach this, or for a minute.
  Offset low_after_retention(TopicPartition of, Offset wanted) {
    for (int i = 0; i < 6'000 && log_->watermarks(of)->low != wanted; ++i) env::real_clock().sleep_us(10'000);
    return log_->watermarks(of)->low;
  }
  std::unique_ptr<Consumer> consumer(const std::string& group) {
    ConsumerOptions options;
    options.group = group;
    options.topics = {Topic::kChanges};
    auto out = std::move(log_->open_consumer(options).value());
    EXPECT_EQ(out->poll(1, 0)->assigned.size(), 2u);
    return out;
  }
  size_t rows(char kind) {
    const std::lock_guard lock(rows_->mutex);
    const std::string begin(1, kind);
    const std::string end(1, static_cast<char>(kind + 1));
    return static_cast<size_t>(std::distance(rows_->rows.lower_bound(begin), rows_->rows.lower_bound(end)));
  }

  env::FakeClock clock_;
  EmbeddedLogOptions options_{.retention_interval_us = 2'000};
  std::shared_ptr<kv::MemoryDisk> rows_ = std::make_shared<kv::MemoryDisk>();
  std::shared_ptr<StoreSwitches> switches_ = std::make_shared<StoreSwitches>();
  std::unique_ptr<EventLog> log_;
};

TEST_F(EmbeddedLogTest, WhatWaitsSharesOneSync) {
  open();
  create(Topic::kChanges);
  switches_->hold_writes(true);
  std::vector<std::future<Status>> answers;
  const uint64_t before = switches_->syncs;
  for (int i = 0; i < 100; ++i) answers.push_back(start_append(kChanges, std::to_string(i)));
  switches_->hold_writes(false);
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_LE(switches_->syncs - before, 2u);  // the first may have gone alone
  EXPECT_LE(rows('c'), 2u);                  // one chunk a sync
  EXPECT_EQ(log_->watermarks(kChanges)->high, 100);
}

// A large write with others behind it: what comes then is written together. A minute stands for a moment here, so that
// whoever waits for it is noticed.
TEST_F(EmbeddedLogTest, WhereOneWriteFollowsOnTheOtherAppendsGatherAndCommitsDoNotWait) {
  options_.gather_us = 60'000'000;
  open();
  create(Topic::kChanges);
  auto committer = consumer("g");
  std::vector<std::future<Status>> answers;
  const auto make_busy = [&] {
    switches_->hold_writes(true);
    answers.push_back(start_append(kChanges, std::string(embedded::kBusyBytes, 'x')));
    while (switches_->waiting == 0) env::real_clock().sleep_us(100);  // it is being written
    answers.push_back(start_append(kChanges, "behind it"));
    switches_->hold_writes(false);
    answers[answers.size() - 2].wait();
  };
  make_busy();
  const uint64_t before = switches_->syncs;
  for (int i = 0; i < 10; ++i) answers.push_back(start_append(kChanges, std::to_string(i)));
  answers.push_back(start_append(kChanges, std::string(embedded::kGatheredBytes, 'x')));
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(switches_->syncs - before, 1u) << "all of them at once, when there was enough";
  answers.clear();
  EXPECT_TRUE(append(kChanges, "after an idle moment")) << "it waits for nobody";

  make_busy();
  Transaction transaction;
  transaction.outputs.resize(1);
  transaction.outputs[0].to = kChanges;
  transaction.outputs[0].records.add("", "y");
  EXPECT_TRUE(committer->commit(std::move(transaction))) << "nor does a commit, and what waits goes with it";
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  answers.clear();

  make_busy();
  committer.reset();
  log_.reset();
  for (auto& answer : answers) EXPECT_TRUE(answer.get()) << "at the end nothing waits";
}

TEST_F(EmbeddedLogTest, NothingIsVisibleBeforeItsSync) {
  open();
  create(Topic::kChanges);
  auto reader = consumer("g");
  switches_->hold_writes(true);
  auto answer = start_append(kChanges, "x");
  EXPECT_TRUE(reader->poll(1000, 20'000)->fetched.empty());
  EXPECT_EQ(log_->watermarks(kChanges)->high, 0);
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  switches_->hold_writes(false);
  EXPECT_TRUE(answer.get());
  EXPECT_EQ(reader->poll(1000, 0)->fetched.size(), 1u);
}

TEST_F(EmbeddedLogTest, FullQueueRefusesAppendsButNotCommits) {
  options_.queue_bytes_max = 1000;
  open();
  create(Topic::kChanges);
  auto reader = consumer("g");
  switches_->hold_writes(true);
  std::vector<std::future<Status>> taken;
  for (int i = 0; i < 9; ++i) taken.push_back(start_append(kChanges, std::string(100, 'x')));
  const Status refused = append(kChanges, std::string(100, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kRetry);
  auto commit = std::async(std::launch::async, [&] {
    Transaction transaction;
    transaction.outputs.resize(1);
    transaction.outputs[0].to = kChanges;
    transaction.outputs[0].records.add("", std::string(5000, 'y'));
    return reader->commit(std::move(transaction));
  });
  switches_->hold_writes(false);
  EXPECT_TRUE(commit.get());
  for (auto& answer : taken) EXPECT_TRUE(answer.get());
  EXPECT_TRUE(append(kChanges, std::string(5000, 'z')));  // alone, any size is taken
}

TEST_F(EmbeddedLogTest, FailedWriteClosesForGood) {
  open();
  create(Topic::kChanges);
  ASSERT_TRUE(append(kChanges, "kept"));
  auto reader = consumer("g");
  switches_->fail_writes = true;
  const Status failed = append(kChanges, "lost");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kFatal);
  EXPECT_NE(failed.error().message.find("the disk is gone"), std::string::npos);
  switches_->fail_writes = false;  // too late
  for (const Status& later : {append(kChanges, "x"), reader->commit({}), log_->trim(kChanges, 1),
                              log_->create_topic(Topic::kSchema, {}), Status(reader->poll(1, 0).map([](auto&&) {}))}) {
    ASSERT_FALSE(later);
    EXPECT_EQ(later.error().message, failed.error().message);
  }
  EXPECT_FALSE(log_->watermarks(kChanges));
  reader.reset();
  open();
  EXPECT_EQ(log_->watermarks(kChanges)->high, 1);
  EXPECT_TRUE(append(kChanges, "again"));
}

TEST_F(EmbeddedLogTest, RetentionBySizeKeepsTheNewest) {
  open();
  create(Topic::kChanges, 8'000);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append(kChanges, std::string(1'000, 'x')));
  const Offset low = low_after_retention(kChanges, 92);
  EXPECT_GE(low, 90);
  EXPECT_LE(low, 92);
  EXPECT_LE(rows('c'), 10u);
  EXPECT_EQ(log_->read(kChanges, 0, 1)->records.at(0).offset, low);
  EXPECT_EQ(log_->watermarks({Topic::kChanges, 1})->low, 0);
  open();
  EXPECT_EQ(log_->watermarks(kChanges)->low, low);
}

TEST_F(EmbeddedLogTest, RetentionByAgeEmptiesAnIdlePartition) {
  open();
  create(Topic::kChanges, 0, 80'000'000);
  ASSERT_TRUE(append(kChanges, "old"));
  clock_.now += 50'000'000;
  ASSERT_TRUE(append(kChanges, "new"));
  clock_.now += 40'000'000;
  EXPECT_EQ(low_after_retention(kChanges, 1), 1);
  clock_.now += 50'000'000;
  EXPECT_EQ(low_after_retention(kChanges, 2), 2);
  EXPECT_EQ(rows('c') + rows('s'), 0u);
  ASSERT_TRUE(append(kChanges, "next"));
  EXPECT_EQ(log_->read(kChanges, 0, 1)->records.at(0).offset, 2);
  open();
  EXPECT_EQ(log_->read(kChanges, 0, 1)->records.at(0).value, "next");
}

TEST_F(EmbeddedLogTest, GroupsHoldRetentionBack) {
  open();
  create(Topic::kChanges, 1, 0, {"slow", "fast"});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append(kChanges, std::to_string(i)));
  auto slow = consumer("slow");
  auto fast = consumer("fast");
  Transaction all;
  all.done = {{kChanges, 10}};
  ASSERT_TRUE(fast->commit(std::move(all)));
  env::real_clock().sleep_us(50'000);
  EXPECT_EQ(log_->watermarks(kChanges)->low, 0);  // slow has committed nothing
  ASSERT_TRUE(log_->trim(kChanges, 5));
  EXPECT_EQ(log_->watermarks(kChanges)->low, 0);
  Transaction some;
  some.done = {{kChanges, 4}};
  ASSERT_TRUE(slow->commit(std::move(some)));
  EXPECT_EQ(low_after_retention(kChanges, 4), 4);
  EXPECT_EQ(slow->poll(1, 0).error().code, Code::kNotFound);  // its position is still 0
}

TEST_F(EmbeddedLogTest, ActionsAreDeletedByTrimOnly) {
  open();
  create(Topic::kActions, 1, 1);
  const TopicPartition actions{Topic::kActions, 0};
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(append(actions, std::string(100, 'x')));
  clock_.now += 1'000'000'000;
  env::real_clock().sleep_us(50'000);
  EXPECT_EQ(log_->watermarks(actions)->low, 0);
  EXPECT_EQ(rows('c'), 10u);
  ASSERT_TRUE(log_->trim(actions, 7));
  EXPECT_EQ(log_->watermarks(actions)->low, 7);
  EXPECT_EQ(rows('c'), 3u);
  ASSERT_TRUE(log_->trim(actions, 1000));  // up to the end
  EXPECT_EQ(log_->watermarks(actions)->low, 10);
  EXPECT_EQ(rows('c'), 0u);
}

// A clock that is 40 days ahead for a while makes every record look old.
TEST_F(EmbeddedLogTest, RetentionByAgeWaitsForASteadyClock) {
  constexpr env::TimeUs kDayUs = 86'400'000'000;
  open();
  create(Topic::kChanges, 0, 30 * kDayUs);
  ASSERT_TRUE(append(kChanges, "x"));
  clock_.now += 2 * env::kSteadyUs;
  clock_.jumped = 40 * kDayUs;
  for (int i = 0; i < 10; ++i) {
    clock_.now += env::kSteadyUs / 20;
    env::real_clock().sleep_us(5'000);
  }
  EXPECT_EQ(log_->watermarks(kChanges)->low, 0);
  clock_.jumped = 0;
  clock_.now += kDayUs;
  env::real_clock().sleep_us(20'000);
  EXPECT_EQ(log_->watermarks(kChanges)->low, 0);
  clock_.jumped = 40 * kDayUs;  // It stays there: it was the clock before that was wrong.
  env::real_clock().sleep_us(20'000);
  clock_.now += env::kSteadyUs;
  EXPECT_EQ(low_after_retention(kChanges, 1), 1);
}

// The log lost records and goes on: what is left can be read, and no offset is given away twice.
TEST_F(EmbeddedLogTest, SkipsAheadAfterALoss) {
  open();
  create(Topic::kChanges);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append(kChanges, std::to_string(i)));
  options_.skip_to = 1ll << 46;
  open();
  create(Topic::kEvents);
  EXPECT_EQ(log_->watermarks({Topic::kEvents, 1})->low, options_.skip_to);
  options_.skip_to = 0;
  for (int again = 0; again < 2; ++again) {
    const Offset high = log_->watermarks(kChanges)->high;
    EXPECT_EQ(high, (1ll << 46) + again);
    ASSERT_TRUE(append(kChanges, "new"));
    EXPECT_EQ(log_->read(kChanges, 1, 1000)->records.size(), 2u);
    EXPECT_EQ(log_->read(kChanges, 3, 1000)->next, 1ll << 46);
    EXPECT_EQ(log_->read(kChanges, high, 1000)->records.size(), 1u);
    auto reader = consumer("g");
    reader->seek(kChanges, 2);
    std::vector<std::string> values;
    for (int i = 0; i < 4; ++i) {
      const auto polled = reader->poll(1000, 0);
      ASSERT_TRUE(polled);
      for (const Fetched& fetched : polled->fetched)
        for (const RecordView& record : fetched.records) values.emplace_back(record.value);
    }
    EXPECT_EQ(values.front(), "2");
    EXPECT_EQ(values.size(), static_cast<size_t>(2 + again));
    reader.reset();
    open();  // Gaps are remembered.
  }
}

TEST_F(EmbeddedLogTest, PositionsOutsideTheLogAreErrors) {
  open();
  create(Topic::kChanges);
  ASSERT_TRUE(append(kChanges, "x"));
  auto reader = consumer("g");
  reader->seek(kChanges, 2);
  const auto past = reader->poll(1, 0);
  ASSERT_FALSE(past);
  EXPECT_EQ(past.error().code, Code::kCorrupt);
  EXPECT_NE(past.error().message.find("changes/0"), std::string::npos);
}

TEST_F(EmbeddedLogTest, DamagedRowsAreReported) {
  open();
  create(Topic::kChanges);
  ASSERT_TRUE(append(kChanges, "some value"));
  log_.reset();
  std::string& chunk = rows_->rows.at(embedded::chunk_key(kChanges, 0));
  chunk.pop_back();
  open();
  const auto read = log_->read(kChanges, 0, 1000);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
  log_.reset();
  chunk.replace(0, 4, "\xff\xff\xff\xff");  // its count: no memory is reserved for so many
  open();
  const auto counted = log_->read(kChanges, 0, 1000);
  ASSERT_FALSE(counted);
  EXPECT_EQ(counted.error().code, Code::kCorrupt);
  log_.reset();
  rows_->rows.at(embedded::mark_key(kChanges)).pop_back();
  auto opened = open_embedded_log(kv::open_memory(rows_, {}), clock_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
}

TEST_F(EmbeddedLogTest, RejectsWrongConsumers) {
  open();
  create(Topic::kChanges);
  ConsumerOptions options;
  options.topics = {Topic::kChanges};
  EXPECT_EQ(log_->open_consumer(options).error().code, Code::kInvalid);  // no name
  options.group = std::string("a\0b", 3);
  EXPECT_EQ(log_->open_consumer(options).error().code, Code::kInvalid);
  options.group = "g";
  options.member = 1;
  EXPECT_EQ(log_->open_consumer(options).error().code, Code::kInvalid);
}

// The partitions of one commit rise together: whoever sees one sees the other.
TEST_F(EmbeddedLogTest, CommitsAreNeverSeenHalf) {
  open();
  create(Topic::kChanges);
  auto writer = consumer("w");
  std::atomic<bool> stop{false};
  std::thread committer([&] {
    for (int i = 0; i < 300; ++i) {
      Transaction transaction;
      for (uint32_t p = 0; p < 2; ++p) {
        transaction.outputs.emplace_back().to = {Topic::kChanges, p};
        transaction.outputs.back().records.add("", std::to_string(i));
      }
      ASSERT_TRUE(writer->commit(std::move(transaction)));
    }
    stop = true;
  });
  auto reader = consumer("r");
  size_t seen[2] = {0, 0};
  while (seen[1] < 300) {
    const auto polled = reader->poll(1u << 20, 1'000);
    ASSERT_TRUE(polled);
    for (const Fetched& fetched : polled->fetched) seen[fetched.from.partition] += fetched.records.size();
    ASSERT_EQ(seen[0], seen[1]);
    if (stop && polled->fetched.empty()) break;
  }
  committer.join();
  EXPECT_EQ(seen[0], 300u);
}

}  // namespace
}  // namespace freshet::eventlog
