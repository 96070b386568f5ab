// Standbys, on a real broker: who reads along, who takes over, and that whoever was replaced is not heard any more.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "eventlog/kafka/client.h"
#include "eventlog/kafka/kafka_log.h"
#include "testing/kafka_broker.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr uint32_t kSlots = 4;

// One process with one worker, which does what WorkerLoop does: what it owns it commits with an output for each record,
// what it follows it only reads.
struct SlotProcess {
  std::unique_ptr<EventLog> log;
  std::unique_ptr<Consumer> consumer;
  std::set<TopicPartition> owned;
  std::set<TopicPartition> followed;
  std::map<TopicPartition, std::vector<std::string>> read;
  bool dead = false;

  // True if it handed out something that is to be committed.
  std::optional<Transaction> poll() {
    auto polled = consumer->poll(1u << 20, 20'000);
    EXPECT_TRUE(polled) << polled.error().message;
    if (!polled) return std::nullopt;
    for (const TopicPartition of : polled->revoked) {
      owned.erase(of);
      followed.erase(of);
    }
    for (const TopicPartition of : polled->followed) {
      EXPECT_TRUE(followed.insert(of).second);
      read[of].clear();
      consumer->seek(of, 0);
    }
    for (const TopicPartition of : polled->assigned) {
      EXPECT_TRUE(owned.insert(of).second);
      const bool goes_on = followed.erase(of) > 0;
      committed[of] = consumer->committed(of).value().value_or(0);
      if (!goes_on) {
        read[of].clear();
        consumer->seek(of, 0);
      }
    }
    Transaction transaction;
    for (const Fetched& fetched : polled->fetched) {
      for (const RecordView& record : fetched.records) {
        read[fetched.from].emplace_back(record.value);
        if (!owned.contains(fetched.from) || record.offset < committed[fetched.from]) continue;
        transaction.outputs.push_back({kOut, {}});
        transaction.outputs.back().records.add("k", record.value);
      }
      if (owned.contains(fetched.from) && fetched.next > committed[fetched.from])
        transaction.done.push_back({fetched.from, fetched.next});
    }
    return transaction.done.empty() ? std::nullopt : std::optional(std::move(transaction));
  }
  Status commit(Transaction transaction) {
    const auto done = transaction.done;
    Status status = consumer->commit(std::move(transaction));
    for (const Position& position : done) {
      if (status) {
        committed[position.of] = position.next;
        continue;
      }
      const auto next = consumer->committed(position.of);  // as WorkerLoop: begins anew from there
      if (next) committed[position.of] = next->value_or(0);
      read[position.of].clear();
      consumer->seek(position.of, 0);
    }
    return status;
  }
  void step() {
    if (auto transaction = poll()) (void)commit(std::move(*transaction));
  }
  std::map<TopicPartition, Offset> committed;
};

class SlotsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (test_brokers().empty()) GTEST_SKIP() << "FRESHET_KAFKA_BROKERS is not set: ./dev kafka up";
    options_ = test_options();
    log_ = open_test_log(options_);
    TopicOptions actions;
    actions.partitions = kSlots;
    ASSERT_TRUE(log_->create_topic(Topic::kActions, actions));
    ASSERT_TRUE(log_->create_topic(Topic::kChanges, {}));
  }
  std::unique_ptr<SlotProcess> start(const std::string& name, uint32_t slots = 2) {
    KafkaOptions options = options_;
    options.client_id = name;
    auto out = std::make_unique<SlotProcess>();
    out->log = open_test_log(options);
    ConsumerOptions consumer;
    consumer.group = "action";
    consumer.topics = {Topic::kActions};
    consumer.slots = slots;
    out->consumer = std::move(out->log->open_consumer(consumer).value());
    return out;
  }
  void append(uint32_t partition, const std::string& value) {
    std::vector<Produce> batches(1);
    batches[0].to = {Topic::kActions, partition};
    batches[0].records.add("k", value);
    std::promise<Status> done;
    log_->append(std::move(batches), [&](Status status) { done.set_value(std::move(status)); });
    ASSERT_TRUE(done.get_future().get());
  }
  static void step_until(const std::vector<SlotProcess*>& processes, const std::function<bool()>& enough) {
    const env::TimeUs end = env::real_clock().monotonic_us() + kPatienceUs;
    while (!enough() && env::real_clock().monotonic_us() < end && !testing::Test::HasFailure())
      for (SlotProcess* process : processes) process->step();
    EXPECT_TRUE(enough());
  }
  std::multiset<std::string> outputs() {
    std::multiset<std::string> out;
    for (Offset from = 0;;) {
      const auto fetched = log_->read(kOut, from, 1u << 20);
      EXPECT_TRUE(fetched);
      for (const RecordView& record : fetched->records) out.emplace(record.value);
      if (!fetched || fetched->next <= from) return out;
      from = fetched->next;
    }
  }

  KafkaOptions options_;
  std::unique_ptr<EventLog> log_;
};

TEST_F(SlotsTest, OneProcessOwnsEverything) {
  const auto only = start("only");
  step_until({only.get()}, [&] { return only->owned.size() == kSlots; });
  for (uint32_t p = 0; p < kSlots; ++p) append(p, "r" + std::to_string(p));
  step_until({only.get()}, [&] { return outputs().size() == kSlots; });
  EXPECT_EQ(outputs(), (std::multiset<std::string>{"r0", "r1", "r2", "r3"}));
  EXPECT_EQ(log_->committed("action", {Topic::kActions, 2}).value(), 1);
}

TEST_F(SlotsTest, AStandbyReadsWhatIsCommittedAndNoMore) {
  const auto owner = start("owner");
  step_until({owner.get()}, [&] { return owner->owned.size() == kSlots; });
  const auto standby = start("standby");
  step_until({owner.get(), standby.get()}, [&] { return standby->followed.size() == kSlots; });
  append(0, "committed");
  const TopicPartition of{Topic::kActions, 0};
  step_until({owner.get(), standby.get()}, [&] { return standby->read[of] == std::vector<std::string>{"committed"}; });
  append(0, "not yet");
  const env::TimeUs end = env::real_clock().monotonic_us() + 2'000'000;
  std::optional<Transaction> open;
  while (env::real_clock().monotonic_us() < end) {  // the owner holds it, and says that it lives
    if (auto polled = owner->poll()) open = std::move(polled);
    standby->step();
  }
  ASSERT_TRUE(open);
  EXPECT_EQ(standby->read[of], std::vector<std::string>{"committed"});
  ASSERT_TRUE(owner->commit(std::move(*open)));
  step_until({owner.get(), standby.get()}, [&] { return standby->read[of].size() == 2; });
  EXPECT_EQ(outputs(), (std::multiset<std::string>{"committed", "not yet"}));
}

// Who comes back under the same name does not wait for silence. (With silence: tests/integration/test_standbys.py.)
TEST_F(SlotsTest, WhatAnOwnerSaysAfterItsSuccessorBeganIsNotHeard) {
  const auto owner = start("owner", 1);
  step_until({owner.get()}, [&] { return owner->owned.size() == kSlots; });
  append(0, "a");
  std::optional<Transaction> late;
  const env::TimeUs end = env::real_clock().monotonic_us() + kPatienceUs;
  while (!late && env::real_clock().monotonic_us() < end) late = owner->poll();
  ASSERT_TRUE(late);
  const auto successor = start("owner", 1);
  step_until({successor.get()}, [&] { return successor->owned.size() == kSlots; });
  const Status status = owner->commit(std::move(*late));
  ASSERT_FALSE(status);
  // Or the brokers took too long to say whose the slot is.
  EXPECT_TRUE(status.error().code == Code::kConflict || status.error().code == Code::kRetry) << status.error().message;
  step_until({successor.get()}, [&] { return outputs().size() == 1; });
  EXPECT_EQ(outputs(), (std::multiset<std::string>{"a"}));
}

TEST_F(SlotsTest, WhoLeavesIsFollowedAtOnce) {
  options_.silence_us = 10 * kPatienceUs;  // nobody waits for that here
  auto owner = start("owner");
  step_until({owner.get()}, [&] { return owner->owned.size() == kSlots; });
  const auto standby = start("standby");
  step_until({owner.get(), standby.get()}, [&] { return standby->followed.size() == kSlots; });
  append(1, "before");
  step_until({owner.get(), standby.get()}, [&] { return outputs().size() == 1; });
  owner->consumer.reset();
  step_until({standby.get()}, [&] { return standby->owned.size() == kSlots; });
  append(1, "after");
  step_until({standby.get()}, [&] { return outputs().size() == 2; });
  EXPECT_EQ(standby->read[(TopicPartition{Topic::kActions, 1})], (std::vector<std::string>{"before", "after"}));
}

// What a transaction leaves in a partition has an offset and no record: in several slots at once.
TEST_F(SlotsTest, GapsOfSeveralSlotsAreDone) {
  const auto only = start("only");
  step_until({only.get()}, [&] { return only->owned.size() == kSlots; });
  append(0, "first");
  bool said = false;
  const env::TimeUs end = env::real_clock().monotonic_us() + kPatienceUs;
  while (!said && env::real_clock().monotonic_us() < end) {  // brokers that are busy abort a transaction now and then
    std::optional<Transaction> transaction = only->poll();
    if (!transaction) continue;
    for (uint32_t p = 0; p < kSlots; ++p) {
      transaction->outputs.push_back({{Topic::kActions, p}, {}});
      transaction->outputs.back().records.add("k", "loop" + std::to_string(p));
    }
    said = only->commit(std::move(*transaction)).has_value();
  }
  ASSERT_TRUE(said);
  step_until({only.get()}, [&] {
    const auto marks = log_->all_watermarks(Topic::kActions).value();
    const auto committed = log_->all_committed("action", Topic::kActions).value();
    return outputs().size() == 5 &&
           std::equal(marks.begin(), marks.end(), committed.begin(),
                      [](const auto& mark, const auto& next) { return next.value_or(0) == mark.high; });
  });
}

// Offsets that wait for a transaction, of whatever id: nobody goes on from those before it.
TEST_F(SlotsTest, NobodyGoesOnWhileATransactionIsNotDecided) {
  for (int i = 0; i < 3; ++i) append(0, "r" + std::to_string(i));
  Client::Settings settings;
  settings.fixed = {{"transactional.id", options_.topic_prefix + "stranger"}, {"transaction.timeout.ms", "30000"}};
  const auto stranger = Client::open(options_, settings).value();
  const auto ok = [](rd_kafka_error_t* error) { EXPECT_EQ(error, nullptr) << rd_kafka_error_string(error); };
  ok(rd_kafka_init_transactions(stranger->get(), 20'000));
  ok(rd_kafka_begin_transaction(stranger->get()));
  const PartitionList offsets = make_list();
  rd_kafka_topic_partition_list_add(offsets.get(), (options_.topic_prefix + "actions").c_str(), 0)->offset = 2;
  const GroupMetadata group(rd_kafka_consumer_group_metadata_new((options_.topic_prefix + "action").c_str()));
  ok(rd_kafka_send_offsets_to_transaction(stranger->get(), offsets.get(), group.get(), 20'000));
  const auto process = start("process", 1);
  const env::TimeUs end = env::real_clock().monotonic_us() + 4'000'000;
  while (env::real_clock().monotonic_us() < end) process->step();
  EXPECT_TRUE(process->owned.empty());
  ok(rd_kafka_commit_transaction(stranger->get(), 20'000));
  step_until({process.get()}, [&] { return outputs().size() == 1; });
  EXPECT_EQ(outputs(), (std::multiset<std::string>{"r2"}));
}

TEST_F(SlotsTest, AnotherNumberOfSlotsIsRefused) {
  const auto owner = start("owner", 2);
  step_until({owner.get()}, [&] { return owner->owned.size() == kSlots; });
  const auto other = start("other", 4);
  const auto polled = other->consumer->poll(1u << 20, 20'000);
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code, Code::kInvalid);
  EXPECT_NE(polled.error().message.find("owner works with state.slots: 2"), std::string::npos)
      << polled.error().message;
}

TEST_F(SlotsTest, GroupMembersAndSlotsAreNotMixed) {
  const auto owner = start("owner", 2);
  step_until({owner.get()}, [&] { return owner->owned.size() == kSlots; });
  KafkaOptions options = options_;
  options.client_id = "member";
  const auto log = open_test_log(options);
  ConsumerOptions member;
  member.group = "action";
  member.topics = {Topic::kActions};
  const auto refused = log->open_consumer(member);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("state.standbys"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace freshet::eventlog::kafka
