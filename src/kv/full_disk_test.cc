// A disk that is full for several threads at once: each of them gets an error with words, none an assertion of
// RocksDB's, which would end the process.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "kv/store.h"

namespace freshet::kv {
namespace {

constexpr int kRounds = 20;
constexpr uint64_t kRoomBytes = 600'000;  // that a file may have, before it is as if there were no room

void limit_files(rlim_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  setrlimit(RLIMIT_FSIZE, &limit);
}

// Writers, one that syncs and one that flushes, until each has met an error. Ends the process if one has no words.
void fill(Store& store) {
  std::vector<std::thread> threads;
  std::atomic<int> errors{0};
  const auto until_it_fails = [&errors](const auto& act) {
    for (int i = 0; i < 100'000; ++i) {
      const Status status = act(i);
      if (status) continue;
      if (status.error().message.find("File too large") == std::string::npos) std::_Exit(3);
      ++errors;
      return;
    }
  };
  for (int writer = 0; writer < 2; ++writer)
    threads.emplace_back([&, writer] {
      until_it_fails([&](int i) {
        WriteBatch batch;
        batch.put(std::to_string(writer) + "-" + std::to_string(i), std::string(3'000, 'x'));
        return store.write(batch, writer == 0 ? Durability::kLogged : Durability::kSynced);
      });
    });
  threads.emplace_back([&] { until_it_fails([&](int) { return store.sync(); }); });
  threads.emplace_back([&] { until_it_fails([&](int i) { return i % 100 == 0 ? store.flush() : store.sync(); }); });
  for (std::thread& thread : threads) thread.join();
  if (errors != 4) std::_Exit(4);
}

[[noreturn]] void fill_again_and_again() {
  std::signal(SIGXFSZ, SIG_IGN);  // so that a file that is too large is an error of write(2), as a full disk is
  const auto path = std::filesystem::temp_directory_path() / ("freshet-kv-full-" + std::to_string(getpid()));
  for (int round = 0; round < kRounds; ++round) {
    std::filesystem::remove_all(path);
    Options options;
    options.path = path;
    options.memory = make_memory_budget(16u << 20);
    auto store = open_rocks(options);
    if (!store) std::_Exit(2);
    limit_files(kRoomBytes + static_cast<uint64_t>(round) * 1'000);
    fill(**store);
    limit_files(RLIM_INFINITY);
  }
  std::filesystem::remove_all(path);
  std::_Exit(0);
}

TEST(FullDisk, EveryThreadThatMeetsItIsToldInWords) {
  // A process of its own, as the limit holds for all of it.
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(fill_again_and_again(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace freshet::kv
