#include "app/state_scrubs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/checkpoints.h"
#include "freshet/v1/state.pb.h"
#include "state/partition_state.h"
#include "testing/clock.h"
#include "testing/event_log.h"
#include "testing/memory_store.h"

namespace freshet::app {
namespace {

// Its topic `deadletters`.
class QuestionLog final : public eventlog::FakeLog {
 public:
  void ask(uint32_t partition, int64_t offset) {
    v1::StatePlaces places;
    places.add_places()->set_partition(partition);
    places.mutable_places(0)->set_offset(offset);
    v1::DeadLetter letter;
    letter.set_body_type(v1::DeadLetter::STATES_TO_SCRUB);
    letter.set_body(places.SerializeAsString());
    records_.push_back(letter.SerializeAsString());
  }
  // "PARTITION:OFFSET " of what was answered since the last call.
  std::string answered() { return std::exchange(answered_, {}); }

  Result<eventlog::Watermarks> watermarks(eventlog::TopicPartition of) override {
    if (of.topic == eventlog::Topic::kActions) return eventlog::Watermarks{0, 100};
    return eventlog::Watermarks{0, static_cast<eventlog::Offset>(records_.size())};
  }
  Result<eventlog::Fetched> read(eventlog::TopicPartition of, eventlog::Offset from, size_t) override {
    eventlog::Fetched out;
    out.from = of;
    for (auto i = static_cast<size_t>(from); i < records_.size(); ++i)
      out.records.push_back({static_cast<eventlog::Offset>(i), "", records_[i]});
    out.next = static_cast<eventlog::Offset>(records_.size());
    return out;
  }
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override {
    for (const eventlog::Produce& batch : batches) {
      std::string_view data = batch.records.data(), key, value;
      bool corrupt = false;
      while (eventlog::next_record(data, key, value, &corrupt)) {
        v1::DeadLetter letter;
        v1::StatePlaces places;
        ASSERT_TRUE(letter.ParseFromString(std::string(value)) && places.ParseFromString(letter.body()));
        EXPECT_EQ(letter.body_type(), v1::DeadLetter::STATES_SCRUBBED);
        EXPECT_EQ(places.installation(), "me");
        for (const auto& place : places.places())
          answered_ += std::to_string(place.partition()) + ":" + std::to_string(place.offset()) + " ";
      }
    }
    done({});
  }

 private:
  std::vector<std::string> records_;
  std::string answered_;
};

class StateScrubsTest : public ::testing::Test {
 protected:
  StateScrubsTest() {
    options_.log = &log_;
    options_.clock = &clock_;
    options_.installation = "me";
    options_.partitions = 2;
    options_.threads = false;
  }
  static std::shared_ptr<kv::Store> open_state(int64_t offset) {
    std::shared_ptr<kv::Store> state = kv::open_memory(std::make_shared<kv::MemoryDisk>(), {});
    advance(*state, offset);
    return state;
  }
  static void advance(kv::Store& state, int64_t offset) {
    v1::PartitionMeta meta;
    meta.set_next_offset(offset);
    kv::WriteBatch batch;
    batch.put(state::kMetaRow, meta.SerializeAsString());
    ASSERT_TRUE(state.write(batch, kv::Durability::kNone));
  }
  void turn(StateScrubs& scrubs) {
    ASSERT_TRUE(scrubs.turn());
    clock_.sleep_us(1'000'000);
  }

  QuestionLog log_;
  env::FakeClock clock_;
  StateScrubsOptions options_;
};

TEST_F(StateScrubsTest, APlaceBeyondTheLogIsNotWaitedFor) {
  StateScrubs scrubs(options_);
  const auto state = open_state(7);
  scrubs.opening(0);
  scrubs.add(0, state);
  turn(scrubs);
  log_.ask(0, 101);
  log_.ask(UINT32_MAX, 1);
  log_.ask(0, 5);
  turn(scrubs);
  EXPECT_EQ(log_.answered(), "0:7 ");
}

TEST_F(StateScrubsTest, AnswersForWhatItHas) {
  log_.ask(0, 1);
  StateScrubs scrubs(options_);
  auto state = open_state(4);
  scrubs.opening(0);
  scrubs.add(0, state);
  turn(scrubs);
  EXPECT_EQ(log_.answered(), "") << "what was asked before is asked again";
  log_.ask(0, 5);
  log_.ask(1, 5);
  turn(scrubs);
  EXPECT_EQ(log_.answered(), "") << "it is not so far yet";
  advance(*state, 7);
  turn(scrubs);
  EXPECT_EQ(log_.answered(), "0:7 ") << "partition 1 is another's";
  turn(scrubs);
  EXPECT_EQ(log_.answered(), "");
  // It went away and came back with files of an older checkpoint.
  state = open_state(6);
  scrubs.opening(0);
  scrubs.add(0, state);
  turn(scrubs);
  EXPECT_EQ(log_.answered(), "0:6 ");
}

TEST_F(StateScrubsTest, RemovesStatesThatAreAnothersByNow) {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("freshet-scrubs-" + std::to_string(getpid()));
  for (uint32_t p : {0U, 1U}) std::filesystem::create_directories(state_directory(directory.string(), p));
  options_.data_dir = directory.string();
  StateScrubs scrubs(options_);
  const auto state = open_state(1);
  scrubs.opening(0);
  scrubs.add(0, state);
  turn(scrubs);
  clock_.sleep_us(options_.leftover_us / 2);
  turn(scrubs);
  EXPECT_TRUE(std::filesystem::exists(state_directory(directory.string(), 1))) << "it may come back";
  clock_.sleep_us(options_.leftover_us / 2);
  turn(scrubs);
  EXPECT_FALSE(std::filesystem::exists(state_directory(directory.string(), 1)));
  EXPECT_TRUE(std::filesystem::exists(state_directory(directory.string(), 0)));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace freshet::app
