#include "eventlog/kafka/topic_settings.h"

#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <map>

#include "eventlog/kafka/client.h"
#include "testing/kafka_broker.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr env::TimeUs kHourUs = 3'600'000'000;

std::string value_of(const NewTopic& topic, const std::string& name) {
  for (const auto& [key, value] : topic.settings)
    if (key == name) return value;
  return "";
}

SettingOf look_up(std::map<std::string, std::string> settings) {
  return [settings](const std::string& name) -> std::optional<std::string> {
    const auto found = settings.find(name);
    return found == settings.end() ? std::nullopt : std::optional(found->second);
  };
}

SettingOf look_up(const NewTopic& topic) { return look_up({topic.settings.begin(), topic.settings.end()}); }

std::string mended(const std::vector<WrongSetting>& wrong) {
  std::string out;
  for (const WrongSetting& one : wrong) out += one.mend + " ";
  return out;
}

TEST(TopicSettings, UnlimitedUnlessSaid) {
  EXPECT_EQ(value_of(new_topic({}, 1), "retention.ms"), "-1");
  EXPECT_EQ(value_of(new_topic({}, 1), "retention.bytes"), "-1");
  const TopicOptions hour{1, 1 << 20, kHourUs, {}};
  EXPECT_EQ(value_of(new_topic(hour, 1), "retention.ms"), "3600000");
  EXPECT_EQ(value_of(new_topic(hour, 1), "retention.bytes"), "1048576");
}

// Kafka would delete it unread, so Freshet does it.
TEST(TopicSettings, WhatSomebodyReadsIsKeptByKafkaForEver) {
  const TopicOptions read{1, 1 << 20, kHourUs, {"reaction"}};
  EXPECT_EQ(value_of(new_topic(read, 1), "retention.ms"), "-1");
  EXPECT_EQ(value_of(new_topic(read, 1), "retention.bytes"), "-1");
  EXPECT_EQ(value_of(new_topic(read, 1), "segment.ms"), "25200000") << "so that what is deleted leaves the disk";
  EXPECT_EQ(held_back_us(read), 7 * 24 * kHourUs) << "a week at least";
  EXPECT_EQ(held_back_us({1, 0, 30 * 24 * kHourUs, {"reaction"}}), 30 * 24 * kHourUs);
}

// Topics of earlier versions have a week; they work on, and it is told.
TEST(TopicSettings, AnEarlierTopicDeletesUnreadAndSaysSo) {
  const TopicOptions read{1, 1 << 20, kHourUs, {"reaction"}};
  const SettingOf week = look_up({{"retention.ms", "604800000"}});
  EXPECT_EQ(mended(wrong_settings(read, 1, week)), "");
  EXPECT_EQ(deletes_unread_ms(read, week), 604'800'000);
  EXPECT_EQ(deletes_unread_ms(read, look_up({{"retention.ms", "-1"}})), std::nullopt);
  EXPECT_EQ(deletes_unread_ms({1, 0, kHourUs, {}}, week), std::nullopt) << "nobody is waited for";
  EXPECT_EQ(mended(wrong_settings(read, 1, look_up({{"retention.ms", "3600000"}}))), "retention.ms=604800000 ");
}

TEST(TopicSettings, SegmentsAreShortWhereOldOnesMustGo) {
  EXPECT_EQ(value_of(new_topic({}, 1), "segment.ms"), "604800000") << "kept for ever";
  EXPECT_EQ(value_of(new_topic({1, 0, 0, {"action"}}, 1), "segment.ms"), "3600000") << "trimmed by its reader";
  EXPECT_EQ(value_of(new_topic({1, 0, 30 * 24 * kHourUs, {}}, 1), "segment.ms"), "86400000");
  EXPECT_EQ(value_of(new_topic({1, 0, kHourUs, {}}, 1), "segment.ms"), "3600000");
}

TEST(TopicSettings, DeletedRecordsLingerAsTheSettingsSay) {
  EXPECT_EQ(lingers_us(look_up({{"segment.ms", "1000"}, {"file.delete.delay.ms", "100"}}),
                       look_up({{"log.retention.check.interval.ms", "10"}})),
            1'110'000 + 60'000'000);
  const SettingOf nothing = [](const std::string&) { return std::optional<std::string>(); };
  EXPECT_EQ(lingers_us(nothing, nothing), 7 * 24 * kHourUs + 420'000'000) << "Kafka's own settings";
}

TEST(TopicSettings, ThreeBrokersHoldTwo) {
  EXPECT_EQ(new_topic({}, 0).replication, 1);
  EXPECT_EQ(new_topic({}, 2).replication, 2);
  EXPECT_EQ(value_of(new_topic({}, 2), "min.insync.replicas"), "1");
  EXPECT_EQ(new_topic({}, 5).replication, 3);
  EXPECT_EQ(value_of(new_topic({}, 5), "min.insync.replicas"), "2");
}

TEST(TopicSettings, WhatIsCreatedIsRight) {
  for (const int brokers : {1, 2, 3, 9}) {
    for (const TopicOptions& options : {TopicOptions{}, TopicOptions{4, 1000, kHourUs, {}},
                                        TopicOptions{4, 0, kHourUs, {"g"}}, TopicOptions{1, 0, 0, {}, true}}) {
      const NewTopic made = new_topic(options, brokers);
      EXPECT_EQ(mended(wrong_settings(options, made.replication, look_up(made))), "");
    }
  }
}

TEST(TopicSettings, ATopicOfTheLatestIsCompacted) {
  const TopicOptions latest{1, 0, 0, {}, true};
  EXPECT_EQ(value_of(new_topic(latest, 1), "cleanup.policy"), "compact");
  EXPECT_EQ(mended(wrong_settings(latest, 1, look_up({{"cleanup.policy", "delete"}}))), "cleanup.policy=compact ");
  EXPECT_EQ(mended(wrong_settings(latest, 1, look_up({{"cleanup.policy", "compact,delete"}}))),
            "cleanup.policy=compact ");
}

TEST(TopicSettings, SaysWhatIsWrong) {
  EXPECT_EQ(mended(wrong_settings({}, 1, look_up({{"cleanup.policy", "compact"}}))), "cleanup.policy=delete ");
  EXPECT_EQ(mended(wrong_settings({}, 1, look_up({{"cleanup.policy", "compact,delete"}}))), "cleanup.policy=delete ");
  EXPECT_EQ(mended(wrong_settings({}, 1, look_up({{"retention.ms", "604800000"}, {"retention.bytes", "-1"}}))),
            "retention.ms=-1 ");
  EXPECT_EQ(
      mended(wrong_settings({1, 1000, kHourUs, {}}, 1, look_up({{"retention.ms", "-1"}, {"retention.bytes", "2000"}}))),
      "");
  EXPECT_EQ(mended(wrong_settings({1, 1000, 0, {}}, 1, look_up({{"retention.bytes", "999"}}))),
            "retention.bytes=1000 ");
  EXPECT_EQ(mended(wrong_settings({}, 3, look_up({{"min.insync.replicas", "1"}}))), "min.insync.replicas=2 ");
  EXPECT_EQ(mended(wrong_settings({}, 1, look_up({{"min.insync.replicas", "2"}}))), "min.insync.replicas=1 ");
  EXPECT_EQ(mended(wrong_settings({}, 3, look_up({{"min.insync.replicas", "2"}}))), "");
  EXPECT_EQ(mended(wrong_settings({}, 1, look_up({{"max.message.bytes", "1048588"}}))), "max.message.bytes=16777216 ");
  EXPECT_EQ(mended(wrong_settings({}, 1, look_up({{"unclean.leader.election.enable", "true"}}))),
            "unclean.leader.election.enable=false ");
}

TEST(KafkaLog, SaysThatNoBrokerIsThere) {
  KafkaOptions options;
  options.brokers = "127.0.0.1:1";
  options.properties = {{"sasl.password", "hunter2"}};
  options.open_timeout_us = 500'000;
  const auto log = open_kafka_log(options, env::real_clock());
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Code::kRetry);
  EXPECT_NE(log.error().message.find("127.0.0.1:1"), std::string::npos) << log.error().message;
  EXPECT_NE(log.error().message.find("refused"), std::string::npos) << log.error().message;
  EXPECT_EQ(log.error().message.find("hunter2"), std::string::npos);
}

// The system's time, some days ahead.
class ClockAhead final : public env::Clock {
 public:
  explicit ClockAhead(env::TimeUs by) : by_(by) {}
  env::TimeUs now_us() override { return env::real_clock().now_us() + by_; }
  env::TimeUs monotonic_us() override { return env::real_clock().monotonic_us(); }
  void sleep_us(env::TimeUs duration) override { env::real_clock().sleep_us(duration); }

 private:
  const env::TimeUs by_;
};

TEST(KafkaLog, WhatIsOldGoesOnceItWasRead) {
  if (test_brokers().empty()) GTEST_SKIP() << "FRESHET_KAFKA_BROKERS is not set: ./dev kafka up";
  const KafkaOptions options = test_options();
  ClockAhead next_week(8 * 24 * kHourUs);
  const auto log = std::move(open_kafka_log(options, next_week).value());
  ASSERT_TRUE(log->create_topic(Topic::kChanges, {2, 0, kHourUs, {"reader"}}));
  std::vector<Produce> batch(1);
  batch[0].to = {Topic::kChanges, 0};
  for (int i = 0; i < 10; ++i) batch[0].records.add("k", "v");
  std::promise<Status> written;
  log->append(std::move(batch), [&](Status status) { written.set_value(std::move(status)); });
  ASSERT_TRUE(written.get_future().get());
  const auto low = [&log] { return log->watermarks({Topic::kChanges, 0}).value().low; };
  ASSERT_TRUE(log->retire(Topic::kChanges));
  EXPECT_EQ(low(), 0) << "nobody has read it";

  const ConsumerOptions reader{.group = "reader", .topics = {Topic::kChanges}, .delivery = Delivery::kAtLeastOnce};
  const auto consumer = std::move(log->open_consumer(reader).value());
  const env::TimeUs until = env::real_clock().monotonic_us() + kPatienceUs;
  Offset next = 0;
  while (next < 10 && env::real_clock().monotonic_us() < until) {
    const auto polled = consumer->poll(1 << 20, 100'000);
    ASSERT_TRUE(polled) << polled.error().message;
    for (const Fetched& fetched : polled->fetched) next = std::max(next, fetched.next);
  }
  ASSERT_TRUE(consumer->commit({{}, {{{Topic::kChanges, 0}, 6}}}));
  ASSERT_TRUE(log->retire(Topic::kChanges));
  EXPECT_EQ(low(), 6) << "as far as it was read";

  const auto today = open_test_log(options);
  ASSERT_TRUE(today->create_topic(Topic::kChanges, {2, 0, kHourUs, {"reader"}}));
  ASSERT_TRUE(consumer->commit({{}, {{{Topic::kChanges, 0}, 10}}}));
  ASSERT_TRUE(today->retire(Topic::kChanges));
  EXPECT_EQ(low(), 6) << "the rest is young";

  ASSERT_TRUE(log->retire(Topic::kChanges));
  EXPECT_EQ(low(), 10) << "all of it";
  EXPECT_GT(log->watermarks({Topic::kChanges, 0}).value().high, 10) << "nothing ends the file that it lay in";
  EXPECT_EQ(log->watermarks({Topic::kChanges, 1}).value().high, 0) << "where nothing was nothing is written";
}

TEST(KafkaLog, AForeignTopicIsRefusedWithTheRemedy) {
  if (test_brokers().empty()) GTEST_SKIP() << "FRESHET_KAFKA_BROKERS is not set: ./dev kafka up";
  const KafkaOptions options = test_options();
  TopicOptions hour;
  hour.retention_us = kHourUs;
  ASSERT_TRUE(open_test_log(options)->create_topic(Topic::kActions, hour));
  const Status created = open_test_log(options)->create_topic(Topic::kActions, {});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, Code::kInvalid);
  EXPECT_NE(created.error().message.find("kafka-configs.sh --bootstrap-server"), std::string::npos)
      << created.error().message;
  EXPECT_NE(created.error().message.find("--add-config retention.ms=-1"), std::string::npos) << created.error().message;
}

TEST(TopicSettings, WithoutEndIsNotAnOverflow) {
  constexpr const char* kMost = "9223372036854775807";
  const SettingOf most = look_up({{"segment.ms", kMost}, {"file.delete.delay.ms", kMost}});
  EXPECT_EQ(lingers_us(most, look_up({{"log.retention.check.interval.ms", kMost}})),
            std::numeric_limits<env::TimeUs>::max());
}

}  // namespace
}  // namespace freshet::eventlog::kafka
