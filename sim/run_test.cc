// The fixed set of seeds, and the mutants: what ./dev test runs of the simulator.
#include "run.h"

#include <gtest/gtest.h>

#include "mutants.h"
#include "oracle.h"
#include "telemetry/log.h"

namespace freshet::sim {
namespace {

class RunTest : public ::testing::Test {
 protected:
  RunTest() { static_cast<void>(telemetry::set_log_level("off")); }
  ~RunTest() override { planted_mutant = Mutant::kNone; }
};

// Of every workload, each seed twice.
TEST_F(RunTest, FixedSeedsAreClean) {
  for (const auto& workload : workloads())
    for (uint64_t seed = 1; seed <= 6; ++seed) {
      RunOptions options;
      options.workload = workload.get();
      const RunResult result = run_seed(seed, options);
      ASSERT_FALSE(result.violation) << "freshet-sim --seeds " << seed << " --workload " << workload->name() << "\n"
                                     << *result.violation;
    }
}

TEST_F(RunTest, EveryFaultIsMet) {
  Probes probes;
  RunOptions options;
  options.twice = false;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const RunResult result = run_seed(seed, options);
    ASSERT_FALSE(result.violation) << "freshet-sim --seeds " << seed << "\n" << *result.violation;
    probes.add(result.probes);
  }
  for (size_t i = 0; i < kFirstProbeOfMirrors; ++i)
    EXPECT_GT(probes.of(static_cast<Probe>(i)), 0u) << name_of(static_cast<Probe>(i)) << " was never met";
}

// Seeds 1 to 60, and each probe of [first, end) is hit.
void run_other_world(const char* name, size_t first, size_t end) {
  Probes probes;
  RunOptions options;
  ASSERT_TRUE(choose_workload(name, options));
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const RunResult result = run_seed(seed, options);
    ASSERT_FALSE(result.violation) << "freshet-sim --workload " << name << " --seeds " << seed << "\n"
                                   << *result.violation;
    probes.add(result.probes);
  }
  for (size_t i = first; i < end; ++i)
    EXPECT_GT(probes.of(static_cast<Probe>(i)), 0u) << name_of(static_cast<Probe>(i)) << " was never met";
}

TEST_F(RunTest, MirrorsAreCleanAndMeetEveryFault) {
  run_other_world("mirrors", kFirstProbeOfMirrors, kFirstProbeOfCaptures);
}

TEST_F(RunTest, CapturesAreCleanAndMeetEveryFault) {
  run_other_world("captures", kFirstProbeOfCaptures, kFirstProbeOfSinks);
}

TEST_F(RunTest, SinksAreCleanAndMeetEveryFault) { run_other_world("sinks", kFirstProbeOfSinks, kProbes); }

TEST_F(RunTest, OneSeedIsOneRun) {
  RunOptions options;
  options.size.records = 100;
  options.twice = false;
  const std::string hash = run_seed(7, options).hash;
  EXPECT_EQ(run_seed(7, options).hash, hash);
  EXPECT_NE(run_seed(8, options).hash, hash);
}

class MutantTest : public RunTest, public ::testing::WithParamInterface<MutantInfo> {};

TEST_P(MutantTest, IsFound) {
  planted_mutant = GetParam().mutant;
  RunOptions options;
  options.twice = false;
  ASSERT_TRUE(GetParam().workload.empty() || choose_workload(GetParam().workload, options));
  for (uint64_t seed = 1; seed <= kMutantSeeds; ++seed)
    if (run_seed(seed, options).violation) return;
  FAIL() << GetParam().name << " survives " << kMutantSeeds << " seeds: " << GetParam().text;
}

std::string test_name(const ::testing::TestParamInfo<MutantInfo>& of) {
  std::string name;
  for (const char c : of.param.name)
    if (c != '-') name += c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, MutantTest, ::testing::ValuesIn(mutants().begin(), mutants().end()), test_name);

// ---- the oracle ---------------------------------------------------------------------------------------------------

v1::Envelope said(const std::string& id, int64_t time_us,
                  const std::vector<std::pair<std::string, std::string>>& user) {
  v1::Envelope record;
  record.set_message_id(id);
  record.set_kind(v1::Envelope::IDENTIFY);
  record.set_time_us(time_us);
  for (const auto& [type, value] : user) {
    record.add_user()->set_type(type);
    record.mutable_user()->rbegin()->set_value(value);
  }
  return record;
}

void set(v1::Envelope& record, v1::AttributeOp::Type type, const std::string& value) {
  v1::AttributeOp& op = *record.add_attributes();
  op.set_type(type);
  op.set_name("x");
  if (type == v1::AttributeOp::SET) op.mutable_value()->set_text(value);
  if (type == v1::AttributeOp::ADD_TO_SET || type == v1::AttributeOp::REMOVE_FROM_SET)
    op.add_elements()->set_text(value);
}

TEST(OracleTest, WhatRecordsConnectIsOnePerson) {
  const auto profiles =
      expected_profiles({said("1", 1, {{"user_id", "u"}, {"email", "e"}}),
                         said("2", 5, {{"email", "e"}, {"anonymous_id", "a"}}), said("3", 3, {{"anonymous_id", "b"}})});
  ASSERT_EQ(profiles.size(), 2u);
  EXPECT_EQ(profiles[0].at("identifier anonymous_id"), "['a']");
  EXPECT_EQ(profiles[0].at("first seen"), "1");
  EXPECT_EQ(profiles[0].at("last seen"), "5");
  EXPECT_EQ(profiles[1].at("identifier anonymous_id"), "['b']");
}

TEST(OracleTest, TimeDecidesNotOrder) {
  v1::Envelope late = said("1", 9, {{"user_id", "u"}}), early = said("2", 3, {{"user_id", "u"}});
  set(late, v1::AttributeOp::SET, "late");
  set(early, v1::AttributeOp::SET, "early");
  EXPECT_EQ(expected_profiles({late, early})[0].at("attribute x"), "'late'");
  set(late, v1::AttributeOp::UNSET, "");
  EXPECT_FALSE(expected_profiles({late, early})[0].contains("attribute x"));
}

TEST(OracleTest, ElementsLieOnTopOfWhatWasSetBefore) {
  v1::Envelope before = said("1", 1, {{"user_id", "u"}}), base = said("2", 2, {{"user_id", "u"}}),
               after = said("3", 3, {{"user_id", "u"}});
  set(before, v1::AttributeOp::ADD_TO_SET, "gone");
  set(base, v1::AttributeOp::UNSET, "");
  set(after, v1::AttributeOp::ADD_TO_SET, "there");
  EXPECT_EQ(expected_profiles({after, base, before})[0].at("attribute x"), "['there']");
}

}  // namespace
}  // namespace freshet::sim
