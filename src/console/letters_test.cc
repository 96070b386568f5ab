#include "console/letters.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "base/json_writer.h"
#include "console/letter_values.h"
#include "env/steadiness.h"
#include "model/time.h"
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

TEST_F(LettersTest, OneIsFoundByItsMessageIdHoweverOldItIs) {
  for (int i = 0; i < 12'000; ++i) {
    v1::DeadLetter letter = make_letter(fmt::format("{:06}", i), "acme", "x", i);
    letter.set_message_id(i == 3 ? "sought" : "other");
    log_.add(0, letter);
  }
  std::vector<std::string> found;
  int pages = 0;
  with_kept([&](LetterKeeper::Kept kept) {
    for (std::optional<std::string> after = ""; after; ++pages) {
      const auto page = kept.letters.page({"acme", "", "sought"}, *after, {.limit = 1});
      for (const auto& id : ids_of(*page)) found.push_back(id);
      after = page->next;
    }
  });
  EXPECT_EQ(found, std::vector<std::string>{"000003"});
  EXPECT_GE(pages, 3);  // each looks at a bounded number of rows
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
  fake_.options.quota.age_us = 3'600'000'000;
  log_.add(0, make_letter("a1", "acme", "x", clock_.now_us() - 2'000'000));
  log_.add(0, make_letter("a2", "acme", "x", clock_.now_us()));
  EXPECT_EQ(ids("acme").size(), 2u);
  clock_.now += 3'599'000'000;
  (void)ids("acme");
  EXPECT_EQ(ids("acme").size(), 2u) << "one is old by now, but who knows whether the clock is right";
  clock_.now += 60'000'000;
  (void)ids("acme");
  EXPECT_THAT(ids("acme"), IsEmpty());
}

// 40 days ahead for 11 seconds, and all that is kept looks old.
TEST_F(LettersTest, AClockThatJumpsDeletesNothing) {
  constexpr env::TimeUs kDayUs = 86'400'000'000;
  fake_.options.quota.age_us = 30 * kDayUs;
  const std::string today = model::format_time(clock_.now_us()).substr(0, 10);
  log_.add(0, make_letter("a1", "acme", "x", clock_.now_us()));
  v1::PlanViolations violations;
  violations.add_groups()->set_event("Bought");
  violations.mutable_groups(0)->set_count(1);
  auto report = make_letter("v1", "acme", "", clock_.now_us(), violations.SerializeAsString());
  report.set_body_type(v1::DeadLetter::PLAN_VIOLATIONS);
  log_.add(0, report);
  const auto kept = [&] {
    std::string shown;
    with_kept([&](LetterKeeper::Kept k) { shown = *k.violations.json("acme", clock_.now); });
    return fmt::format("{} letters, {} {}", ids("acme").size(), counts("acme"),
                       shown.find("Bought") == std::string::npos ? "" : "Bought");
  };
  const std::string all = fmt::format("1 letters, {} x 1; Bought", today);
  EXPECT_EQ(kept(), all);
  clock_.now += 2 * env::kSteadyUs;
  EXPECT_EQ(kept(), all);
  clock_.now += 61'000'000;
  clock_.jumped = 500 * kDayUs;
  report.set_received_at_us(clock_.now_us());
  log_.add(0, report);
  EXPECT_EQ(kept(), all);
  clock_.now += 61'000'000;
  EXPECT_EQ(kept(), all);
  clock_.jumped = 0;
  EXPECT_EQ(kept(), all);
  clock_.now += 31 * kDayUs;
  (void)keeper().turn();
  clock_.now += 61'000'000;
  EXPECT_EQ(kept().substr(0, 9), "0 letters") << "but what is old goes";
}

// A report of any time is shown, or is none: later ones are read beside it.
TEST_F(LettersTest, AReportOfAnyTimeIsRead) {
  v1::PlanViolations violations;
  violations.add_groups()->set_event("Bought");
  violations.mutable_groups(0)->set_count(1);
  auto report = make_letter("v1", "acme", "", 0, violations.SerializeAsString());
  report.set_body_type(v1::DeadLetter::PLAN_VIOLATIONS);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  for (const int64_t at_us :
       {std::numeric_limits<int64_t>::min(), int64_t{-1}, clock_.now_us(), kMost / 10 * 7, kMost}) {
    report.set_received_at_us(at_us);
    log_.add(0, report);
  }
  (void)keeper().turn();
  with_kept([&](LetterKeeper::Kept k) {
    for (const int64_t now_us : {int64_t{0}, clock_.now_us(), kMost / 10 * 7, kMost}) {
      EXPECT_TRUE(k.violations.json("acme", now_us)) << now_us;
      EXPECT_TRUE(k.violations.other_types("acme", now_us)) << now_us;
    }
    EXPECT_NE(k.violations.json("acme", clock_.now_us())->find("Bought"), std::string::npos);
  });
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

// A disk that is full for a while: nothing is lost or counted twice, and nobody has to start anything again.
TEST_F(LettersTest, AStoreThatCouldNotBeWrittenGoesOnWhereItsRowsAre) {
  fake_.options.trims_topic = true;
  log_.add(0, make_letter("a1", "acme", "x", 1));
  EXPECT_THAT(ids("acme"), ElementsAre("a1"));
  fake_.switches->fail_writes = true;
  for (const char* id : {"a2", "a3"}) {
    log_.add(0, make_letter(id, "acme", "x", 1));
    EXPECT_FALSE(keeper().turn());
  }
  LetterUsage usage;
  EXPECT_FALSE(keeper().post([&](LetterKeeper::Kept kept) { usage = kept.letters.usage("acme"); }));
  EXPECT_GE(usage.letters, 1u) << "what is there can be read all the while";
  EXPECT_EQ(log_.watermarks({eventlog::Topic::kDeadLetters, 0})->low, 1) << "what is not kept stays in the topic";
  fake_.switches->fail_writes = false;
  EXPECT_THAT(ids("acme"), ElementsAre("a3", "a2", "a1"));
  EXPECT_EQ(counts("acme"), "1970-01-01 x 3;");
  with_kept([&](LetterKeeper::Kept kept) { usage = kept.letters.usage("acme"); });
  EXPECT_EQ(usage.letters, 3u);
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

TEST(LetterValues, OfNobodyAreNone) {
  const auto letter = make_letter("1", "acme", "x", 1, R"({"userId":"{{user.id}}","anonymousId":"null","a":"u-1234"})");
  for (const char* value : {"{{user.id}}", "null"}) EXPECT_FALSE(holds(letter, value)) << value;
  EXPECT_TRUE(holds(letter, "u-1234"));
}

TEST(LetterValues, AreFoundInWhateverBody) {
  auto letter = make_letter("1", "acme", "x", 1, R"({"userId":"u1","traits":{"mail":"a@b.c"},"n":[7,1234],"q":"1"})");
  for (const char* value : {"u1", "a@b.c", "1234"}) EXPECT_TRUE(holds(letter, value)) << value;
  for (const char* value : {"7", "1", "userId"}) EXPECT_FALSE(holds(letter, value)) << value << " is nobody";
  letter.set_body(R"({"userId":7,"esc":"a\u0040b.c")");  // not JSON
  EXPECT_TRUE(holds(letter, "a@b.c"));
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

// What people write into addresses, texts, names and numbers.
TEST(LetterValues, AreFoundWithinLongerTexts) {
  struct Case {
    const char* body;
    const char* value;
  };
  for (const auto& [body, value] : {
           Case{R"({"url":"https://shop/?email=a@b.c&x=1"})", "a@b.c"},
           Case{R"({"url":"https://shop/?email=a%40b.c"})", "a@b.c"},
           Case{R"({"url":"https://x/?to=https%3A%2F%2Fy%2F%3Fmail%3Da%2540b.c"})", "a@b.c"},
           Case{R"({"text":"mail a@b.c, please."})", "a@b.c"},
           Case{R"({"text":"<a.long-name+tag@mail.sub.example.co.uk>"})", "a.long-name+tag@mail.sub.example.co.uk"},
           Case{R"({"text":"call +49 171 1234567 now"})", "+49 171 1234567"},
           Case{R"({"path":"/users/auth0|5f7/edit"})", "auth0|5f7"},
           Case{R"({"path":"/u/8c3f-11ee-be56/x"})", "8c3f-11ee-be56"},
           Case{R"({"a@b.c":1})", "a@b.c"},
           Case{R"({"by":{"user-17":true}})", "user-17"},
           Case{R"({"n":1234.50})", "1234.50"},
           Case{R"({"n":12345.0})", "12345"},
           Case{R"({"n":12345678901234567890123})", "12345678901234567890123"},
           Case{R"({"payload":"{\"email\":\"a\\u0040b.c\"}"})", "a@b.c"},
           Case{R"({"esc":"\u0061@b.c"})", "a@b.c"},
           Case{R"({"q":"a\u00a0b@c.de\u3000d"})", "b@c.de"},
           Case{"email=a%40b.c", "a@b.c"},
           Case{R"(broken "u":"x\u0040y.z")", "x@y.z"},
           Case{R"({"mail":"Ä@x.de"})", "ä@x.de"},
           Case{R"({"text":"an Ä@x.de geschickt"})", "ä@x.de"},
           Case{R"({"id":"\ud83d\ude00-7"})", "\xf0\x9f\x98\x80-7"},
       }) {
    EXPECT_TRUE(holds(make_letter("1", "acme", "x", 1, body), value)) << body;
  }
  const auto letter =
      make_letter("1", "acme", "x", 1, R"J({"email":"x","at":"2026-01-02","ua":"Mozilla/5.0 (mobile)"})J");
  for (const char* nobody : {"email", "mobile", "2026", "Mozilla"})
    EXPECT_FALSE(holds(letter, nobody)) << nobody << " is in every letter";
}

// Wherever ingest takes somebody's identifier from, letters are searched for it.
TEST(LetterValues, AreFoundInRecordsWherever) {
  v1::Envelope record;
  record.add_user()->set_value("u1");
  record.add_attributes()->mutable_value()->set_text("write to a1@b.c");
  record.mutable_attributes(0)->add_elements()->set_text("a2@b.c");
  record.add_device_attributes()->mutable_value()->set_json(R"({"x":["a3@b.c"]})");
  record.add_events()->set_properties(R"({"x":"a4@b.c"})");
  record.mutable_loop()->mutable_record()->add_user()->set_value("a5@b.c");
  auto letter = make_letter("1", "acme", "x", 1, record.SerializeAsString());
  letter.set_body_type(v1::DeadLetter::ENVELOPE);
  for (const char* value : {"u1", "a1@b.c", "a2@b.c", "a3@b.c", "a4@b.c", "a5@b.c"})
    EXPECT_TRUE(holds(letter, value)) << value;
}

// Whatever stands around an address.
RC_GTEST_PROP(LetterValues, AreFoundWhateverStandsAround, ()) {
  const auto noise = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      " ", "x", "7", "&", "=", "%", "%20", "\\", "\\n", "/", "?", "ä", "\"", ",", "<", "{", ":", "\n"));
  const size_t at = *rc::gen::inRange<size_t>(0, noise.size() + 1);
  std::string text;
  for (size_t i = 0; i <= noise.size(); ++i) {
    if (i == at) text += *rc::gen::element<std::string>(" ", "=", "\"", ",", "<") + "jo@example.com";
    if (i == at) text += *rc::gen::element<std::string>(" ", "&", "\"", ",", ">");
    if (i < noise.size()) text += noise[i];
  }
  RC_ASSERT(holds(make_letter("1", "acme", "x", 1, text), "jo@example.com"));
  std::string json;
  JsonWriter(json).begin_object().member("t", text).end_object();
  RC_ASSERT(holds(make_letter("1", "acme", "x", 1, json), "jo@example.com"));
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
