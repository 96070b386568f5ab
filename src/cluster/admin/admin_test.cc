// Admin against a real broker: FRESHET_KAFKA_BROKERS; ./dev kafka up starts one. Each test has topics of its own there.
#include "cluster/admin/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cluster/admin/assignment.h"

namespace freshet::cluster {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Do = Admin::Do;

class LiveAdmin : public testing::Test {
 protected:
  void SetUp() override {
    const char* brokers = std::getenv("FRESHET_KAFKA_BROKERS");
    if (brokers == nullptr) GTEST_SKIP() << "FRESHET_KAFKA_BROKERS is not set: ./dev kafka up";
    connection_.bootstrap = brokers;
    connection_.timeout_us = 60'000'000;
    auto connected = connect(connection_);
    ASSERT_TRUE(connected) << connected.error().message;
    admin_ = *std::move(connected);
    topic_ = "admin-" + std::to_string(getpid()) + "-" + std::to_string(env::real_clock().now_us());
  }
  // What the brokers say of the topic by now; nullopt: nothing.
  std::optional<LivingTopic> look() {
    const auto view = admin_->describe();
    EXPECT_TRUE(view) << view.error().message;
    const auto found = std::ranges::find(view->topics, topic_, &LivingTopic::name);
    return found == view->topics.end() ? std::nullopt : std::optional(*found);
  }
  // A change is known to all brokers a moment after it was answered.
  template <class Condition>
  void eventually(const Condition& condition) {
    const env::TimeUs end = env::real_clock().monotonic_us() + connection_.timeout_us;
    while (!condition()) {
      ASSERT_LT(env::real_clock().monotonic_us(), end);
      env::real_clock().sleep_us(20'000);
    }
  }
  std::optional<Config> config(const std::string& name) {
    const auto all = admin_->configs({{Resource::Kind::kTopic, topic_}});
    EXPECT_TRUE(all) << all.error().message;
    const auto found = std::ranges::find(all->front().configs, name, &Config::name);
    return found == all->front().configs.end() ? std::nullopt : std::optional(*found);
  }
  void make(uint32_t partitions) {
    const Status made = admin_->create_topic({topic_, partitions, 1, {{"retention.ms", "3600000"}}}, Do::kIt);
    ASSERT_TRUE(made) << made.error().message;
    eventually([&] {
      const auto now = look();
      return now && now->partitions.size() == partitions &&
             std::ranges::all_of(now->partitions, [](const Partition& p) { return p.leader >= 0; });
    });
    std::vector<PartitionRef> all;
    for (uint32_t p = 0; p < partitions; ++p) all.push_back({topic_, static_cast<int32_t>(p)});
    eventually([&] {  // A leader learns a moment later that it is one.
      const auto answers = admin_->offsets(all, {});
      return answers && std::ranges::all_of(*answers, [](const OffsetAnswer& one) { return one.error.empty(); });
    });
  }

  Connection connection_;
  std::unique_ptr<Admin> admin_;
  std::string topic_;
};

TEST_F(LiveAdmin, DescribesTheCluster) {
  const auto view = admin_->describe();
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_FALSE(view->id.empty());
  ASSERT_FALSE(view->brokers.empty());
  EXPECT_GT(view->brokers.front().port, 0);
  EXPECT_FALSE(view->brokers.front().host.empty());
}

TEST_F(LiveAdmin, MakesATopicAndGivesItPartitions) {
  ASSERT_TRUE(admin_->create_topic({topic_, 2, 1, {}}, Do::kCheck));
  EXPECT_FALSE(look());
  make(2);
  const auto again = admin_->create_topic({topic_, 2, 1, {}}, Do::kIt);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict) << again.error().message;
  ASSERT_TRUE(admin_->add_partitions(topic_, 5, Do::kCheck));
  const auto grown = admin_->add_partitions(topic_, 5, Do::kIt);
  ASSERT_TRUE(grown) << grown.error().message;
  eventually([&] { return look()->partitions.size() == 5; });
  EXPECT_EQ(look()->partitions[4].replicas.size(), 1u);
  const auto fewer = admin_->add_partitions(topic_, 3, Do::kIt);
  ASSERT_FALSE(fewer);
  EXPECT_EQ(fewer.error().code, Code::kInvalid) << fewer.error().message;
}

TEST_F(LiveAdmin, RefusesWhatTheBrokersRefuse) {
  const auto replicas = admin_->create_topic({topic_, 1, 9, {}}, Do::kIt);
  ASSERT_FALSE(replicas);
  EXPECT_EQ(replicas.error().code, Code::kInvalid);
  EXPECT_THAT(replicas.error().message, HasSubstr("more replicas than brokers run"));
  const auto config = admin_->create_topic({topic_, 1, 1, {{"retention.mss", "1"}}}, Do::kIt);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kInvalid) << config.error().message;
  const auto absent = admin_->configs({{Resource::Kind::kTopic, topic_}});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::kNotFound) << absent.error().message;
}

TEST_F(LiveAdmin, ChangesConfigsKeyByKey) {
  make(1);
  EXPECT_EQ(config("retention.ms")->value, "3600000");
  EXPECT_EQ(config("retention.ms")->source, ConfigSource::kTopic);
  EXPECT_NE(config("segment.bytes")->source, ConfigSource::kTopic);
  const Resource of{Resource::Kind::kTopic, topic_};
  ASSERT_TRUE(admin_->change_configs(of, {{"segment.bytes", "20000000"}}, Do::kIt));
  eventually([&] { return config("segment.bytes")->value == "20000000"; });
  EXPECT_EQ(config("retention.ms")->value, "3600000");  // the other key is as it was
  ASSERT_TRUE(admin_->change_configs(of, {{"retention.ms", std::nullopt}}, Do::kIt));
  eventually([&] { return config("retention.ms")->source != ConfigSource::kTopic; });
  const auto wrong = admin_->change_configs(of, {{"retention.ms", "soon"}}, Do::kIt);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kInvalid) << wrong.error().message;
}

TEST_F(LiveAdmin, TellsBrokersConfigs) {
  const auto view = admin_->describe();
  ASSERT_TRUE(view);
  std::vector<Resource> of;
  for (const Broker& broker : view->brokers) of.push_back({Resource::Kind::kBroker, std::to_string(broker.id)});
  const auto all = admin_->configs(of);
  ASSERT_TRUE(all) << all.error().message;
  const auto& configs = all->front().configs;
  const auto dirs = std::ranges::find(configs, "log.dirs", &Config::name);
  ASSERT_NE(dirs, configs.end());
  EXPECT_EQ(dirs->source, ConfigSource::kStatic);
  EXPECT_TRUE(dirs->read_only);
}

TEST_F(LiveAdmin, TellsOffsetsOfEachPartition) {
  make(3);
  const std::vector<PartitionRef> of = {{topic_, 0}, {topic_, 2}, {topic_, 0}, {topic_, 7}};
  for (const auto kind : {OffsetAt::Kind::kEarliest, OffsetAt::Kind::kLatest, OffsetAt::Kind::kLatestStable}) {
    const auto offsets = admin_->offsets(of, {kind});
    ASSERT_TRUE(offsets) << offsets.error().message;
    ASSERT_EQ(offsets->size(), 4u);
    EXPECT_EQ((*offsets)[0].offset, 0) << (*offsets)[0].error;
    EXPECT_EQ((*offsets)[1].offset, 0);
    EXPECT_EQ((*offsets)[2].offset, 0);
    EXPECT_FALSE((*offsets)[3].offset);
    EXPECT_THAT((*offsets)[3].error, Not(IsEmpty()));
  }
  const auto at = admin_->offsets({{topic_, 0}}, {OffsetAt::Kind::kTime, 1'700'000'000'000});
  ASSERT_TRUE(at) << at.error().message;
  EXPECT_FALSE(at->front().offset) << "an empty partition has no record of any time";
  EXPECT_THAT(at->front().error, IsEmpty());
}

TEST_F(LiveAdmin, TellsGroups) {
  make(2);
  const auto groups = admin_->groups();
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_THAT(groups->errors, IsEmpty());
  const auto committed = admin_->committed("group-of-" + topic_, {{topic_, 0}, {topic_, 1}});
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_THAT(*committed, IsEmpty());
  const auto members = admin_->members("group-of-" + topic_);
  ASSERT_TRUE(members) << members.error().message;
  EXPECT_THAT(*members, IsEmpty());
}

TEST(Admin, SaysWhyNobodyAnswers) {
  Connection connection{.bootstrap = "127.0.0.1:1", .properties = {}, .timeout_us = 500'000};
  const auto none = connect(connection);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::kRetry);
  EXPECT_THAT(none.error().message, HasSubstr("none of the brokers at 127.0.0.1:1 answered"));
}

TEST(Properties, AreCheckedWithoutTellingSecrets) {
  EXPECT_TRUE(check_properties({{"security.protocol", "SASL_SSL"}, {"sasl.password", "x"}}));
  EXPECT_THAT(check_properties({{"sasl.pasword", "hunter2"}}).error().message, HasSubstr("sasl.pasword: librdkafka"));
  EXPECT_THAT(check_properties({{"bootstrap.servers", "h:1"}}).error().message, HasSubstr("not to be set here"));
  EXPECT_THAT(check_properties({{"socket.timeout.ms", "soon"}}).error().message, HasSubstr("socket.timeout.ms: "));
}

TEST(Properties, AreReadFromAFile) {
  const auto read = parse_properties("# a comment\n\n security.protocol = SSL \r\nsasl.password=a=b #c\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, (Properties{{"security.protocol", "SSL"}, {"sasl.password", "a=b #c"}}));
  for (const char* wrong : {"a=b\nhunter2\n", "a=b\n=hunter2", "a=b\n  = hunter2"}) {
    const auto refused = parse_properties(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().message, "line 2: is not NAME=VALUE");
  }
}

TEST(Assignment, IsReadAndLiesAreRefused) {
  using std::string_literals::operator""s;
  const std::string bytes = "\0\1\0\0\0\2\0\1b\0\0\0\1\0\0\0\3\0\2aa\0\0\0\2\0\0\0\1\0\0\0\0\xff\xff\xff\xff"s;
  EXPECT_EQ(parse_assignment(bytes), (std::vector<PartitionRef>{{"aa", 0}, {"aa", 1}, {"b", 3}}));
  for (size_t cut = 0; cut + 4 < bytes.size(); ++cut) EXPECT_THAT(parse_assignment(bytes.substr(0, cut)), IsEmpty());
  EXPECT_THAT(parse_assignment("\0\0\x7f\xff\xff\xff\0\1a"s), IsEmpty());
  EXPECT_THAT(parse_assignment("\0\0\0\0\0\1\0\1a\x7f\xff\xff\xff\0\0\0\1"s), IsEmpty());
  EXPECT_THAT(parse_assignment("\xff\xff\0\0\0\0"s), IsEmpty());
}

}  // namespace
}  // namespace freshet::cluster
