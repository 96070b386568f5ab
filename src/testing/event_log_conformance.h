// What every EventLog must do: one suite, run over each implementation. Include it in one *_test.cc and instantiate:
//   INSTANTIATE_TEST_SUITE_P(Embedded, EventLogConformance, testing::Values(Implementation{"embedded", make}));
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::eventlog {

struct LogSetup {
  size_t queue_bytes_max = 64u << 20;
};

// A log that begins empty, and what the suite has to do to it.
class LogUnderTest {
 public:
  virtual ~LogUnderTest() = default;
  [[nodiscard]] virtual EventLog& log() = 0;
  // Closes and opens again, as a restarted process would.
  virtual void reopen() = 0;
  // Syncs since the start; nullopt: not known.
  [[nodiscard]] virtual std::optional<uint64_t> syncs() { return std::nullopt; }
};

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<LogUnderTest>(const LogSetup&)> make;
  std::string missing = {};  // what would have to be there to run its tests, and is not: they are skipped
};

inline void PrintTo(const Implementation& implementation, std::ostream* out) { *out << implementation.name; }

class EventLogConformance : public testing::TestWithParam<Implementation> {
 protected:
  using Values = std::map<TopicPartition, std::vector<std::string>>;

  static constexpr TopicPartition kActions0{Topic::kActions, 0};
  static constexpr TopicPartition kActions1{Topic::kActions, 1};
  static constexpr TopicPartition kChanges0{Topic::kChanges, 0};
  static constexpr TopicPartition kChanges1{Topic::kChanges, 1};

  void SetUp() override {
    if (!GetParam().missing.empty()) GTEST_SKIP() << GetParam().missing;
  }
  void start(const LogSetup& setup = {}) {
    under_test_ = GetParam().make(setup);
    TopicOptions four;
    four.partitions = 4;
    TopicOptions two;
    two.partitions = 2;
    ASSERT_TRUE(log().create_topic(Topic::kActions, four));
    ASSERT_TRUE(log().create_topic(Topic::kChanges, two));
  }
  EventLog& log() { return under_test_->log(); }

  static Produce produce(TopicPartition to, const std::vector<std::string>& values) {
    Produce out{to, {}};
    for (const std::string& value : values) out.records.add("k" + value, value);
    return out;
  }
  // Appends and waits.
  Status append(std::vector<Produce> batches) {
    std::promise<Status> answer;
    log().append(std::move(batches), [&](Status status) { answer.set_value(std::move(status)); });
    return answer.get_future().get();
  }
  void append(TopicPartition to, const std::vector<std::string>& values) {
    std::vector<Produce> batches;
    batches.push_back(produce(to, values));
    ASSERT_TRUE(append(std::move(batches)));
  }
  // All polled records of every partition, in order; checks that offsets rise.
  struct Reader {
    std::unique_ptr<Consumer> consumer;
    Values values;
    std::map<TopicPartition, std::vector<Offset>> offsets;
    std::map<TopicPartition, Offset> next;
    std::set<TopicPartition> assigned;
    size_t count = 0;

    void poll(size_t bytes_max = 1u << 20, env::TimeUs timeout_us = 100'000) {
      auto polled = consumer->poll(bytes_max, timeout_us);
      ASSERT_TRUE(polled) << polled.error().message;
      for (const TopicPartition of : polled->revoked) assigned.erase(of);
      for (const TopicPartition of : polled->assigned) assigned.insert(of);
      if (!polled->assigned.empty()) {
        EXPECT_TRUE(polled->fetched.empty());
      }
      std::set<TopicPartition> once;
      for (const Fetched& fetched : polled->fetched) {
        EXPECT_TRUE(once.insert(fetched.from).second);
        EXPECT_TRUE(assigned.contains(fetched.from));
        for (const RecordView& record : fetched.records) take(fetched.from, record);
        if (!offsets[fetched.from].empty()) {
          EXPECT_GT(fetched.next, offsets[fetched.from].back());
        }
        next[fetched.from] = fetched.next;
      }
    }
    void take(TopicPartition from, const RecordView& record) {
      EXPECT_EQ(record.key, "k" + std::string(record.value));
      auto& seen = offsets[from];
      if (!seen.empty()) {
        EXPECT_GT(record.offset, seen.back());
      }
      seen.push_back(record.offset);
      values[from].emplace_back(record.value);
      ++count;
    }
    // Until there are n records, at most half a minute.
    void poll_until(size_t n, size_t bytes_max = 1u << 20) {
      for (int i = 0; i < 300 && count < n && !testing::Test::HasFatalFailure(); ++i) poll(bytes_max);
      EXPECT_EQ(count, n);
    }
    // Until it has that many partitions.
    void poll_assigned(size_t n = 4) {
      for (int i = 0; i < 300 && assigned.size() < n && !testing::Test::HasFatalFailure(); ++i) poll();
      EXPECT_EQ(assigned.size(), n);
    }
    [[nodiscard]] std::vector<Position> done() const {
      std::vector<Position> out;
      for (const auto& [of, offset] : next) out.push_back({of, offset});
      return out;
    }
  };
  Reader reader(const std::string& group, std::vector<Topic> topics, uint32_t member = 0, uint32_t members = 1) {
    ConsumerOptions options;
    options.group = group;
    options.topics = std::move(topics);
    options.member = member;
    options.members = members;
    auto opened = log().open_consumer(options);
    EXPECT_TRUE(opened) << opened.error().message;
    Reader out;
    out.consumer = std::move(*opened);
    return out;
  }

  std::unique_ptr<LogUnderTest> under_test_;
};

TEST_P(EventLogConformance, KeepsTheOrderOfAPartition) {
  start();
  append(kActions0, {"a1", "a2"});
  append(kActions1, {"b1"});
  append(kActions0, {"a3"});
  Reader r = reader("g", {Topic::kActions});
  r.poll_until(4);
  EXPECT_EQ(r.assigned.size(), 4u);
  EXPECT_EQ(r.values[kActions0], (std::vector<std::string>{"a1", "a2", "a3"}));
  EXPECT_EQ(r.values[kActions1], (std::vector<std::string>{"b1"}));
  append(kActions0, {"a4"});
  r.poll_until(5);
  EXPECT_EQ(r.values[kActions0].back(), "a4");
}

TEST_P(EventLogConformance, OneCallReachesManyPartitions) {
  start();
  std::vector<Produce> batches;
  batches.push_back(produce(kActions0, {"1", "2"}));
  batches.push_back(produce(kChanges1, {"3"}));
  batches.push_back(produce(kActions0, {"4"}));
  batches.push_back(produce(kActions1, {}));
  ASSERT_TRUE(append(std::move(batches)));
  Reader r = reader("g", {Topic::kActions, Topic::kChanges});
  r.poll_until(4);
  EXPECT_EQ(r.values[kActions0], (std::vector<std::string>{"1", "2", "4"}));
  EXPECT_EQ(r.values[kChanges1], (std::vector<std::string>{"3"}));
}

TEST_P(EventLogConformance, EmptyAndLargeRecords) {
  start();
  append(kActions0, {"", std::string(900'000, 'x'), "", std::string(5'000, 'y')});
  Reader r = reader("g", {Topic::kActions});
  r.poll_until(4, 1);  // bytes_max of 1: still something
  EXPECT_EQ(r.values[kActions0][1].size(), 900'000u);
}

TEST_P(EventLogConformance, RefusesUnknownPartitions) {
  start();
  std::vector<Produce> batches;
  batches.push_back(produce(kActions0, {"not taken"}));
  batches.push_back(produce({Topic::kActions, 4}, {"x"}));
  const Status appended = append(std::move(batches));
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, Code::kNotFound);
  EXPECT_EQ(log().watermarks(kActions0)->high, 0);
  EXPECT_FALSE(log().watermarks({Topic::kSchema, 0}));
  ConsumerOptions options;
  options.group = "g";
  options.topics = {Topic::kSchema};
  EXPECT_FALSE(log().open_consumer(options));
}

TEST_P(EventLogConformance, PartitionCountIsFixed) {
  start();
  EXPECT_EQ(log().partitions(Topic::kActions), 4u);
  EXPECT_EQ(log().partitions(Topic::kSchema), 0u);
  for (int round = 0; round < 2; ++round) {
    TopicOptions options;
    options.partitions = 4;
    EXPECT_TRUE(log().create_topic(Topic::kActions, options));
    options.partitions = 7;
    const Status created = log().create_topic(Topic::kActions, options);
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().code, Code::kInvalid);
    EXPECT_NE(created.error().message.find('4'), std::string::npos) << created.error().message;
    EXPECT_NE(created.error().message.find('7'), std::string::npos) << created.error().message;
    under_test_->reopen();
  }
}

TEST_P(EventLogConformance, CommitShowsOutputsAndPosition) {
  start();
  append(kActions0, {"in"});
  Reader in = reader("action", {Topic::kActions});
  in.poll_until(1);
  EXPECT_EQ(in.consumer->committed(kActions0).value(), std::nullopt);
  Transaction transaction;
  transaction.outputs.push_back(produce(kChanges0, {"out0"}));
  transaction.outputs.push_back(produce(kChanges1, {"out1"}));
  transaction.outputs.push_back(produce(kActions1, {"loop"}));
  transaction.done = in.done();
  ASSERT_TRUE(in.consumer->commit(std::move(transaction)));
  EXPECT_EQ(in.consumer->committed(kActions0).value(), in.next[kActions0]);
  const env::TimeUs patience_end = env::real_clock().monotonic_us() + 10'000'000;
  while (log().committed("action", kActions0).value() != in.next[kActions0]) {
    ASSERT_LT(env::real_clock().monotonic_us(), patience_end);
    env::real_clock().sleep_us(10'000);
  }
  EXPECT_EQ(log().committed("other", kActions0).value(), std::nullopt);
  Reader out = reader("reaction", {Topic::kChanges});
  out.poll_until(2);
  EXPECT_EQ(out.values[kChanges0], (std::vector<std::string>{"out0"}));
  in.poll_until(2);
  EXPECT_EQ(in.values[kActions1], (std::vector<std::string>{"loop"}));
}

TEST_P(EventLogConformance, CommittedWorkSurvivesReopening) {
  start();
  append(kActions0, {"1", "2", "3"});
  append(kActions1, {"4"});
  {
    Reader in = reader("action", {Topic::kActions});
    in.poll_until(4);
    Transaction transaction;
    transaction.outputs.push_back(produce(kChanges0, {"out"}));
    transaction.done = {{kActions0, in.offsets[kActions0][2]}};  // the third is not done
    ASSERT_TRUE(in.consumer->commit(std::move(transaction)));
  }
  const Watermarks before = log().watermarks(kActions0).value();
  under_test_->reopen();
  EXPECT_EQ(log().watermarks(kActions0)->high, before.high);
  Reader in = reader("action", {Topic::kActions});
  in.poll_until(2);
  EXPECT_EQ(in.values[kActions0], (std::vector<std::string>{"3"}));
  EXPECT_EQ(in.values[kActions1], (std::vector<std::string>{"4"}));
  Reader out = reader("reaction", {Topic::kChanges});
  out.poll_until(1);
  append(kActions0, {"5"});
  in.poll_until(3);
  EXPECT_EQ(in.values[kActions0].back(), "5");
}

TEST_P(EventLogConformance, SeekReadsAgain) {
  start();
  append(kActions0, {"0", "1", "2"});
  append(kActions0, {"3", "4"});
  Reader first = reader("g", {Topic::kActions});
  first.poll_until(5);
  Reader again = reader("h", {Topic::kActions});
  again.poll_assigned();
  again.consumer->seek(kActions0, first.offsets[kActions0][1]);  // inside the first batch
  again.poll_until(4);
  EXPECT_EQ(again.values[kActions0], (std::vector<std::string>{"1", "2", "3", "4"}));
  EXPECT_EQ(again.offsets[kActions0][0], first.offsets[kActions0][1]);
  again.offsets.clear();
  again.consumer->seek(kActions0, first.offsets[kActions0][3]);
  again.poll_until(6);
  EXPECT_EQ(again.values[kActions0].back(), "4");
}

TEST_P(EventLogConformance, WatermarksFollowTheRecords) {
  start();
  EXPECT_EQ(log().watermarks(kActions0)->low, 0);
  EXPECT_EQ(log().watermarks(kActions0)->high, 0);
  append(kActions0, {"1", "2"});
  EXPECT_GE(log().watermarks(kActions0)->high, 2);
  EXPECT_EQ(log().watermarks(kActions1)->high, 0);
}

TEST_P(EventLogConformance, TrimRaisesTheLowWatermark) {
  start();
  append(kActions0, {"0", "1", "2"});
  append(kActions0, {"3"});
  const Fetched all = log().read(kActions0, 0, 1u << 20).value();
  const Offset second = all.records[1].offset;
  ASSERT_TRUE(log().trim(kActions0, second));
  EXPECT_EQ(log().watermarks(kActions0)->low, second);
  ASSERT_TRUE(log().trim(kActions0, 0));  // never back
  EXPECT_EQ(log().watermarks(kActions0)->low, second);
  EXPECT_EQ(all.records[0].value, "0");  // what is held stays readable
  {
    Reader r = reader("g", {Topic::kActions});
    r.poll_until(3);
    EXPECT_EQ(r.values[kActions0], (std::vector<std::string>{"1", "2", "3"}));
    r.consumer->seek(kActions0, 0);
    const auto polled = r.consumer->poll(1000, 0);
    ASSERT_FALSE(polled);
    EXPECT_EQ(polled.error().code, Code::kNotFound);
  }
  ASSERT_TRUE(log().trim(kActions0, all.next));
  append(kActions0, {"4"});
  under_test_->reopen();
  EXPECT_EQ(log().watermarks(kActions0)->low, all.next);
  EXPECT_EQ(log().read(kActions0, 0, 1000)->records.at(0).value, "4");
}

TEST_P(EventLogConformance, ReadNeedsNoConsumer) {
  start();
  EXPECT_TRUE(log().read(kActions0, 0, 1000)->records.empty());
  append(kActions0, {"0", "1", "2"});
  const Fetched fetched = log().read(kActions0, 0, 1000).value();
  ASSERT_EQ(fetched.records.size(), 3u);
  const Fetched rest = log().read(kActions0, fetched.records[2].offset, 1000).value();
  ASSERT_EQ(rest.records.size(), 1u);
  EXPECT_EQ(rest.records[0].value, "2");
  EXPECT_EQ(rest.next, fetched.next);
  EXPECT_TRUE(log().read(kActions0, fetched.next, 1000)->records.empty());
}

TEST_P(EventLogConformance, WakeEndsAPoll) {
  start();
  Reader r = reader("g", {Topic::kActions});
  r.poll_assigned();
  env::Clock& clock = env::real_clock();
  const env::TimeUs begin_us = clock.monotonic_us();
  std::thread waker([&] {
    clock.sleep_us(20'000);
    r.consumer->wake();
  });
  const auto polled = r.consumer->poll(1000, 20'000'000);
  waker.join();
  ASSERT_TRUE(polled);
  EXPECT_TRUE(polled->fetched.empty());
  EXPECT_LT(clock.monotonic_us() - begin_us, 10'000'000);
}

TEST_P(EventLogConformance, AppendEndsAPoll) {
  start();
  Reader r = reader("g", {Topic::kActions});
  r.poll_assigned();
  std::thread appender([&] {
    env::real_clock().sleep_us(20'000);
    append(kActions1, {"x"});
  });
  for (int i = 0; i < 3 && r.count == 0; ++i) r.poll(1000, 20'000'000);
  appender.join();
  EXPECT_EQ(r.count, 1u);
}

TEST_P(EventLogConformance, PausedPartitionsRest) {
  start();
  Reader r = reader("g", {Topic::kActions});
  r.poll_assigned();
  r.consumer->pause(kActions0, true);
  append(kActions0, {"a"});
  append(kActions1, {"b"});
  r.poll_until(1);
  r.poll();
  EXPECT_EQ(r.count, 1u);
  EXPECT_EQ(r.values[kActions1].size(), 1u);
  r.consumer->pause(kActions0, false);
  r.poll_until(2);
  EXPECT_EQ(r.values[kActions0].size(), 1u);
}

// A client that counts the end of a partition as a record goes on behind the next one (librdkafka 2.2 to 2.13.1).
TEST_P(EventLogConformance, PausedAtItsEndSkipsNothing) {
  start();
  Reader r = reader("g", {Topic::kActions});
  r.poll_assigned();
  for (int i = 0; i < 5; ++i) r.poll();  // Reads to the end, where there is nothing.
  r.consumer->pause(kActions0, true);
  r.poll();
  append(kActions0, {"a", "b"});
  r.consumer->pause(kActions0, false);
  r.poll_until(2);
  EXPECT_EQ(r.values[kActions0], (std::vector<std::string>{"a", "b"}));
}

TEST_P(EventLogConformance, MembersShareThePartitions) {
  start();
  Reader one = reader("g", {Topic::kActions}, 0, 2);
  Reader two = reader("g", {Topic::kActions}, 1, 2);
  // Where members come and go, the first may have had all of them for a moment.
  for (int i = 0; i < 300 && (one.assigned.size() != 2 || two.assigned.size() != 2); ++i) {
    one.poll();
    two.poll();
  }
  for (uint32_t p = 0; p < 4; ++p) append({Topic::kActions, p}, {"v" + std::to_string(p)});
  for (int i = 0; i < 300 && one.count + two.count < 4; ++i) {
    one.poll();
    two.poll();
  }
  EXPECT_EQ(one.count, 2u);
  EXPECT_EQ(two.count, 2u);
  for (const auto& [of, values] : one.values) EXPECT_FALSE(two.values.contains(of));
}

TEST_P(EventLogConformance, SmallPollsStarveNobody) {
  start();
  for (int i = 0; i < 20; ++i) {
    for (uint32_t p = 0; p < 4; ++p) append({Topic::kActions, p}, {std::to_string(i)});
  }
  Reader r = reader("g", {Topic::kActions});
  r.poll_assigned();
  for (int i = 0; i < 300 && r.values.size() < 4; ++i) r.poll(1);
  EXPECT_EQ(r.values.size(), 4u);
  r.poll_until(80, 1);
}

TEST_P(EventLogConformance, FullQueueRefusesWhole) {
  LogSetup setup;
  setup.queue_bytes_max = 64u << 10;
  start(setup);
  const std::string padding(8'000, 'p');
  std::mutex mutex;
  std::set<std::string> accepted;
  std::atomic<int> answered{0};
  std::atomic<int> refused{0};
  int sent = 0;
  for (; sent < 100'000 && refused < 10; ++sent) {
    const std::string value = std::to_string(sent) + padding;
    std::vector<Produce> batches;
    batches.push_back(produce(kActions0, {value}));
    log().append(std::move(batches), [&, value](Status status) {
      if (status) {
        const std::lock_guard lock(mutex);
        accepted.insert(value);
      } else {
        EXPECT_EQ(status.error().code, Code::kRetry);
        ++refused;
      }
      ++answered;
    });
  }
  while (answered < sent) std::this_thread::yield();
  EXPECT_GE(refused, 10);
  Reader r = reader("g", {Topic::kActions});
  r.poll_until(accepted.size());
  EXPECT_EQ(std::set<std::string>(r.values[kActions0].begin(), r.values[kActions0].end()), accepted);
}

TEST_P(EventLogConformance, ConcurrentAppendsArriveOnceAndInOrder) {
  start();
  constexpr int kThreads = 4;
  constexpr int kAppends = 500;
  const uint64_t syncs_before = under_test_->syncs().value_or(0);
  std::atomic<int> pending{kThreads * kAppends};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kAppends; ++i) {
        std::vector<Produce> batches;
        batches.push_back(produce({Topic::kActions, static_cast<uint32_t>(i % 2)}, {std::to_string(t * kAppends + i)}));
        log().append(std::move(batches), [&](Status status) {
          EXPECT_TRUE(status);
          --pending;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  while (pending > 0) std::this_thread::yield();
  if (under_test_->syncs()) {
    EXPECT_LT(*under_test_->syncs() - syncs_before, kThreads * kAppends / 4);
  }
  Reader r = reader("g", {Topic::kActions});
  r.poll_until(kThreads * kAppends, 10'000);
  std::set<int> seen;
  for (const TopicPartition of : {kActions0, kActions1}) {
    std::map<int, int> last;
    for (const std::string& value : r.values[of]) {
      const int number = std::stoi(value);
      EXPECT_TRUE(seen.insert(number).second);
      const int thread = number / kAppends;
      if (last.contains(thread)) {
        EXPECT_GT(number, last[thread]);
      }
      last[thread] = number;
    }
  }
  EXPECT_EQ(seen.size(), static_cast<size_t>(kThreads * kAppends));
}

}  // namespace freshet::eventlog
