#include "console/person_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "freshet/v1/event.pb.h"
#include "model/home.h"
#include "model/time.h"
#include "testing/clock.h"
#include "testing/event_log.h"

namespace freshet::console {
namespace {

using eventlog::Offset;
using ::testing::HasSubstr;

constexpr uint32_t kPartitions = 4;
constexpr int64_t kOneDayUs = 86'400'000'000;

// Events by key, at offsets that the test says; a read brings three at most, and takes 100 ms of the clock.
class KeyedLog final : public eventlog::FakeLog {
 public:
  explicit KeyedLog(env::FakeClock& clock) : FakeLog(kPartitions), clock_(clock) {}
  void add(const Hash128& id, Offset offset, const std::string& name, int64_t time_us) {
    const std::string message_id = "m" + std::to_string(offset), at = model::format_time(time_us);
    std::string value = R"({"message_id":")" + message_id + R"(","event":")" + name + R"(","timestamp":")" + at +
                        R"(","received_at":")" + at + R"("})";
    if (as_protobuf) {
      v1::EnrichedEvent event;
      event.set_message_id(message_id);
      event.set_event(name);
      event.set_time_us(time_us);
      event.set_received_at_us(time_us);
      value = event.SerializeAsString();
    }
    records_[model::partition_of(id, kPartitions)][offset] = {id.hex(), value};
  }
  Result<eventlog::Watermarks> watermarks(eventlog::TopicPartition of) override {
    const auto& all = records_[of.partition];
    if (all.empty()) return eventlog::Watermarks{};
    return eventlog::Watermarks{all.begin()->first, all.rbegin()->first + 1};
  }
  Result<eventlog::Fetched> read(eventlog::TopicPartition of, Offset from, size_t) override {
    clock_.sleep_us(10'000);
    const auto& all = records_[of.partition];
    eventlog::Fetched out;
    out.from = of;
    out.next = std::max(from, all.empty() ? 0 : all.rbegin()->first + 1);
    for (auto at = all.lower_bound(from); at != all.end(); ++at) {
      out.next = at->first;
      if (out.records.size() == 3) return out;
      out.records.push_back({at->first, at->second.first, at->second.second});
      out.next = at->first + 1;
    }
    return out;
  }

  bool as_protobuf = false;

 private:
  env::FakeClock& clock_;
  std::map<uint32_t, std::map<Offset, std::pair<std::string, std::string>>> records_;
};

class PersonEventsTest : public ::testing::Test {
 protected:
  std::string ask(const std::string& before = "") {
    const auto found = person_events(log_, clock_, {ids_, before, log_.as_protobuf});
    return found ? *found : "refused: " + found.error().message;
  }

  env::FakeClock clock_;
  KeyedLog log_{clock_};
  const Hash128 me_ = model::with_home(hash128("me"), 1), other_ = model::with_home(hash128("other"), 1);
  std::vector<Hash128> ids_ = {me_};
};

constexpr const char* kTwoDays =
    R"({"days":[{"day":"1970-01-02","events":{"A":1,"B":1}},{"day":"1970-01-01","events":{"A":2}}],)"
    R"("latest":[{"event":"B","message_id":"m4","timestamp":"1970-01-02T00:00:00.007Z",)"
    R"("received_at":"1970-01-02T00:00:00.007Z"},)";

TEST_F(PersonEventsTest, ByDayTheNewestFirstAndOfNobodyElse) {
  for (const bool as_protobuf : {false, true}) {
    log_.as_protobuf = as_protobuf;
    log_.add(me_, 0, "A", 5'000);
    log_.add(me_, 1, "A", 6'000);
    log_.add(other_, 2, "Not mine", 6'500);
    log_.add(me_, 3, "A", kOneDayUs + 6'000);
    log_.add(me_, 4, "B", kOneDayUs + 7'000);
    EXPECT_THAT(ask(), HasSubstr(kTwoDays));
    EXPECT_THAT(ask(), HasSubstr(R"("back_to":null,"next":null})"));
  }
}

TEST_F(PersonEventsTest, NobodysAreNone) { EXPECT_EQ(ask(), R"({"days":[],"latest":[],"back_to":null,"next":null})"); }

TEST_F(PersonEventsTest, ThoseOfMergedProfilesWhereverTheyLie) {
  const Hash128 merged = model::with_home(hash128("merged"), 2);
  log_.add(me_, 0, "A", 0);
  log_.add(merged, 7, "B", 0);
  EXPECT_THAT(ask(), HasSubstr(R"("events":{"A":1}})"));
  ids_.push_back(merged);
  EXPECT_THAT(ask(), HasSubstr(R"("events":{"A":1,"B":1}})"));
}

// Of one partition much was read and of the other one nothing: how far back all is known is not known.
TEST_F(PersonEventsTest, WhatWasNotLookedAtYetIsNotPassedOver) {
  const Hash128 merged = model::with_home(hash128("merged"), 2);
  ids_.push_back(merged);
  for (Offset i = 0; i <= 10'000; ++i)
    for (const Hash128& id : ids_) log_.add(id, i, "A", kOneDayUs);
  const std::string answer = ask();
  EXPECT_THAT(answer, HasSubstr(R"("back_to":null)"));
  EXPECT_THAT(answer, ::testing::Not(HasSubstr(R"("next":null)")));
}

// Offsets of the embedded log jump where it was begun anew; a way back over the jump must not take a year.
TEST_F(PersonEventsTest, GapsArePassedAndWhatLiesBehindIsFound) {
  constexpr Offset kJump = Offset{1} << 50;
  for (Offset i = 0; i < 5; ++i) log_.add(me_, i, "Old", 0);
  for (Offset i = 0; i < 5; ++i) log_.add(me_, kJump + i, "New", kOneDayUs);
  std::string before;
  std::string all;
  for (int asked = 0; asked < 100; ++asked) {
    const std::string answer = ask(before);
    all += answer;
    if (answer.find(R"("next":null)") != std::string::npos) break;
    before = answer.substr(answer.find(R"("next":")") + 8);
    before.resize(before.find('"'));
  }
  EXPECT_THAT(all, HasSubstr(R"({"day":"1970-01-02","events":{"New":5}})"));
  EXPECT_THAT(all, HasSubstr(R"({"day":"1970-01-01","events":{"Old":5}})"));
  EXPECT_THAT(all, HasSubstr(R"("next":null)"));
}

TEST_F(PersonEventsTest, ACursorOfAnotherPersonIsRefused) {
  log_.add(me_, 0, "A", 0);
  EXPECT_THAT(ask("1:1"), HasSubstr(R"("events":{"A":1})"));
  EXPECT_THAT(ask("1:0"), HasSubstr(R"("days":[])"));
  EXPECT_THAT(ask("1:99999999999999999"), HasSubstr(R"("events":{"A":1})"));
  for (const char* wrong : {"2:1", "1", "1:", ":1", "1:1.", "1:1.2:1", "1:x", "1:99999999999999999999", "x", "1:1 "})
    EXPECT_THAT(ask(wrong), HasSubstr("refused: before must be")) << wrong;
}

}  // namespace
}  // namespace freshet::console
