#include "console/letters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "testing/fake_admin.h"

namespace freshet::console {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> ids_of(const LetterPage& page) {
  std::vector<std::string> ids;
  for (const auto& letter : page.letters) ids.push_back(letter.id());
  return ids;
}

TEST(Letters, NewestFirstOverPartitions) {
  FakeLog log(2);
  log.add(0, make_letter("a1", "acme", "x", 1));
  log.add(1, make_letter("a2", "acme", "y", 2));
  log.add(0, make_letter("b3", "other", "x", 3));
  log.add(0, make_letter("a4", "acme", "x", 4));
  const auto first = read_letters(log, {"acme", "", {}}, {}, {.limit = 2});
  EXPECT_THAT(ids_of(*first), ElementsAre("a4", "a2"));
  ASSERT_TRUE(first->next);
  const auto second = read_letters(log, {"acme", "", {}}, *first->next, {.limit = 2});
  EXPECT_THAT(ids_of(*second), ElementsAre("a1"));
  EXPECT_FALSE(second->next);
  EXPECT_THAT(ids_of(*read_letters(log, {"acme", "y", {}}, {}, {})), ElementsAre("a2"));
  EXPECT_THAT(ids_of(*read_letters(log, {"acme", "", {"a1", "b3"}}, {}, {})), ElementsAre("a1"));
}

// Whatever the times, gaps, limits and bounds: pages hold every letter once, and each partition in its order.
TEST(Letters, PagesLoseAndRepeatNothing) {
  ASSERT_TRUE(rc::check([] {
    const auto partitions = *rc::gen::inRange<uint32_t>(1, 4);
    FakeLog log(partitions);
    std::vector<std::vector<std::string>> expected(partitions);
    const auto count = *rc::gen::inRange(0, 1500);
    for (int i = 0; i < count; ++i) {
      const auto p = *rc::gen::inRange<uint32_t>(0, partitions);
      const bool ours = *rc::gen::inRange(0, 3) > 0;
      const std::string id = std::to_string(p) + ":" + std::to_string(i);
      log.add(p, make_letter(id, ours ? "acme" : "other", "x", *rc::gen::inRange<int64_t>(0, 50)),
              *rc::gen::element<int64_t>(0, 0, 0, 1, 700));
      if (ours) expected[p].insert(expected[p].begin(), id);
    }
    const LetterBounds bounds{*rc::gen::element<size_t>(1, 7, 100), *rc::gen::element<size_t>(1, 100, 50'000)};
    std::vector<std::vector<std::string>> seen(partitions);
    LetterCursor cursor;
    while (true) {
      const auto page = read_letters(log, {"acme", "", {}}, cursor, bounds);
      RC_ASSERT(page->letters.size() <= bounds.limit);
      for (const auto& id : ids_of(*page)) seen[static_cast<size_t>(id[0] - '0')].push_back(id);
      if (!page->next) break;
      RC_ASSERT(*page->next != cursor);
      cursor = *parse_cursor(cursor_text(*page->next));
    }
    RC_ASSERT(seen == expected);
  }));
}

TEST(Letters, RetentionInBetweenIsNoError) {
  FakeLog log(1);
  for (int i = 0; i < 20; ++i) log.add(0, make_letter(std::to_string(i), "acme", "x", i));
  const auto first = read_letters(log, {"acme", "", {}}, {}, {.limit = 5});
  log.drop(0, 18);
  const auto second = read_letters(log, {"acme", "", {}}, *first->next, {.limit = 5});
  EXPECT_TRUE(second->letters.empty());
  EXPECT_FALSE(second->next);
}

TEST(Letters, CursorsAreChecked) {
  for (const char* text : {"x", "1", "1.", ".1", "1.2-", "1.2--3.4", "-1.2", "1.-2", "1.2 "}) {
    const auto cursor = parse_cursor(text);
    // "1.2-" is a cursor of one partition.
    EXPECT_EQ(cursor.has_value(), std::string(text) == "1.2-") << text;
  }
  EXPECT_EQ(cursor_text(*parse_cursor("0.17-3.9")), "0.17-3.9");
}

TEST(LetterJson, ShowsBodiesAsWhatTheyAre) {
  auto letter = make_letter("1", "acme", "too_long", 1'000'000, R"({"a":[1,"b"]})");
  EXPECT_EQ(
      letter_json(letter, true),
      R"({"id":"1","tenant":"acme","source":"segment","code":"too_long","reason":"reason of too_long",)"
      R"("received_at":"1970-01-01T00:00:01.000Z","body_type":"json_item","body_bytes":13,"body":{"a":[1,"b"]}})");
  letter.set_body("a,\"b\"");
  EXPECT_THAT(letter_json(letter, true), ::testing::HasSubstr(R"(,"body_text":"a,\"b\"")"));
  letter.set_body("\xff\x01");
  EXPECT_THAT(letter_json(letter, true), ::testing::HasSubstr(R"(,"body_hex":"ff01")"));
  EXPECT_THAT(letter_json(letter, false), ::testing::Not(::testing::HasSubstr("ff01")));
  v1::Envelope envelope;
  envelope.set_message_id("m1");
  letter.set_body(envelope.SerializeAsString());
  letter.set_body_type(v1::DeadLetter::ENVELOPE);
  EXPECT_THAT(letter_json(letter, true), ::testing::HasSubstr(R"(,"body":{"message_id":"m1"})"));
}

}  // namespace
}  // namespace freshet::console
