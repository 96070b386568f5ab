// The simulated log keeps the contract of every log, as far as it applies to one thread (see CMakeLists.txt for what
// does not), and has the faults of Kafka that it is for.
#include "broker.h"

#include <gtest/gtest.h>

#include "sim_log.h"
#include "testing/event_log_conformance.h"

namespace freshet::sim {
namespace {

using eventlog::Produce;
using eventlog::Transaction;

// A log that answers at once, for tests that wait.
class PromptLog final : public eventlog::LogUnderTest {
 public:
  PromptLog() { reopen(); }
  eventlog::EventLog& log() override { return *log_; }
  void reopen() override {
    broker_.keep_everything(false);
    log_ = std::make_unique<Prompt>(broker_, crash_, dice_, faults_, probes_);
  }

 private:
  class Prompt final : public eventlog::EventLog {
   public:
    Prompt(Broker& broker, CrashPoint& crash, Dice& dice, const Faults& faults, Probes& probes)
        : log_(broker, crash, dice, faults, probes) {}
    Status create_topic(Topic topic, const eventlog::TopicOptions& options) override {
      return log_.create_topic(topic, options);
    }
    uint32_t partitions(Topic topic) const override { return log_.partitions(topic); }
    void append(std::vector<Produce> batches, eventlog::AppendDone done) override {
      log_.append(std::move(batches), std::move(done));
      (void)log_.tick();
    }
    Result<std::unique_ptr<eventlog::Consumer>> open_consumer(const eventlog::ConsumerOptions& options) override {
      return log_.open_consumer(options);
    }
    Result<eventlog::Watermarks> watermarks(TopicPartition of) override { return log_.watermarks(of); }
    Result<eventlog::Fetched> read(TopicPartition of, Offset from, size_t bytes_max) override {
      return log_.read(of, from, bytes_max);
    }
    Status trim(TopicPartition of, Offset before) override { return log_.trim(of, before); }
    Result<std::optional<Offset>> committed(const std::string& group, TopicPartition of) override {
      return log_.committed(group, of);
    }
    uint64_t disk_bytes() override { return 0; }

   private:
    SimLog log_;
  };

  Dice dice_{1};
  Faults faults_;
  Probes probes_;
  CrashPoint crash_;
  Broker broker_{dice_, faults_, probes_};
  std::unique_ptr<Prompt> log_;
};

class BrokerTest : public ::testing::Test {
 protected:
  BrokerTest() {
    broker_.create_topic(Topic::kActions, 2);
    broker_.create_topic(Topic::kChanges, 1);
    Produce input{kActions, {}};
    for (const char* value : {"1", "2", "3"}) input.records.add({}, value);
    broker_.write(input);
  }
  static Transaction transaction() {
    Transaction made;
    made.outputs.push_back({kChanges, {}});
    made.outputs[0].records.add({}, "out");
    made.done = {{kActions, 3}};
    return made;
  }
  MemberId join() {
    const MemberId member = broker_.join("g", {Topic::kActions});
    (void)broker_.poll(member);
    return member;
  }

  static constexpr TopicPartition kActions{Topic::kActions, 0};
  static constexpr TopicPartition kChanges{Topic::kChanges, 0};
  Dice dice_{1};
  Faults faults_;
  Probes probes_;
  Broker broker_{dice_, faults_, probes_};
};

TEST_F(BrokerTest, ATransactionLeavesItsMarker) {
  const MemberId member = join();
  ASSERT_TRUE(broker_.commit(member, transaction()));
  EXPECT_EQ(broker_.at(kChanges).records.size(), 1u);
  EXPECT_EQ(broker_.at(kChanges).next, 2);
  EXPECT_EQ(broker_.committed("g", kActions), 3);
}

TEST_F(BrokerTest, AnAbortedOneLeavesOnlyAGap) {
  faults_.abort = 1000;
  const Status status = broker_.commit(join(), transaction());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kConflict);
  EXPECT_TRUE(broker_.at(kChanges).records.empty());
  EXPECT_EQ(broker_.at(kChanges).next, 2);
  EXPECT_EQ(broker_.committed("g", kActions), std::nullopt);
}

TEST_F(BrokerTest, AnUnknownOutcomeIsOneOfTheTwo) {
  faults_.unknown_outcome = 1000;
  const MemberId member = join();
  for (int i = 0; i < 20; ++i) {
    const Status status = broker_.commit(member, transaction());
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kRetry);
  }
  EXPECT_GT(probes_.of(Probe::kUnknownAborted), 0u);
  EXPECT_EQ(broker_.at(kChanges).records.size(), probes_.of(Probe::kUnknownCommitted));
}

TEST_F(BrokerTest, AZombieIsFenced) {
  const MemberId zombie = join();
  broker_.leave(zombie);
  const MemberId heir = join();
  EXPECT_TRUE(broker_.poll(zombie).evicted);
  const Status status = broker_.commit(zombie, transaction());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kFenced);
  EXPECT_TRUE(broker_.commit(heir, transaction()));
}

TEST_F(BrokerTest, NobodyCommitsAcrossARebalance) {
  const MemberId one = join();
  const MemberId two = join();
  const Status late = broker_.commit(one, transaction());  // the second one's joining was a rebalance
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kConflict);
  (void)broker_.poll(one);
  (void)broker_.poll(two);
  EXPECT_TRUE(broker_.commit(one, transaction()));
}

TEST_F(BrokerTest, APartitionHasOneOwnerAtATime) {
  std::vector<MemberId> members;
  while (members.size() < 3) members.push_back(broker_.join("g", {Topic::kActions}));
  std::map<TopicPartition, MemberId> owners;
  for (int i = 0; i < 300; ++i) {
    if (i % 7 == 0) broker_.rebalance("g");
    const MemberId member = dice_.pick(members);
    const Broker::Assignment assignment = broker_.poll(member);
    for (const TopicPartition of : assignment.revoked) EXPECT_EQ(owners.extract(of).mapped(), member);
    for (const TopicPartition of : assignment.assigned) EXPECT_TRUE(owners.emplace(of, member).second);
  }
}

}  // namespace
}  // namespace freshet::sim

namespace freshet::eventlog {

INSTANTIATE_TEST_SUITE_P(Simulated, EventLogConformance,
                         testing::Values(Implementation{
                             "simulated", [](const LogSetup&) { return std::make_unique<sim::PromptLog>(); }}));

}  // namespace freshet::eventlog
