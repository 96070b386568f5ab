#include "console/erasures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "model/identifier.h"
#include "telemetry/metrics.h"
#include "testing/fake_admin.h"

namespace freshet::console {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ErasuresTest : public ::testing::Test {
 protected:
  ErasuresTest() {
    fake_.options.copies.nudge = [this] {
      ++nudges_;
      return Status{};
    };
    fake_.options.steps = {{"files", [this](const auto& erasures, auto&) {
                              purged_ += erasures.size();
                              return purge_status_;
                            }}};
    keeper_ = fake_.open();
  }

  [[nodiscard]] std::string hash(const std::string& value) const {
    return std::string(model::value_hash(fake_.options.hash_key, "acme", value).view());
  }
  // As action says it: u1 and an email are suppressed, the tablet is free.
  void say_erased(const std::string& message_id, const std::string& profile = std::string(16, 'p')) {
    v1::ErasureNotice notice;
    notice.set_message_id(message_id);
    notice.set_kind(v1::ENTITY_KIND_USER);
    notice.set_id(profile);
    for (const char* value : {"user-1", "a@b.c"}) notice.add_suppressed(hash(value));
    notice.add_freed(hash("tablet"));
    say(notice);
  }
  void say(const v1::ErasureNotice& notice) {
    auto letter = make_letter("n" + std::to_string(++notices_), "acme", "erased", clock_.now_us(), "");
    letter.set_body(notice.SerializeAsString());
    letter.set_body_type(v1::DeadLetter::ERASURE_NOTICE);
    log_.add(0, letter);
  }
  // As workers tell of records that they refused, by what they were routed by; "": of more than are told apart.
  void say_late(const std::vector<std::pair<std::string, uint64_t>>& by_value) {
    v1::LateRecords records;
    uint64_t sum = 0;
    for (const auto& [value, count] : by_value) {
      v1::LateRecords::Of& one = *records.add_of();
      if (!value.empty()) one.set_value(hash(value));
      one.set_count(count);
      sum += count;
    }
    auto letter = make_letter("late" + std::to_string(++notices_), "acme", "erased", clock_.now_us(), "");
    letter.set_body(records.SerializeAsString());
    letter.set_body_type(v1::DeadLetter::LATE_RECORDS);
    letter.set_uncounted(sum);
    log_.add(0, letter);
  }
  // What the counts of letters have as code `erased`.
  uint64_t late_of_today() {
    uint64_t sum = 0;
    EXPECT_TRUE(keeper_->post([&](LetterKeeper::Kept kept) {
      const auto counts = kept.letters.counts("acme");
      ASSERT_TRUE(counts);
      for (const LetterCount& one : *counts)
        if (one.code == "erased") sum += one.count;
    }));
    return sum;
  }
  void say_scrubbed(const std::string& installation, int64_t offset) {
    v1::StatePlaces places;
    places.set_installation(installation);
    places.add_places()->set_offset(offset);
    v1::DeadLetter letter;
    letter.set_body(places.SerializeAsString());
    letter.set_body_type(v1::DeadLetter::STATES_SCRUBBED);
    log_.add(0, letter);
  }
  void add(const std::string& id, const std::string& body, const std::string& tenant = "acme") {
    log_.add(0, make_letter(id, tenant, "x", clock_.now_us(), body));
  }
  std::vector<std::string> letters(const std::string& tenant = "acme") {
    std::vector<std::string> ids;
    EXPECT_TRUE(keeper_->post([&](LetterKeeper::Kept kept) {
      const auto page = kept.letters.page({tenant, ""}, "", {});
      for (const auto& letter : page->letters) ids.push_back(letter.id());
    }));
    return ids;
  }
  v1::Erasure erasure(const std::string& id) {
    v1::Erasure out;
    EXPECT_TRUE(keeper_->post([&](LetterKeeper::Kept kept) { out = kept.erasures.get("acme", id)->value_or(out); }));
    return out;
  }
  std::string state(const std::string& id) { return std::string(state_of(erasure(id))); }
  void purge_after(env::TimeUs us) {
    clock_.sleep_us(us);
    ASSERT_TRUE(keeper_->turn());
    ASSERT_TRUE(keeper_->purge());
  }
  void request(const std::string& id, const std::string& user = "user-1") {
    v1::Envelope order;
    order.set_tenant("acme");
    order.set_message_id(id);
    order.add_user()->set_value(user);
    ASSERT_TRUE(
        keeper_->post([&](LetterKeeper::Kept kept) { ASSERT_TRUE(kept.erasures.request(order, clock_.now_us())); }));
  }

  FakeLog log_{1};
  FakeStore store_;
  env::FakeClock clock_;
  FakeKeeper fake_{log_, store_, clock_};
  Status purge_status_;
  size_t purged_ = 0;
  int notices_ = 0;
  int nudges_ = 0;
  std::shared_ptr<LetterKeeper> keeper_;
};

// Ids are random; whoever looks wants to see what was asked for last.
TEST_F(ErasuresTest, AreListedNewestFirstInPages) {
  for (const char* id : {"m", "z", "a", "k", "b"}) {
    v1::Envelope order;
    order.set_tenant("acme");
    order.set_message_id(id);
    v1::Identifier& of = *order.add_user();
    of.set_type("user_id");
    of.set_value(id);
    clock_.sleep_us(1'000'000);
    ASSERT_TRUE(
        keeper_->post([&](LetterKeeper::Kept kept) { ASSERT_TRUE(kept.erasures.request(order, clock_.now_us())); }));
  }
  const auto pages = [this] {
    std::vector<std::string> ids;
    EXPECT_TRUE(keeper_->post([&](LetterKeeper::Kept kept) {
      for (std::string after; ids.size() < 10;) {
        const auto page = kept.erasures.list("acme", after, 2);
        ASSERT_TRUE(page);
        for (const v1::Erasure& one : *page) ids.push_back(one.id());
        if (page->size() < 2) break;
        after = page->back().id();
      }
      EXPECT_FALSE(kept.erasures.list("acme", "unknown", 2));
      EXPECT_THAT(*kept.erasures.list("other", "", 2), IsEmpty());
    }));
    return ids;
  };
  EXPECT_THAT(pages(), ElementsAre("b", "k", "a", "z", "m"));
  keeper_ = fake_.open();
  EXPECT_THAT(pages(), ElementsAre("b", "k", "a", "z", "m"));
}

TEST_F(ErasuresTest, AreRequestedAppliedWrittenVerified) {
  v1::Identifier email;
  email.set_value("a@b.c");
  store_.put("acme", v1::ENTITY_KIND_USER, email, {});
  const std::string profile(hash128("a@b.c").view());
  request("r1");
  purge_after(1'000'000);
  EXPECT_EQ(state("r1"), "requested");
  say_erased("r1", profile);
  purge_after(1'000'000);
  EXPECT_EQ(state("r1"), "applied") << "the profile is still there";
  store_.remove_all();
  log_.actions = {10, 100};
  purge_after(1'000'000);
  EXPECT_EQ(state("r1"), "written");
  purge_after(60'000'000);
  EXPECT_EQ(state("r1"), "written") << "action still needs records that may be theirs";
  EXPECT_EQ(purged_, 0u);
  log_.actions = {100, 200};
  purge_status_ = fail(Code::kRetry, "busy");
  purge_after(1'000'000);
  EXPECT_EQ(erasure("r1").waits_for(), "files: busy");
  purge_status_ = {};
  purge_after(1'000'000);
  EXPECT_EQ(purged_, 1u) << "it pauses in between";
  purge_after(60'000'000);
  EXPECT_EQ(purged_, 2u);
  purge_after(60'000'000);
  EXPECT_EQ(state("r1"), "written") << "checkpoints may have files from before";
  EXPECT_EQ(erasure("r1").waits_for(), "topic actions");
  EXPECT_GT(nudges_, 1) << "or nothing would come where nobody writes";
  log_.actions = {200, 300};
  purge_after(1'000'000);
  EXPECT_EQ(state("r1"), "verified");
  const int nudges = nudges_;
  purge_after(60'000'000);
  EXPECT_EQ(nudges_, nudges) << "nobody waits";
  EXPECT_EQ(purged_, 2u);
  EXPECT_THAT(erasure_json(erasure("r1")), HasSubstr(R"("profiles":1,"values":3,)"));
  // All of it is remembered, in hashes only.
  keeper_ = fake_.open();
  EXPECT_EQ(state("r1"), "verified");
  for (const auto& [key, value] : fake_.disk->rows) {
    EXPECT_EQ((key + value).find("user-1"), std::string::npos);
    EXPECT_EQ((key + value).find("a@b.c"), std::string::npos);
  }
}

TEST_F(ErasuresTest, WhatWaitsInOverflowGoesOnFirst) {
  log_.overflow = {3, 5};
  say_erased("r1");
  purge_after(1'000'000);
  purge_after(60'000'000);
  EXPECT_EQ(state("r1"), "written");
  EXPECT_EQ(purged_, 0u) << "it may hold records of the person";
  log_.overflow = {5, 9};
  purge_after(60'000'000);
  EXPECT_EQ(purged_, 1u);
}

TEST_F(ErasuresTest, LettersOfThePersonGoAndLateOnesDoNotCome) {
  add("l1", R"({"userId":"user-1"})");
  add("l2", R"({"mail":"A@B.c", broken)");
  add("l3", R"({"device":{"device_id":"tablet"}})");
  add("l4", R"({"userId":"user-2"})");
  add("l5", R"({"userId":"user-1"})", "other");
  say_erased("r1");
  purge_after(1'000'000);
  EXPECT_THAT(letters(), ElementsAre("l4"));
  EXPECT_THAT(letters("other"), ElementsAre("l5")) << "another tenant's person of the same name";
  EXPECT_EQ(erasure("r1").letters_removed(), 3u);
  add("l6", R"({"userId":"user-1"})");
  add("l7", R"({"device":{"device_id":"tablet"}})");
  EXPECT_THAT(letters(), ElementsAre("l7", "l4")) << "others may use the tablet";
  EXPECT_EQ(erasure("r1").late_letters(), 1u);
  say_late({{"user-1", 3}, {"a@b.c", 1}, {"nobody", 7}, {"", 2}});
  EXPECT_EQ(erasure("r1").late_records(), 4u) << "of both identifiers, and of nobody else";
  EXPECT_EQ(late_of_today(), 14u) << "a letter, and the records, also those whose person is not told";
  // Also after a restart; and until that is lifted.
  keeper_ = fake_.open();
  add("l8", R"({"mail":"a@b.c"})");
  v1::ErasureNotice lifted;
  lifted.set_lifted(true);
  lifted.add_suppressed(hash("user-1"));
  say(lifted);
  add("l9", R"({"userId":"user-1"})");
  add("m0", R"({"mail":"a@b.c"})");
  EXPECT_THAT(letters(), ElementsAre("l9", "l7", "l4"));
}

// On Kafka, with a standby: the states are two processes', and the topics the brokers'.
TEST_F(ErasuresTest, CopiesOutOfReachKeepThemWaiting) {
  fake_.options.copies.states = 2;
  keeper_ = fake_.open();
  log_.actions = {10, 10};
  say_erased("r1");
  purge_after(1'000'000);
  purge_after(45'000'000);
  purge_after(1'000'000);
  EXPECT_EQ(erasure("r1").waits_for(), "workers, to rewrite the files of their states");
  EXPECT_EQ(log_.asked(), "0:10 ");
  EXPECT_EQ(purged_, 0u);
  say_scrubbed("one", 10);
  say_scrubbed("two", 9);
  purge_after(1'000'000);
  EXPECT_EQ(log_.asked(), "") << "not yet again";
  purge_after(60'000'000);
  EXPECT_EQ(log_.asked(), "0:10 ");
  EXPECT_EQ(purged_, 0u);
  say_scrubbed("two", 11);
  purge_after(1'000'000);
  EXPECT_EQ(purged_, 1u);
  purge_after(1'000'000);
  EXPECT_EQ(erasure("r1").waits_for(), "topic deadletters");
  log_.drop(0, 100);
  log_.lingers = 90'000'000;
  purge_after(1'000'000);
  EXPECT_EQ(erasure("r1").waits_for(), "files of topics actions, overflow and changes");
  purge_after(80'000'000);
  EXPECT_EQ(state("r1"), "written");
  purge_after(20'000'000);
  EXPECT_EQ(state("r1"), "verified");
}

// Files of the log may last a while: a clock that jumps ahead, or back, neither ends that wait nor makes it endless.
TEST_F(ErasuresTest, AClockThatJumpsVerifiesNothingEarlier) {
  fake_.options.copies.states = 1;
  keeper_ = fake_.open();
  log_.lingers = 90'000'000;
  log_.actions = {10, 10};
  say_scrubbed("one", 10);
  say_erased("r1");
  purge_after(1'000'000);
  purge_after(45'000'000);
  log_.drop(0, 100);
  purge_after(1'000'000);
  purge_after(1'000'000);
  ASSERT_EQ(erasure("r1").waits_for(), "files of topics actions, overflow and changes");
  clock_.jumped = 40ll * 86'400'000'000;
  purge_after(11'000'000);
  EXPECT_EQ(state("r1"), "written") << "nobody knows how long it has been";
  clock_.jumped = -40ll * 86'400'000'000;
  purge_after(1'000'000);
  EXPECT_EQ(state("r1"), "written");
  purge_after(100'000'000);
  EXPECT_EQ(state("r1"), "verified");
}

// On Kafka a console that is away for longer than letters are kept: the word that r1 is erased is lost with others.
TEST_F(ErasuresTest, WhoseWordIsLostSaysSoAndEndsWithTheNextOrder) {
  telemetry::Counter& missed = telemetry::counter("freshet_deadletters_missed_total", "");
  const auto before = missed.value();
  add("l1", "{}");
  request("r1");
  EXPECT_EQ(missed.value(), before);
  say_erased("r1");
  for (int i = 0; i < 4; ++i) add("x" + std::to_string(i), "{}");
  log_.drop(0, 4);
  purge_after(1'000'000);
  EXPECT_EQ(missed.value(), before + 3) << "records that nobody has read";
  EXPECT_EQ(state("r1"), "requested");
  EXPECT_THAT(erasure("r1").waits_for(), HasSubstr("erase the person again"));
  keeper_ = fake_.open();
  request("r2");
  request("other", "user-2");
  EXPECT_EQ(erasure("other").waits_for(), "") << "that one's word may still come";
  say_erased("r2");
  purge_after(1'000'000);
  EXPECT_EQ(state("r2"), "written");
  EXPECT_EQ(state("r1"), "written") << "it is the same person";
  EXPECT_EQ(erasure("r1").waits_for(), "");
  EXPECT_EQ(state("other"), "requested");
  EXPECT_EQ(missed.value(), before + 3);
}

// All that are ready are looked for together: letters are read as often for a hundred persons as for one.
TEST_F(ErasuresTest, OneSweepIsForAll) {
  constexpr int kPersons = 100;
  for (int i = 0; i < 300; ++i)
    add("l" + std::to_string(1000 + i), R"({"userId":"person-)" + std::to_string(1000 + i % (2 * kPersons)) + R"("})");
  for (int i = 0; i < kPersons; ++i) {
    v1::ErasureNotice notice;
    notice.set_message_id("r" + std::to_string(i));
    notice.set_kind(v1::ENTITY_KIND_USER);
    notice.add_suppressed(hash("person-" + std::to_string(1000 + i)));
    say(notice);
  }
  ASSERT_TRUE(keeper_->turn());
  const uint64_t reads = fake_.switches->scans;
  ASSERT_TRUE(keeper_->purge());
  EXPECT_LE(fake_.switches->scans - reads, 2u);
  EXPECT_EQ(state("r0"), "written");
  EXPECT_EQ(state("r99"), "written");
  EXPECT_EQ(erasure("r0").letters_removed(), 2u);
  EXPECT_EQ(letters().size(), 50u) << "of a page";
  uint64_t left = 0;
  ASSERT_TRUE(keeper_->post([&](LetterKeeper::Kept kept) { left = kept.letters.usage("acme").letters; }));
  EXPECT_EQ(left, 100u);
}

// A record of another tenant names values of this one.
TEST_F(ErasuresTest, IsNotFoundByAnotherTenantsValue) {
  v1::ErasureNotice notice;
  notice.set_message_id("m1");
  notice.add_freed(hash("tablet"));
  auto letter = make_letter("n1", "other", "erased", clock_.now_us(), notice.SerializeAsString());
  letter.set_body_type(v1::DeadLetter::ERASURE_NOTICE);
  log_.add(0, letter);
  ASSERT_TRUE(keeper_->turn());
  ASSERT_TRUE(keeper_->post([&](LetterKeeper::Kept kept) {
    const auto found = kept.erasures.find("acme", "tablet");
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->has_value());
  }));
}

TEST_F(ErasuresTest, WhoeverGoesAlongHasARowOfTheirOwn) {
  say_erased("", std::string(16, '\1'));
  purge_after(0);
  EXPECT_EQ(state("profile-01010101010101010101010101010101"), "written");
}

}  // namespace
}  // namespace freshet::console
