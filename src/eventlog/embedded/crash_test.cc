// A process that is killed in the middle of its work: whatever it had acknowledged is there, and each commit is whole.
// The child is this binary, started again (a fork would lack RocksDB's threads); it reports through a pipe.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <set>
#include <thread>

#include "env/clock.h"
#include "eventlog/embedded/embedded_log.h"

namespace freshet::eventlog {
namespace {

constexpr const char* kDirectory = "FRESHET_CRASH_TEST_DIRECTORY";
constexpr const char* kPipe = "FRESHET_CRASH_TEST_PIPE";
constexpr TopicPartition kIn{Topic::kActions, 0};
constexpr TopicPartition kOut0{Topic::kChanges, 0};
constexpr TopicPartition kOut1{Topic::kChanges, 1};

std::unique_ptr<EventLog> open_log(const std::string& directory) {
  kv::Options options;
  options.path = directory;
  options.memory = kv::make_memory_budget(8u << 20);  // small, so that flushes are part of it
  options.large_values = true;
  options.log_like = true;
  options.point_reads = false;
  auto log = open_embedded_log(kv::open_rocks(options).value(), env::real_clock(), {}).value();
  TopicOptions topic;
  topic.partitions = 2;
  EXPECT_TRUE(log->create_topic(Topic::kActions, topic));
  EXPECT_TRUE(log->create_topic(Topic::kChanges, topic));
  return log;
}

Produce produce(TopicPartition to, const std::string& value) {
  Produce out{to, {}};
  out.records.add(value, std::string(2'000, 'x'));
  return out;
}

// A line of under PIPE_BUF bytes, so that lines of threads do not mix.
void report(int pipe, const std::string& line) {
  const std::string whole = line + "\n";
  if (write(pipe, whole.data(), whole.size()) < 0) _exit(9);
}

void append_for_ever(EventLog& log, int pipe, const std::string& name) {
  for (int i = 0;; ++i) {
    const std::string value = name + "-" + std::to_string(i);
    std::promise<void> answered;
    std::vector<Produce> batches;
    batches.push_back(produce(kIn, value));
    log.append(std::move(batches), [&](const Status& status) {
      if (status) report(pipe, value);
      answered.set_value();
    });
    answered.get_future().wait();
  }
}

constexpr std::chrono::seconds kStartPatience{60};

void commit_for_ever(EventLog& log, int pipe, int first) {
  ConsumerOptions options;
  options.group = "g";
  options.topics = {Topic::kActions};
  auto consumer = log.open_consumer(options).value();
  for (int i = first;; ++i) {
    Transaction transaction;
    transaction.outputs.push_back(produce(kOut0, std::to_string(i)));
    transaction.outputs.push_back(produce(kOut1, std::to_string(i)));
    transaction.done = {{kIn, i}};
    if (consumer->commit(std::move(transaction))) report(pipe, "commit " + std::to_string(i));
  }
}

TEST(CrashChild, DISABLED_Run) {
  const int pipe = std::atoi(std::getenv(kPipe));
  auto log = open_log(std::getenv(kDirectory));
  const int first = static_cast<int>(log->committed("g", kIn)->value_or(0)) + 1;
  const std::string run = std::to_string(getpid());
  std::thread one([&] { append_for_ever(*log, pipe, run + "a"); });
  std::thread two([&] { append_for_ever(*log, pipe, run + "b"); });
  commit_for_ever(*log, pipe, first);
}

// Starts the child, kills it `life_us` after its first report (a slow machine needs long until there), returns what it
// reported.
std::vector<std::string> run_and_kill(const std::string& directory, env::TimeUs life_us) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const std::string pipe_name = std::to_string(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    setenv(kDirectory, directory.c_str(), 1);
    setenv(kPipe, pipe_name.c_str(), 1);
    execl("/proc/self/exe", "crash_child", "--gtest_also_run_disabled_tests", "--gtest_filter=CrashChild.DISABLED_Run",
          "--gtest_brief=1", nullptr);
    _exit(8);
  }
  close(ends[1]);
  std::string text;
  std::promise<void> lives;
  std::thread collector([&] {
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) {
      if (text.empty()) lives.set_value();
      text.append(buffer, static_cast<size_t>(n));
    }
  });
  EXPECT_EQ(lives.get_future().wait_for(kStartPatience), std::future_status::ready);
  env::real_clock().sleep_us(life_us);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
  collector.join();
  close(ends[0]);
  std::vector<std::string> lines;
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    lines.push_back(text.substr(begin, end - begin));
  }
  return lines;
}

std::multiset<std::string> keys_of(EventLog& log, TopicPartition of) {
  std::multiset<std::string> out;
  const Offset high = log.watermarks(of)->high;
  for (Offset next = 0; next < high;) {
    const auto fetched = log.read(of, next, 1u << 20);
    EXPECT_TRUE(fetched) << fetched.error().message;
    if (!fetched) break;
    for (const RecordView& record : fetched->records) out.emplace(record.key);
    next = fetched->next;
  }
  return out;
}

TEST(CrashTest, WhatWasAcknowledgedSurvivesAKill) {
  const std::string directory = std::filesystem::temp_directory_path() / ("freshet-crash-" + std::to_string(getpid()));
  std::filesystem::remove_all(directory);
  std::set<std::string> acknowledged;
  int last_commit = 0;
  for (int round = 0; round < 4; ++round) {
    for (const std::string& line : run_and_kill(directory, 400'000 + 150'000 * round)) {
      if (line.starts_with("commit ")) {
        last_commit = std::stoi(line.substr(7));
      } else {
        acknowledged.insert(line);
      }
    }
    auto log = open_log(directory);
    const auto in = keys_of(*log, kIn);
    for (const std::string& value : acknowledged) ASSERT_EQ(in.count(value), 1u) << value << " in round " << round;
    const auto out = keys_of(*log, kOut0);
    EXPECT_EQ(out, keys_of(*log, kOut1));
    const auto committed = static_cast<size_t>(log->committed("g", kIn)->value_or(0));
    EXPECT_GE(committed, static_cast<size_t>(last_commit));
    EXPECT_EQ(out.size(), committed);  // the commits are numbered from 1
  }
  EXPECT_GT(acknowledged.size(), 20u);
  EXPECT_GT(last_commit, 10);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace freshet::eventlog
