#include "console/letters.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "console/letter_values.h"
#include "testing/fake_admin.h"

namespace freshet::console {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> ids_of(const LetterPage& page) {
  std::vector<std::string> ids;
  for (const auto& letter : page.letters) ids.push_back(letter.id());
  return ids;
}

// A log, and a keeper that follows it.
class LettersTest : public ::testing::Test {
 protected:
  LetterKeeper& keeper() {
    if (keeper_ == nullptr) keeper_ = fake_.open();
    return *keeper_;
  }
  // What is kept, after all that the log has.
  template <class Work>
  void with_kept(Work work) {
    bool done = false;
    ASSERT_TRUE(keeper().post([&](LetterKeeper::Kept kept) {
      work(kept);
      done = true;
    }));
    ASSERT_TRUE(done);
  }
  std::vector<std::string> ids(const std::string& tenant, const std::string& code = "") {
    std::vector<std::string> out;
    with_kept(
        [&](LetterKeeper::Kept kept) { out = ids_of(*kept.letters.page({tenant, code}, "", {.limit = 10'000})); });
    return out;
  }
  std::string counts(const std::string& tenant) {
    std::string out;
    with_kept([&](LetterKeeper::Kept kept) {
      const auto all = kept.letters.counts(tenant);
      for (const LetterCount& count : *all) out += fmt::format("{} {} {};", count.day, count.code, count.count);
    });
    return out;
  }

  FakeLog log_{2};
  FakeStore store_;
  env::FakeClock clock_;
  FakeKeeper fake_{log_, store_, clock_};
  std::shared_ptr<LetterKeeper> keeper_;
};

TEST_F(LettersTest, NewestFirstOverPartitions) {
  log_.add(0, make_letter("a1", "acme", "x", 1));
  log_.add(1, make_letter("a2", "acme", "y", 2));
  log_.add(0, make_letter("b3", "other", "x", 3));
  log_.add(0, make_letter("a4", "acme", "x", 4));
  EXPECT_THAT(ids("acme"), ElementsAre("a4", "a2", "a1"));
  EXPECT_THAT(ids("acme", "y"), ElementsAre("a2"));
  EXPECT_THAT(ids("other"), ElementsAre("b3"));
  EXPECT_THAT(ids("acm"), IsEmpty());
}

// Whatever the limits and bounds: pages hold every letter of the tenant once, in order.
TEST(LetterPages, LoseAndRepeatNothing) {
  ASSERT_TRUE(rc::check([] {
    FakeLog log(1);
    FakeStore store;
    env::FakeClock clock;
    FakeKeeper fake(log, store, clock);
    std::vector<std::string> expected;
    const auto count = *rc::gen::inRange(0, 300);
    for (int i = 0; i < count; ++i) {
      const bool ours = *rc::gen::inRange(0, 3) > 0;
      const std::string id = fmt::format("{:04}", i);
      log.add(0, make_letter(id, ours ? "acme" : "other", "x", i, std::string(*rc::gen::inRange<size_t>(0, 100), 'b')),
              *rc::gen::element<int64_t>(0, 0, 1, 700));
      if (ours) expected.insert(expected.begin(), id);
    }
    const PageBounds bounds{*rc::gen::element<size_t>(1, 7, 100), *rc::gen::element<size_t>(1, 10, 5000),
                            *rc::gen::element<size_t>(1, 500, 1 << 20)};
    std::vector<std::string> seen;
    RC_ASSERT(fake.open()->post([&](LetterKeeper::Kept kept) {
      std::optional<std::string> after = "";
      while (after) {
        const auto page = kept.letters.page({"acme", ""}, *after, bounds);
        RC_ASSERT(page->letters.size() <= bounds.limit);
        for (const auto& id : ids_of(*page)) seen.push_back(id);
        RC_ASSERT(page->next != after);
        after = page->next;
      }
    }));
    RC_ASSERT(seen == expected);
  }));
}

TEST_F(LettersTest, OneTenantsGarbageLeavesTheLettersOfOthers) {
  fake_.options.quota.letters = 100;
  fake_.options.quota.bytes = 1 << 20;
  for (int i = 0; i < 50; ++i) log_.add(0, make_letter(fmt::format("b{:06}", i), "beta", "x", i));
  for (int i = 0; i < 10'000; ++i) log_.add(0, make_letter(fmt::format("a{:06}", i), "acme", "x", i));
  EXPECT_EQ(ids("beta").size(), 50u);
  const std::vector<std::string> left = ids("acme");
  EXPECT_GE(left.size(), 95u);
  EXPECT_LE(left.size(), 100u);
  EXPECT_EQ(left.front(), "a009999") << "the oldest go";
  EXPECT_EQ(counts("acme"), "1970-01-01 x 10000;") << "those that are gone are counted all the same";
  // Bytes are bounded, too.
  for (int i = 0; i < 20; ++i)
    log_.add(0, make_letter(fmt::format("c{:06}", i), "acme", "x", i, std::string(200'000, 'x')));
  EXPECT_LE(ids("acme").size(), 5u);
  EXPECT_EQ(ids("beta").size(), 50u);
}

TEST_F(LettersTest, WhatWasOnlyCountedIsCounted) {
  log_.add(0, make_letter("a1", "acme", "x", 1));
  auto sum = make_letter("a2", "acme", "x", 1, "");
  sum.set_uncounted(41);
  log_.add(0, sum);
  EXPECT_THAT(ids("acme"), ElementsAre("a1"));
  EXPECT_EQ(counts("acme"), "1970-01-01 x 42;");
}

TEST_F(LettersTest, OldOnesGo) {
  fake_.options.quota.age_us = 1'000'000;
  log_.add(0, make_letter("a1", "acme", "x", clock_.now_us() - 2'000'000));
  log_.add(0, make_letter("a2", "acme", "x", clock_.now_us()));
  (void)ids("acme");
  EXPECT_THAT(ids("acme"), ElementsAre("a2"));
}

// What a crash loses of the store is read again: the topic is trimmed only after a sync.
TEST_F(LettersTest, ACrashLosesAndRepeatsNothing) {
  for (const bool trims : {false, true}) {
    fake_.options.trims_topic = trims;
    for (int i = 0; i < 20; ++i) log_.add(0, make_letter(fmt::format("{}{:02}", trims, i), "acme", "x", i));
    (void)keeper().turn();
    keeper_ = fake_.open();
    for (int i = 20; i < 25; ++i) log_.add(0, make_letter(fmt::format("{}{:02}", trims, i), "acme", "x", i));
    EXPECT_EQ(ids("acme").size(), trims ? 50u : 25u);
    EXPECT_EQ(counts("acme"), trims ? "1970-01-01 x 50;" : "1970-01-01 x 25;");
    EXPECT_EQ(log_.watermarks({eventlog::Topic::kDeadLetters, 0})->low, trims ? 50 : 0);
  }
}

TEST_F(LettersTest, TheTopicIsTrimmedNoFurtherThanOthersHaveRead) {
  eventlog::Offset read = 0;
  fake_.options.trims_topic = true;
  fake_.options.others_read = [&](eventlog::TopicPartition) { return read; };
  for (int i = 0; i < 10; ++i) log_.add(0, make_letter(fmt::format("a{:02}", i), "acme", "x", i));
  const auto low = [&] {
    (void)keeper().turn();
    return log_.watermarks({eventlog::Topic::kDeadLetters, 0})->low;
  };
  EXPECT_EQ(low(), 0);
  read = 7;
  EXPECT_EQ(low(), 7) << "though nothing new has come";
  read = 1'000;
  EXPECT_EQ(low(), 10);
}

TEST_F(LettersTest, ALogThatWasMadeAnewIsReadFromItsBegin) {
  for (int i = 0; i < 20; ++i) log_.add(0, make_letter(fmt::format("a{:02}", i), "acme", "x", i));
  (void)ids("acme");
  FakeLog other(2);
  other.add(0, make_letter("b", "acme", "x", 1));
  fake_.options.log = &other;
  keeper_ = fake_.open();
  EXPECT_EQ(ids("acme").front(), "b");
}

TEST(LetterCursors, AreChecked) {
  EXPECT_TRUE(check_cursor("0000018f3c-ab"));
  EXPECT_FALSE(check_cursor(std::string(1000, 'x')));
  EXPECT_FALSE(check_cursor(std::string_view("a\0b", 3)));
}

bool holds(const v1::DeadLetter& letter, std::string_view value) {
  return any_value(letter, [&](std::string_view one) { return one == value; });
}

TEST(LetterValues, AreFoundInWhateverBody) {
  auto letter = make_letter("1", "acme", "x", 1, R"({"userId":"u1","traits":{"mail":"a@b.c"},"n":[7,1234],"q":"1"})");
  for (const char* value : {"u1", "a@b.c", "1234"}) EXPECT_TRUE(holds(letter, value)) << value;
  for (const char* value : {"7", "1", "userId"}) EXPECT_FALSE(holds(letter, value)) << value << " is nobody";
  letter.set_body(R"({"userId":7,"esc":"a\u0040b.c")");  // not JSON
  letter.set_body(R"({"userId":"user-7","mail":"a@b.c", broken)");
  for (const char* value : {"user-7", "a@b.c"}) EXPECT_TRUE(holds(letter, value)) << value;
  letter.set_body(R"({"user_id":7,"mail":"a@b.c"})");
  EXPECT_TRUE(holds(letter, "7"));
  letter.set_body(R"({"traits":{"phone":"+91 98765-43210"}})");
  EXPECT_TRUE(holds(letter, "+919876543210")) << "as ingest spells it";
  letter.set_body("7,\"x, y\",a@b.c");
  letter.set_body_type(v1::DeadLetter::CSV_ROW);
  for (const char* value : {"7", "x, y", "a@b.c"}) EXPECT_TRUE(holds(letter, value)) << value;
  v1::Envelope record;
  record.add_user()->set_value("u1");
  record.mutable_loop()->mutable_identifier()->set_value("u2");
  letter.set_body_type(v1::DeadLetter::ENVELOPE);
  letter.set_body(record.SerializeAsString());
  for (const char* value : {"u1", "u2"}) EXPECT_TRUE(holds(letter, value)) << value;
  letter.set_reason("the value \"someone@b.c\" is too long");
  EXPECT_TRUE(holds(letter, "someone@b.c"));
}

TEST(LetterJson, ShowsBodiesAsWhatTheyAre) {
  auto letter = make_letter("1", "acme", "too_long", 1'000'000, R"({"a":[1,"b"]})");
  EXPECT_EQ(
      letter_json(letter, true),
      R"({"id":"1","tenant":"acme","source":"segment","code":"too_long","reason":"reason of too_long",)"
      R"("received_at":"1970-01-01T00:00:01.000Z","body_type":"json_item","body_bytes":13,"body":{"a":[1,"b"]}})");
  letter.set_body("a,\"b\"");
  EXPECT_THAT(letter_json(letter, true), HasSubstr(R"(,"body_text":"a,\"b\"")"));
  letter.set_body("\xff\x01");
  EXPECT_THAT(letter_json(letter, true), HasSubstr(R"(,"body_hex":"ff01")"));
  EXPECT_THAT(letter_json(letter, false), ::testing::Not(HasSubstr("ff01")));
  letter.set_cut_bytes(1000);
  EXPECT_THAT(letter_json(letter, false), HasSubstr(R"("body_bytes":1000,"kept_bytes":2)"));
  letter.clear_cut_bytes();
  v1::Envelope envelope;
  envelope.set_message_id("m1");
  letter.set_body(envelope.SerializeAsString());
  letter.set_body_type(v1::DeadLetter::ENVELOPE);
  EXPECT_THAT(letter_json(letter, true), HasSubstr(R"(,"body":{"message_id":"m1"})"));
}

}  // namespace
}  // namespace freshet::console
