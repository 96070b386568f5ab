// Who may commit, on a real broker: zombies, silent members, and what the dead leave open.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <set>

#include "eventlog/kafka/client.h"
#include "eventlog/kafka/kafka_log.h"
#include "eventlog/kafka/produce/transactions.h"
#include "testing/kafka_broker.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr TopicPartition kIn{Topic::kActions, 0};

// One process: its log and its member of the group "action".
struct Process {
  std::unique_ptr<EventLog> log;
  std::unique_ptr<Consumer> consumer;
  std::set<TopicPartition> assigned;
  std::vector<std::string> read;
  Offset next = 0;

  void poll() {
    auto polled = consumer->poll(1u << 20, 100'000);
    ASSERT_TRUE(polled) << polled.error().message;
    for (const TopicPartition of : polled->revoked) assigned.erase(of);
    for (const TopicPartition of : polled->assigned) assigned.insert(of);
    for (const Fetched& fetched : polled->fetched) {
      for (const RecordView& record : fetched.records) read.emplace_back(record.value);
      next = fetched.next;
    }
  }
  void poll_until(const std::function<bool()>& enough) {
    const env::TimeUs end = env::real_clock().monotonic_us() + kPatienceUs;
    while (!enough() && env::real_clock().monotonic_us() < end && !testing::Test::HasFatalFailure()) poll();
    EXPECT_TRUE(enough());
  }
  Status commit(const std::string& output) {
    Transaction transaction;
    transaction.done = {{kIn, next}};
    transaction.outputs.push_back({kOut, {}});
    transaction.outputs.back().records.add("k", output);
    return consumer->commit(std::move(transaction));
  }
};

class Fencing : public testing::Test {
 protected:
  void SetUp() override {
    if (test_brokers().empty()) GTEST_SKIP() << "FRESHET_KAFKA_BROKERS is not set: ./dev kafka up";
    options_ = test_options();
    options_.static_membership = false;
    log_ = open_test_log(options_);
    ASSERT_TRUE(log_->create_topic(Topic::kActions, {}));
    ASSERT_TRUE(log_->create_topic(Topic::kChanges, {}));
    append("in1");
  }
  void append(const std::string& value) {
    std::vector<Produce> batches(1);
    batches[0].to = kIn;
    batches[0].records.add("k", value);
    std::promise<Status> done;
    log_->append(std::move(batches), [&](Status status) { done.set_value(std::move(status)); });
    ASSERT_TRUE(done.get_future().get());
  }
  Process start(const std::string& client_id) {
    KafkaOptions options = options_;
    options.client_id = client_id;
    Process out;
    out.log = open_test_log(options);
    ConsumerOptions consumer;
    consumer.group = "action";
    consumer.topics = {Topic::kActions};
    out.consumer = std::move(out.log->open_consumer(consumer).value());
    return out;
  }
  std::vector<std::string> outputs() {
    std::vector<std::string> out;
    const auto fetched = log_->read(kOut, 0, 1u << 20);
    EXPECT_TRUE(fetched);
    for (const RecordView& record : fetched->records) out.emplace_back(record.value);
    return out;
  }

  KafkaOptions options_;
  std::unique_ptr<EventLog> log_;
};

TEST_F(Fencing, WhatAZombieWithTheSameTransactionalIdSaysIsNotHeard) {
  Process zombie = start("w");
  zombie.poll_until([&] { return zombie.read.size() == 1; });
  ASSERT_TRUE(zombie.commit("first"));
  Process successor = start("w");  // the same name: it begins the same id
  const Status late = zombie.commit("from the grave");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kRetry) << late.error().message;  // brokers that die say so, too
  zombie.consumer.reset();
  append("in2");
  successor.poll_until([&] { return successor.read.size() == 1; });
  EXPECT_EQ(successor.read, (std::vector<std::string>{"in2"}));
  ASSERT_TRUE(successor.commit("second"));
  EXPECT_EQ(outputs(), (std::vector<std::string>{"first", "second"}));
}

// It begins the id once more; its successor begins it again, and that decides it.
TEST_F(Fencing, AZombieWithTheSameTransactionalIdIsFencedTheSecondTime) {
  const Names names(options_.topic_prefix);
  const std::atomic<bool> interrupted{false};
  const GroupMetadata group(rd_kafka_consumer_group_metadata_new((options_.topic_prefix + "action").c_str()));
  Transactions zombie(options_, names, options_.topic_prefix + "id", env::real_clock(), interrupted);
  Transactions successor(options_, names, options_.topic_prefix + "id", env::real_clock(), interrupted);
  const auto commit = [&](Transactions& by, const std::string& value) {
    std::vector<Produce> outputs(1);
    outputs[0].to = kOut;
    outputs[0].records.add("k", value);
    const Status status = by.commit(std::move(outputs), make_list().get(), group.get());
    return status ? "ok" : status.error().code == Code::kFenced ? "fenced" : "again";
  };
  EXPECT_STREQ(commit(zombie, "first"), "ok");
  EXPECT_STREQ(commit(successor, "second"), "ok");
  EXPECT_STREQ(commit(zombie, "from the grave"), "again");
  EXPECT_STREQ(commit(zombie, "third"), "ok");
  EXPECT_STREQ(commit(successor, "not heard"), "again");
  EXPECT_STREQ(commit(successor, "fourth"), "ok");
  EXPECT_STREQ(commit(zombie, "from the grave"), "fenced");
  EXPECT_EQ(outputs(), (std::vector<std::string>{"first", "second", "third", "fourth"}));
}

// The zombie claims its place once more; its successor claims it back, and is seen to have it.
TEST_F(Fencing, TheSamePlaceInTheGroupIsTakenOver) {
  options_.static_membership = true;
  Process zombie = start("w");
  zombie.poll_until([&] { return zombie.read.size() == 1; });
  Process successor = start("w");
  successor.poll_until([&] { return successor.assigned.contains(kIn); });
  const env::TimeUs end = env::real_clock().monotonic_us() + kPatienceUs;
  Code code = Code::kRetry;
  while (code != Code::kFenced && env::real_clock().monotonic_us() < end) {
    const auto polled = zombie.consumer->poll(1u << 20, 100'000);
    if (!polled) code = polled.error().code;
    successor.poll();
  }
  EXPECT_EQ(code, Code::kFenced);
  zombie.consumer.reset();
  successor.poll_until([&] { return successor.assigned.contains(kIn); });
}

// Refused twice, by others that are dead by then: what dying brokers do to a member that has no rival.
TEST_F(Fencing, APlaceThatNobodyHoldsIsJoinedAgain) {
  options_.static_membership = true;
  Process member = start("w");
  member.poll_until([&] { return member.read.size() == 1; });
  for (int i = 0; i < 2; ++i) {
    member.poll_until([&] { return member.assigned.contains(kIn); });
    Process ghost = start("w");
    ghost.poll_until([&] { return ghost.assigned.contains(kIn); });
    member.poll_until([&] { return member.assigned.empty(); });
  }
  append("in2");
  member.poll_until([&] { return member.read.back() == "in2"; });
  const Status first = member.commit("once");  // the ghosts have begun its transactional id
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, Code::kRetry) << first.error().message;
  EXPECT_TRUE(member.commit("once"));
}

// What it was told can't be taken up any more then, and librdkafka would wait for that.
TEST_F(Fencing, APlaceThatIsLostBeforeItIsTakenUpIsJoinedAgain) {
  options_.static_membership = true;
  Process member = start("w");
  member.poll_until([&] { return member.assigned.contains(kIn); });
  Process ghost = start("w");
  ghost.poll_until([&] { return ghost.assigned.contains(kIn); });
  env::real_clock().sleep_us(options_.session_timeout_us);  // it hears of it with its heartbeat
  ghost.consumer.reset();
  member.poll_until([&] { return member.read.size() == 1; });
}

TEST_F(Fencing, WhoLeavesBeforeItsFirstPollHoldsNothing) {
  Process silent = start("silent");
  env::real_clock().sleep_us(options_.session_timeout_us);  // the group gives it everything
  silent.consumer.reset();
  Process other = start("other");
  other.poll_until([&] { return other.read.size() == 1; });
}

TEST_F(Fencing, AMemberThatWasSilentForTooLongCanNotCommit) {
  options_.properties = {{"max.poll.interval.ms", "6000"}};
  Process silent = start("silent");
  silent.poll_until([&] { return silent.read.size() == 1; });
  options_.properties.clear();
  Process other = start("other");
  other.poll_until([&] { return other.assigned.contains(kIn); });  // until the silent one is expelled
  other.poll_until([&] { return other.read.size() == 1; });
  const Status late = silent.commit("too late");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kConflict) << late.error().message;
  ASSERT_TRUE(other.commit("once"));
  silent.poll_until([&] { return !silent.assigned.contains(kIn); });
  EXPECT_EQ(outputs(), (std::vector<std::string>{"once"}));
}

// A transaction of `id` that takes the offset further and is never decided.
std::shared_ptr<Client> leave_open(const KafkaOptions& options, const std::string& id) {
  Client::Settings settings;
  settings.fixed = {{"transactional.id", id}, {"transaction.timeout.ms", "60000"}};
  auto client = std::move(Client::open(options, settings).value());
  rd_kafka_t* producer = client->get();
  const auto ok = [](rd_kafka_error_t* error) { EXPECT_EQ(error, nullptr) << rd_kafka_error_string(error); };
  ok(rd_kafka_init_transactions(producer, 20'000));
  ok(rd_kafka_begin_transaction(producer));
  const std::string changes = options.topic_prefix + "changes", actions = options.topic_prefix + "actions";
  rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, changes.c_str(), nullptr);
  EXPECT_EQ(rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, const_cast<char*>("lost"), 4, nullptr, 0, nullptr), 0);
  rd_kafka_topic_destroy(topic);
  EXPECT_EQ(rd_kafka_flush(producer, 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  const PartitionList offsets = make_list();
  rd_kafka_topic_partition_list_add(offsets.get(), actions.c_str(), 0)->offset = 2;
  const GroupMetadata group(rd_kafka_consumer_group_metadata_new((options.topic_prefix + "action").c_str()));
  ok(rd_kafka_send_offsets_to_transaction(producer, offsets.get(), group.get(), 20'000));
  return client;
}

TEST_F(Fencing, ASuccessorAbortsWhatTheLastOwnerLeftOpen) {
  {
    Process owner = start("owner");
    owner.poll_until([&] { return owner.read.size() == 1; });
    ASSERT_TRUE(owner.commit("first"));
  }
  append("in2");
  const auto dead = leave_open(options_, options_.topic_prefix + "action.owner.0");
  const env::TimeUs begun = env::real_clock().monotonic_us();
  Process successor = start("successor");
  successor.poll_until([&] { return successor.read.size() == 1; });
  EXPECT_LT(env::real_clock().monotonic_us() - begun, 40'000'000);  // the brokers would take a minute
  EXPECT_EQ(successor.read, (std::vector<std::string>{"in2"}));
  ASSERT_TRUE(successor.commit("second"));
  EXPECT_EQ(outputs(), (std::vector<std::string>{"first", "second"}));
}

// A lag of what can be read alone would be 0 for as long as nobody decides it.
TEST_F(Fencing, WhatLiesBehindAnOpenTransactionWasAppendedAndCanNotBeRead) {
  const auto dead = leave_open(options_, options_.topic_prefix + "action.gone.0");
  const auto readable = log_->all_watermarks(Topic::kChanges);
  const auto appended = log_->all_appended(Topic::kChanges);
  ASSERT_TRUE(readable && appended);
  EXPECT_EQ(readable->front().high, 0);
  EXPECT_EQ(appended->front().high, 1);
  EXPECT_TRUE(outputs().empty());
  EXPECT_EQ(log_->all_appended(Topic::kActions)->front().high, 1);
}

TEST_F(Fencing, AProcessThatComesBackAbortsItsOwn) {
  const auto dead = leave_open(options_, options_.topic_prefix + "action.w.0");
  Process back = start("w");
  back.poll_until([&] { return back.read.size() == 1; });
  ASSERT_TRUE(back.commit("once"));
  EXPECT_EQ(outputs(), (std::vector<std::string>{"once"}));
}

}  // namespace
}  // namespace freshet::eventlog::kafka
