#include "app/log_disks.h"

#include <gtest/gtest.h>

namespace freshet::app {
namespace {

using cluster::protocol::DescribeLogDirsResponse;

DescribeLogDirsResponse::Dir log_dir(const std::string& path, int64_t usable, std::vector<int64_t> replicas) {
  DescribeLogDirsResponse::Dir dir;
  dir.path = path;
  dir.total_bytes = 1000;
  dir.usable_bytes = usable;
  if (replicas.empty()) return dir;
  DescribeLogDirsResponse::Topic& topic = dir.topics.emplace_back();
  topic.name = "freshet.actions";
  for (const int64_t bytes : replicas) topic.partitions.emplace_back().bytes = bytes;
  return dir;
}

DescribeLogDirsResponse answer_of(std::vector<DescribeLogDirsResponse::Dir> dirs) {
  DescribeLogDirsResponse answer;
  answer.dirs = std::move(dirs);
  return answer;
}

// A full disk that has nothing of ours is somebody else's.
TEST(LogDisks, TheFullestIsOfThoseThatHaveOurTopics) {
  LogDisksSeen seen;
  seen.add(1, answer_of({log_dir("/a", 500, {10, 20}), log_dir("/b", 3, {})}));
  seen.add(2, answer_of({log_dir("/a", 90, {7})}));
  EXPECT_EQ(seen.bytes, 37U);
  EXPECT_EQ(seen.free_least, 90);
  EXPECT_EQ(seen.fullest, "/a of broker 2");
}

// Before Kafka 3.3 nobody tells.
TEST(LogDisks, WhatIsNotToldHoldsNothingBack) {
  LogDisksSeen seen;
  seen.add(1, answer_of({log_dir("/a", -1, {10})}));
  EXPECT_EQ(seen.bytes, 10U);
  EXPECT_EQ(seen.free_least, std::nullopt);
  LogDisks disks{Config{}};
  disks.judge(seen);
  EXPECT_TRUE(disks.has_room());
  EXPECT_EQ(disks.bytes(), 10U);
}

TEST(LogDisks, TheReserveIsKeptFree) {
  Config config;
  config.log.disk_reserve_bytes = 100;
  LogDisks disks(config);
  const auto with = [&disks](int64_t free) {
    LogDisksSeen seen;
    seen.free_least = free;
    disks.judge(seen);
    return disks.has_room();
  };
  EXPECT_TRUE(with(100));
  EXPECT_FALSE(with(99));
  disks.judge(LogDisksSeen{});
  EXPECT_FALSE(disks.has_room()) << "what is not seen any more stays as it was";
  EXPECT_TRUE(with(101));
}

}  // namespace
}  // namespace freshet::app
