// A member that is told that another process has its place: librdkafka's own mock brokers say it when they are asked
// to, so this needs no Kafka.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
// After the one above, which it needs.
#include <librdkafka/rdkafka_mock.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "eventlog/kafka/cluster.h"
#include "eventlog/kafka/consume/group_member.h"
#include "eventlog/kafka/reader.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr int16_t kJoinGroup = 11;  // of the protocol
constexpr int16_t kSyncGroup = 14;
constexpr env::TimeUs kRejoinPatienceUs = 60'000'000;
constexpr size_t kPartitions = 4;

class Place : public testing::Test {
 protected:
  void SetUp() override {
    brokers_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0);
    mock_ = rd_kafka_mock_cluster_new(brokers_, 1);
    options_.brokers = rd_kafka_mock_cluster_bootstraps(mock_);
    options_.topic_prefix = "place.";
    ASSERT_EQ(rd_kafka_mock_topic_create(mock_, "place.changes", kPartitions, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    cluster_ = std::make_unique<Cluster>(options_, env::real_clock(), Reader::open_client(options_).value());
    ASSERT_TRUE(cluster_->connect());
    consumer_ = open_member(0);
    ASSERT_TRUE(consumer_);
  }
  std::unique_ptr<Consumer> open_member(uint32_t member) {
    ConsumerOptions consumer;
    consumer.group = "reaction";
    consumer.topics = {Topic::kChanges};
    consumer.delivery = Delivery::kAtLeastOnce;
    consumer.member = member;
    auto opened = GroupMember::open(options_, env::real_clock(), *cluster_, consumer);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  // A record in each partition.
  void write_everywhere() const {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", options_.brokers.c_str(), nullptr, 0);
    char value[] = "x";
    rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, nullptr, 0);
    rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, "place.changes", nullptr);
    for (int32_t i = 0; i < static_cast<int32_t>(kPartitions); ++i)
      EXPECT_EQ(rd_kafka_produce(topic, i, RD_KAFKA_MSG_F_COPY, value, 1, nullptr, 0, nullptr), 0);
    EXPECT_EQ(rd_kafka_flush(producer, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
  }
  void TearDown() override {
    consumer_.reset();
    cluster_.reset();
    rd_kafka_mock_cluster_destroy(mock_);
    rd_kafka_destroy(brokers_);
  }
  void say_fenced(int times) {
    for (int i = 0; i < times; ++i)
      rd_kafka_mock_push_request_errors(mock_, kJoinGroup, 1, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
  }
  // Until it is so, or until a poll fails.
  Status poll_until(const std::function<bool()>& enough) {
    const env::TimeUs end = env::real_clock().monotonic_us() + kRejoinPatienceUs;
    while (!enough()) {
      if (env::real_clock().monotonic_us() > end) return fail(Code::kRetry, "the test's patience is over");
      FRESHET_ASSIGN(auto polled, consumer_->poll(1u << 20, 100'000));
      for (const TopicPartition of : polled.revoked) EXPECT_EQ(assigned_.erase(of), 1u);
      for (const TopicPartition of : polled.assigned) EXPECT_TRUE(assigned_.insert(of).second);
      for (const Fetched& fetched : polled.fetched)
        if (!fetched.records.empty()) read_.insert(fetched.from);
    }
    return {};
  }

  KafkaOptions options_;
  rd_kafka_t* brokers_ = nullptr;
  rd_kafka_mock_cluster_t* mock_ = nullptr;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Consumer> consumer_;
  std::set<TopicPartition> assigned_, read_;
};

TEST_F(Place, IsClaimedOnceMore) {
  say_fenced(1);
  const Status got = poll_until([&] { return assigned_.size() == kPartitions; });
  EXPECT_TRUE(got) << got.error().message;
}

// Brokers that come and go say it again, of a member that has no rival. These can't be asked who its members are.
TEST_F(Place, IsJoinedAgainAfterASilenceIfNobodyIsSeenToHoldIt) {
  consumer_.reset();
  options_.session_timeout_us = 4'000'000;  // longer than these brokers wait for more members
  say_fenced(2);
  consumer_ = open_member(0);
  ASSERT_TRUE(consumer_);
  const Status got = poll_until([&] { return assigned_.size() == kPartitions; });
  EXPECT_TRUE(got) << got.error().message;
}

// librdkafka 2.0.2 would end the process (an assertion, "assignor_state").
TEST_F(Place, CanBeLeftBeforeTheFirstAssignment) {
  const std::vector<rd_kafka_resp_err_t> rebalancing(100, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
  rd_kafka_mock_push_request_errors_array(mock_, kSyncGroup, rebalancing.size(), rebalancing.data());
  consumer_ = open_member(1);
  ASSERT_TRUE(consumer_);
  const env::TimeUs end = env::real_clock().monotonic_us() + 3'000'000;
  const Status got = poll_until([&] { return env::real_clock().monotonic_us() > end; });
  EXPECT_TRUE(got) << got.error().message;
  EXPECT_TRUE(assigned_.empty());
  consumer_.reset();
}

TEST_F(Place, WhatComesBackIsReadThoughItWasPaused) {
  ASSERT_TRUE(poll_until([&] { return assigned_.size() == kPartitions; }));
  for (const TopicPartition of : assigned_) consumer_->pause(of, true);
  std::unique_ptr<Consumer> other = open_member(1);
  ASSERT_TRUE(poll_until([&] {
    (void)other->poll(1u << 20, 10'000);
    return assigned_.size() < kPartitions;
  }));
  const std::set<TopicPartition> kept = assigned_;
  ASSERT_FALSE(kept.empty());
  other.reset();
  ASSERT_TRUE(poll_until([&] { return assigned_.size() == kPartitions; }));
  write_everywhere();
  const Status read = poll_until([&] { return read_.size() == kPartitions - kept.size(); });
  EXPECT_TRUE(read) << read.error().message;
  for (const TopicPartition of : kept) EXPECT_FALSE(read_.contains(of));
}

}  // namespace
}  // namespace freshet::eventlog::kafka
