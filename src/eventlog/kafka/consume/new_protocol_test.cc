// What brokers and this librdkafka do with Kafka's new group protocol (KIP-848), of which decision 0039 makes a plan:
// by the library alone, as members of ours do not use it. Needs brokers of 4.x.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

#include "eventlog/kafka/cluster.h"
#include "eventlog/kafka/reader.h"
#include "testing/kafka_broker.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr uint32_t kPartitionsOfGroup = 4;
constexpr env::TimeUs kJoinPatienceUs = 20'000'000;

class NewGroupProtocol : public testing::Test {
 protected:
  void SetUp() override {
    if (test_brokers().empty()) GTEST_SKIP() << "FRESHET_KAFKA_BROKERS is not set: ./dev kafka up";
    const auto log = open_test_log(options_);
    ASSERT_TRUE(log->create_topic(Topic::kChanges, {kPartitionsOfGroup, 0, 0, {}}));
    topic_ = options_.topic_prefix + "changes";
    group_ = options_.topic_prefix + "new";
    first_ = member("first");
    if (!wait_for_share(*first_, kPartitionsOfGroup)) GTEST_SKIP() << "these brokers do not have the new protocol";
  }

  using Handle = std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)>;
  static Handle open(rd_kafka_type_t type, const KafkaProperties& properties) {
    rd_kafka_conf_t* const conf = rd_kafka_conf_new();
    char words[512];
    for (const auto& [name, value] : properties)
      EXPECT_EQ(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), words, sizeof words), RD_KAFKA_CONF_OK) << words;
    rd_kafka_t* const handle = rd_kafka_new(type, conf, words, sizeof words);
    EXPECT_NE(handle, nullptr) << words;
    return {handle, rd_kafka_destroy};
  }
  [[nodiscard]] Handle member(const std::string& instance) const {
    Handle handle = open(RD_KAFKA_CONSUMER, {{"bootstrap.servers", options_.brokers},
                                             {"group.id", group_},
                                             {"group.protocol", "consumer"},
                                             {"group.instance.id", instance},
                                             {"enable.auto.commit", "false"},
                                             {"auto.offset.reset", "earliest"}});
    rd_kafka_poll_set_consumer(handle.get());
    const PartitionList wanted = make_list();
    rd_kafka_topic_partition_list_add(wanted.get(), topic_.c_str(), RD_KAFKA_PARTITION_UA);
    EXPECT_EQ(rd_kafka_subscribe(handle.get(), wanted.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
    return handle;
  }
  static int share_of(rd_kafka_t& member) {
    rd_kafka_topic_partition_list_t* list = nullptr;
    if (rd_kafka_assignment(&member, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return 0;
    const int count = list->cnt;
    rd_kafka_topic_partition_list_destroy(list);
    return count;
  }
  // Until the first has so many, while both go on polling.
  static bool wait_for_share(rd_kafka_t& member, uint32_t share, rd_kafka_t* other = nullptr) {
    const env::TimeUs until = env::real_clock().monotonic_us() + kJoinPatienceUs;
    while (env::real_clock().monotonic_us() < until) {
      for (rd_kafka_t* const each : {&member, other})
        if (rd_kafka_message_t* const got = each == nullptr ? nullptr : rd_kafka_consumer_poll(each, 50))
          rd_kafka_message_destroy(got);
      if (share_of(member) == static_cast<int>(share)) return true;
    }
    return false;
  }

  KafkaOptions options_ = test_options();
  std::string topic_, group_;
  Handle first_{nullptr, rd_kafka_destroy};
};

TEST_F(NewGroupProtocol, ASecondMemberTakesItsShareWithoutABarrier) {
  const env::TimeUs began = env::real_clock().monotonic_us();
  const Handle second = member("second");
  EXPECT_TRUE(wait_for_share(*second, kPartitionsOfGroup / 2, first_.get()));
  EXPECT_EQ(share_of(*first_), static_cast<int>(kPartitionsOfGroup / 2));
  RecordProperty("shared_after_ms", static_cast<int>((env::real_clock().monotonic_us() - began) / 1000));
}

TEST_F(NewGroupProtocol, OffsetsGoWithATransaction) {
  const Handle producer = open(
      RD_KAFKA_PRODUCER, {{"bootstrap.servers", options_.brokers}, {"transactional.id", options_.topic_prefix + "id"}});
  const auto is_well = [](rd_kafka_error_t* error) {
    const std::string words = error == nullptr ? "" : rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    return words;
  };
  ASSERT_EQ(is_well(rd_kafka_init_transactions(producer.get(), 20'000)), "");
  ASSERT_EQ(is_well(rd_kafka_begin_transaction(producer.get())), "");
  const PartitionList places = make_list();
  rd_kafka_topic_partition_list_add(places.get(), topic_.c_str(), 0)->offset = 7;
  rd_kafka_consumer_group_metadata_t* const group = rd_kafka_consumer_group_metadata(first_.get());
  EXPECT_EQ(is_well(rd_kafka_send_offsets_to_transaction(producer.get(), places.get(), group, 20'000)), "");
  rd_kafka_consumer_group_metadata_destroy(group);
  EXPECT_EQ(is_well(rd_kafka_commit_transaction(producer.get(), 20'000)), "");
  Cluster cluster(options_, env::real_clock(), Reader::open_client(options_).value());
  ASSERT_TRUE(cluster.connect());
  const auto place = cluster.place(group_, {Topic::kChanges, 0});
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(*place, 7) << "who never joined reads it as ever";
}

// What stands in the way: whose transaction may be aborted is decided by who is still there.
TEST_F(NewGroupProtocol, OurQuestionForMembersFindsNobody) {
  Cluster cluster(options_, env::real_clock(), Reader::open_client(options_).value());
  ASSERT_TRUE(cluster.connect());
  const auto members = cluster.members(group_);
  EXPECT_TRUE(!members || members->empty()) << "it can be asked now: decision 0039 has to be looked at again";
}

}  // namespace
}  // namespace freshet::eventlog::kafka
