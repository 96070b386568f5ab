#include "ingest/items/repeats.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <string>

#include "ingest/sources/records/records.h"
#include "ingest/sources/segment/segment.h"
#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

class Repeats : public ::testing::Test, protected AdapterFixture {};

std::string repeat_line(const std::string& id, const std::string& user, const std::string& event) {
  return R"({"message_id":")" + id + R"(","user":{"user_id":")" + user + R"("},"event":")" + event + "\"}\n";
}

TEST_F(Repeats, OneThatSaysSomethingElseIsRefusedAndKept) {
  const auto parsed = parse_records(repeat_line("1", "u", "Order Created") + repeat_line("2", "u", "Seen") +
                                        repeat_line("1", "u", "Parcel Sent") + repeat_line("1", "u", "Order Created") +
                                        repeat_line("1", "v", "Parcel Sent"),
                                    context(), arena);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(rejections_of(*parsed), "2:repeated_id");
  EXPECT_EQ(parsed->rejected[0].message,
            "the message id is that of item 0, which says something else of the same person; each message has an id of "
            "its own");
  EXPECT_EQ(parsed->rejected[0].item + "\n", repeat_line("1", "u", "Parcel Sent"));
  EXPECT_EQ(parsed->rejected[0].message_id, "1");
  EXPECT_EQ(parsed->envelopes.size(), 4u) << "what says the same, and somebody else's, goes in";
}

TEST_F(Repeats, TwoOfOneRequestAreEnough) {
  const auto parsed = parse_records(repeat_line("1", "u", "A") + repeat_line("1", "u", "B"), context(), arena);
  EXPECT_EQ(rejections_of(*parsed), "1:repeated_id");
}

TEST_F(Repeats, AnotherTimeIsNoOtherContent) {
  const auto parsed = parse_segment(
      R"({"batch":[{"type":"track","userId":"u","event":"E","messageId":"m","timestamp":"2026-01-01T00:00:00Z"},)"
      R"({"type":"track","userId":"u","event":"E","messageId":"m","timestamp":"2026-01-01T00:00:05Z"}]})",
      {.call = "batch"}, context(), arena);
  EXPECT_EQ(rejections_of(*parsed), "");
}

// Against a plain search. Few enough that no place is looked for in vain.
RC_GTEST_PROP(RepeatFinder, FindsWhatASearchFinds, (const std::vector<std::pair<uint8_t, bool>>& sent)) {
  std::deque<v1::Envelope> envelopes;
  std::vector<v1::Envelope*> taken;
  RepeatFinder finder;
  for (const auto& [id, other] : sent) {
    v1::Envelope& envelope = envelopes.emplace_back();
    envelope.set_message_id(std::to_string(id % 16));
    envelope.add_user()->set_value("u");
    envelope.add_events()->set_name(other ? "a" : "b");
    std::optional<size_t> wanted;
    for (size_t i = 0; i < taken.size() && !wanted; ++i)
      if (taken[i]->message_id() == envelope.message_id()) wanted = i;
    if (wanted && taken[*wanted]->events(0).name() == envelope.events(0).name()) wanted.reset();
    RC_ASSERT(finder.other_with_id(taken, envelope) == wanted);
    if (wanted) continue;
    taken.push_back(&envelope);
    finder.add(taken);
  }
}

}  // namespace
}  // namespace freshet::ingest
