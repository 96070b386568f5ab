// A merge moves work in bounded steps: a large profile does not hold its partition up. Work is counted, not timed.
#include <fmt/core.h>

#include <random>

#include "action/identity/chunks.h"
#include "action/rules.h"
#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

constexpr StepBounds kTinySteps = {.chunk_bytes = 40, .bytes = 120, .messages = 3};

void add_elements(v1::Envelope& record, const std::string& set, int from, int to) {
  v1::AttributeOp& op = *record.add_attributes();
  op.set_type(v1::AttributeOp::ADD_TO_SET);
  op.set_name(set);
  for (int i = from; i < to; ++i) op.add_elements()->set_text(fmt::format("{:0100}", i));
}

// 10,000 events and 20 sets of 1,000 elements: over 2 MB.
void fill_large_profile(TestCluster& c, const std::string& user) {
  for (int i = 0; i < 10'000; ++i)
    c.send(make_record(fmt::format("{}-{}", user, i), {{"user_id", user}}, 1 + i, fmt::format("E{}", i % 500)));
  for (int set = 0; set < 20; ++set)
    for (int part = 0; part < 10; ++part) {
      v1::Envelope record = make_record(fmt::format("{}-s{}-{}", user, set, part), {{"user_id", user}}, 1);
      add_elements(record, fmt::format("set{:02}", set), part * 100, part * 100 + 100);
      c.send(record);
    }
  c.run(0, 1000);
}

// A thousand updates of both sides arrive with the merge and while it goes on.
TEST_P(IdentityCases, C17_AMergeOfALargeProfileTakesBoundedSteps) {
  TestCluster c(GetParam(), 17);
  fill_large_profile(c, "a");
  fill_large_profile(c, "b");
  for (const auto& e : live(c)) ASSERT_GT(e.ByteSizeLong(), 2u << 20);
  c.forget_work();
  c.send(make_merge("x", "a", "b", 1));
  for (int i = 0; i < 1000; ++i)
    c.send(make_record(fmt::format("u{}", i), {{"user_id", i % 2 == 0 ? "a" : "b"}}, 20'000 + i, "Update"));
  c.run(0, 1);
  check_end(c);
  ASSERT_EQ(live(c).size(), 1u);
  EXPECT_EQ(live(c)[0].messages(), 2u * 10'200 + 1000);
  EXPECT_EQ(c.events().size(), 21'000u);
  const StepBounds bounds;
  EXPECT_LE(c.step_bytes_max(), 2 * bounds.chunk_bytes + bounds.bytes + 4096);
  EXPECT_LE(c.step_messages_max(), bounds.messages + 2 + kReleasedByArrival);
  EXPECT_LE(c.output_bytes_max(), 512u << 10);
}

// Whatever the interleaving and the crashes: profiles of many chunks end as profiles of one chunk do.
TEST_P(IdentityCases, C17_StepsLeaveNoTrace) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    std::mt19937_64 rng(seed);
    std::vector<v1::Envelope> records;
    for (int i = 0; i < 40; ++i) {
      const std::string user(1, "abcd"[rng() % 4]);
      records.push_back(make_record(fmt::format("m{}", i), {{"user_id", user}, {"email", "e" + user}}, 1 + i,
                                    fmt::format("E{}", i % 9)));
      set_attribute(records.back(), fmt::format("x{}", rng() % 9), fmt::format("v{}", i));
      add_elements(records.back(), "tags", i % 7, i % 7 + 3);
      records.back() = with_device(records.back(), {{"device_id", fmt::format("d{}", rng() % 3)}});
    }
    records.insert(records.begin() + 20, make_merge("x1", "a", "b", 50));
    records.insert(records.begin() + 25, make_merge("x2", "d", "c", 51));
    records.insert(records.begin() + 30, make_merge("x3", "c", "a", 52));
    const auto run = [&](const StepBounds& bounds, double crash_rate) {
      TestCluster c(GetParam(), seed, model::default_tenant("t"), bounds);
      for (const v1::Envelope& record : records) c.send(record);
      c.run(crash_rate, 4);
      check_end(c);
      EXPECT_EQ(messages_of(c), 40u);
      return profiles(c);
    };
    ASSERT_EQ(run(kTinySteps, 0.1), run({}, 0.0)) << "seed " << seed;
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

// All of a state goes over in chunks, each element once, whatever their size.
TEST(Chunks, AddUpToTheState) {
  v1::EntityState state;
  state.mutable_ref()->set_id_low(7);
  state.set_messages(30);
  for (int i = 0; i < 10; ++i) {
    v1::IdentifierUse& use = *state.add_identifiers();
    use.mutable_identifier()->set_type("email");
    use.mutable_identifier()->set_value(fmt::format("e{}", i));
    v1::Register& r = *state.add_attributes();
    r.set_name(fmt::format("r{}", i));
    r.mutable_value()->set_text(std::string(static_cast<size_t>(i * 10), 'x'));
    v1::ElementSet& set = *state.add_sets();
    set.set_name(fmt::format("s{}", i));
    for (int k = 0; k < i; ++k) set.add_elements()->mutable_value()->set_integer(k);
    v1::Computed& computed = *state.add_computed();
    computed.set_name(fmt::format("c{}", i));
    computed.set_count(3);
    for (int k = 0; k < i; ++k) computed.add_set()->set_integer(k);
    state.add_events()->set_name(fmt::format("e{}", i));
    state.add_history()->set_received_at_us(i);
    state.add_known_as()->set_id_low(static_cast<uint64_t>(i));
    state.add_attached()->set_id_low(static_cast<uint64_t>(i));
    state.add_merged()->set_id_low(static_cast<uint64_t>(i));
  }
  for (const size_t bytes_max : {1u, 30u, 100u, 400u, 100'000u}) {
    int chunks = 0, elements = 0, values = 0, identifiers = 0, others = 0;
    uint64_t count = 0, messages = 0;
    for (Cut cut; !cut.last; ++chunks) {
      v1::EntityState chunk;
      const uint64_t from = cut.next;
      cut = cut_chunk(state, from, bytes_max, chunk);
      ASSERT_GT(cut.next, from);
      EXPECT_EQ(chunk.has_ref(), from == 0);
      identifiers += chunk.identifiers_size();
      for (const auto& set : chunk.sets()) elements += set.elements_size();
      for (const auto& computed : chunk.computed()) {
        values += computed.set_size();
        count += computed.count();
      }
      others += chunk.attributes_size() + chunk.events_size() + chunk.history_size() + chunk.known_as_size() +
                chunk.attached_size() + chunk.merged_size();
      messages += chunk.messages();
    }
    EXPECT_EQ(identifiers, 10);
    EXPECT_EQ(elements, 45);
    EXPECT_EQ(values, 45);
    EXPECT_EQ(count, 30u);
    EXPECT_EQ(others, 60);
    EXPECT_EQ(messages, 30u);
    EXPECT_EQ(chunks == 1, bytes_max == 100'000u) << chunks;
  }
}

}  // namespace
}  // namespace freshet::action::testing
