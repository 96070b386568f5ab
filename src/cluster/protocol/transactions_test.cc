// What brokers promise of transactions with and without their version 2 (KIP-890), shown on a real one by requests
// that no client library sends: a Produce request of a transaction that was aborted, held back on its way, arrives
// later. docs/decisions/0008-kafka-log.md says what of it Freshet relies on.
//
// FRESHET_KAFKA_BROKERS: one broker; ./dev kafka up starts one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "cluster/protocol/client.h"
#include "cluster/protocol/errors.h"
#include "cluster/protocol/record_batch.h"

namespace freshet::cluster::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int16_t kCoordinatorLoading = 14, kCoordinatorAway = 15, kNotCoordinatorNow = 16, kOtherEpoch = 47,
                  kFencedProducer = 90, kWrongState = 48, kConcurrent = 51, kUnknownTopic = 3, kNotEnoughReplicas = 19;
constexpr int16_t kBefore890 = 2, kSince890 = 5;  // versions of EndTxn
constexpr int16_t kProduceVersion = 9;
constexpr env::TimeUs kPatienceUs = 120'000'000;

struct Producer {
  int64_t id = -1;
  int16_t epoch = -1;
};

class LiveTransactions : public testing::Test {
 protected:
  void SetUp() override {
    const char* brokers = std::getenv("FRESHET_KAFKA_BROKERS");
    if (brokers == nullptr) GTEST_SKIP() << "FRESHET_KAFKA_BROKERS is not set: ./dev kafka up";
    const std::string text(brokers);
    const size_t colon = text.rfind(':');
    ConnectionOptions options;
    options.timeout_us = kPatienceUs;
    auto opened =
        Connection::open(text.substr(0, colon), static_cast<uint16_t>(std::stoi(text.substr(colon + 1))), options);
    ASSERT_TRUE(opened) << opened.error().message;
    broker_ = *std::move(opened);
    name_ = "transactions-" + std::to_string(getpid()) + "-" + std::to_string(env::real_clock().now_us());
    CreateTopicsRequest make;
    make.topics = {{name_, 1, 1, {}, {}}};
    const auto made = broker_->ask(make);
    ASSERT_TRUE(made && made->topics.at(0).error == kNoError);
    until([&] { return fetch().has_value(); });
  }

  // Brokers need a moment after each step: a coordinator is loaded, markers are written.
  template <class Condition>
  void until(const Condition& condition) {
    const env::TimeUs end_us = env::real_clock().monotonic_us() + kPatienceUs;
    while (!condition()) {
      ASSERT_LT(env::real_clock().monotonic_us(), end_us);
      env::real_clock().sleep_us(20'000);
    }
  }
  static bool passes(int16_t error) {
    return error == kCoordinatorLoading || error == kCoordinatorAway || error == kNotCoordinatorNow ||
           error == kConcurrent || error == kUnknownTopic;
  }

  // Begins the id, or begins it anew, which aborts what it has open.
  Producer init() {
    Producer out;
    until([&] {
      const auto found = broker_->ask(FindCoordinatorRequest{name_, FindCoordinatorRequest::kOfTransaction});
      const auto answer = broker_->ask(InitProducerIdRequest{name_, 60'000});
      EXPECT_TRUE(found && answer && (answer->error == kNoError || passes(answer->error)));
      out = {answer->producer_id, answer->epoch};
      return answer->error == kNoError;
    });
    return out;
  }
  void add_partition(Producer producer) {
    until([&] {
      const auto answer = broker_->ask(AddPartitionsToTxnRequest{name_, producer.id, producer.epoch, {{name_, {0}}}});
      const int16_t error = answer->topics.at(0).partitions.at(0).error;
      EXPECT_TRUE(error == kNoError || passes(error)) << error_name(error);
      return error == kNoError;
    });
  }
  // Ends it, and says who produces the next one.
  Producer end(Producer producer, bool commit, int16_t version) {
    Producer out = producer;
    until([&] {
      const auto answer = broker_->ask_as(EndTxnRequest{name_, producer.id, producer.epoch, commit}, version);
      EXPECT_TRUE(answer->error == kNoError || passes(answer->error)) << error_name(answer->error);
      if (version >= kSince890) out = {answer->producer_id, answer->epoch};
      return answer->error == kNoError;
    });
    return out;
  }
  // Arrives now, whenever it was sent. The broker's answer, once it is sure: while it asks the coordinator, it tells
  // clients before KIP-890 that replicas are missing.
  int16_t arrives(Producer producer, int32_t sequence, const std::string& value) {
    ProduceRequest request;
    request.transactional_id = name_;
    NewBatch batch{{value}, env::real_clock().now_us() / 1000, producer.id, producer.epoch, sequence, true, {}};
    request.topics = {{name_, {{0, encode_batch(batch)}}}};
    int16_t error = kNoError;
    until([&] {
      const auto answer = broker_->ask_as(request, kProduceVersion);
      EXPECT_TRUE(answer) << answer.error().message;
      error = answer->topics.at(0).partitions.at(0).error;
      return !passes(error) && error != kNotEnoughReplicas;
    });
    return error;
  }
  std::optional<FetchResponse::Partition> fetch() {
    FetchRequest request;
    request.isolation = FetchRequest::kCommittedOnly;
    request.topics = {{name_, {{}}}};
    const auto answer = broker_->ask(request);
    EXPECT_TRUE(answer) << answer.error().message;
    if (answer->topics.empty() || answer->topics[0].partitions.at(0).error != kNoError) return std::nullopt;
    return answer->topics[0].partitions[0];
  }
  // What a reader of committed data gets, once nothing is undecided any more.
  std::vector<std::string> committed() {
    std::optional<FetchResponse::Partition> partition;
    until([&] {
      partition = fetch();
      return partition && partition->last_stable == partition->high_watermark;
    });
    std::vector<std::string> out;
    std::set<int64_t> aborting;
    const std::string records = partition ? partition->records.value_or("") : "";
    const auto batches = batches_in(records);
    EXPECT_TRUE(batches);
    for (const Batch& batch : *batches) {
      for (const auto& aborted : partition->aborted.value_or(std::vector<FetchResponse::Aborted>()))
        if (aborted.first_offset == batch.base_offset) aborting.insert(aborted.producer_id);
      if (batch.control) aborting.erase(batch.producer_id);
      if (batch.control || aborting.contains(batch.producer_id)) continue;
      const auto values = values_of(batch.packed, batch.records);
      EXPECT_TRUE(values);
      out.insert(out.end(), values->begin(), values->end());
    }
    return out;
  }

  std::unique_ptr<Connection> broker_;
  std::string name_;
};

// The anomaly: a client before KIP-890 goes on with the same epoch, and nothing tells the late request from its own.
TEST_F(LiveTransactions, WithoutVersion2ALateRequestIsTakenForOneOfTheNext) {
  const Producer producer = init();
  add_partition(producer);
  end(producer, false, kBefore890);
  add_partition(producer);
  EXPECT_EQ(arrives(producer, 0, "of the aborted one"), kNoError);
  EXPECT_EQ(arrives(producer, 1, "of the next"), kNoError);
  end(producer, true, kBefore890);
  EXPECT_THAT(committed(), ElementsAre("of the aborted one", "of the next"));
}

// What keeps Freshet from it: after a failed commit the id is begun anew, which raises the epoch.
TEST_F(LiveTransactions, BegunAnewTheLateRequestIsRefused) {
  const Producer before = init();
  add_partition(before);
  const Producer after = init();
  EXPECT_GT(after.epoch, before.epoch);
  add_partition(after);
  const int16_t late = arrives(before, 0, "of the aborted one");
  EXPECT_TRUE(late == kOtherEpoch || late == kFencedProducer) << error_name(late);
  EXPECT_EQ(arrives(after, 0, "of the next"), kNoError);
  end(after, true, kBefore890);
  EXPECT_THAT(committed(), ElementsAre("of the next"));
}

// Brokers since 3.6 ask the coordinator: a request outside of any transaction leaves none hanging, which would hold
// back readers for ever.
TEST_F(LiveTransactions, OutsideOfATransactionItIsRefused) {
  const Producer producer = init();
  add_partition(producer);
  end(producer, false, kBefore890);
  const int16_t late = arrives(producer, 0, "of the aborted one");
  EXPECT_EQ(late, kWrongState) << error_name(late);
  EXPECT_THAT(committed(), IsEmpty());
}

// Version 2 raises the epoch at each end. Kafka 3.9 does not have it.
TEST_F(LiveTransactions, WithVersion2TheEpochKeepsTheLateRequestOut) {
  if (!broker_->version_of(EndTxnRequest::kKey, kSince890, kSince890)) return;
  const Producer before = init();
  add_partition(before);
  const Producer after = end(before, false, kSince890);
  EXPECT_GT(after.epoch, before.epoch);
  add_partition(after);
  const int16_t late = arrives(before, 0, "of the aborted one");
  EXPECT_TRUE(late == kOtherEpoch || late == kFencedProducer) << error_name(late);
  EXPECT_EQ(arrives(after, 0, "of the next"), kNoError);
  end(after, true, kSince890);
  EXPECT_THAT(committed(), ElementsAre("of the next"));
}

}  // namespace
}  // namespace freshet::cluster::protocol
