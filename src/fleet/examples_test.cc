// The examples are what they say they are, and the published schema is the parser's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "fleet/lint/report.h"
#include "fleet/plan/report.h"
#include "fleet/schema.h"
#include "fleet/topology_yaml.h"
#include "testing/file.h"

namespace freshet::fleet {
namespace {

Topology example(const std::string& name) {
  yaml::Problems problems(name);
  auto fleet = parse_topology(file_text("examples/fleet/" + name + ".yaml"), problems);
  EXPECT_EQ(problems.text(), "");
  return fleet ? std::move(*fleet) : Topology{};
}

// Messages a second from services, and what services may read of them.
std::pair<double, double> load_of(const Topology& fleet) {
  const Rates rates = rates_of(fleet);
  double written = 0;
  for (const ProducerRates& producer : rates.producers) written += producer.messages_per_s;
  double read = 0;
  for (const Consumer& consumer : fleet.consumers) {
    for (const Index topic : consumer.topics) read += fleet.topics[topic].messages_per_s;
  }
  return {written, read};
}

TEST(Examples, NoneButTheMonolithHasWarnings) {
  for (const char* name : {"small", "shop", "twenty"}) {
    const Topology fleet = example(name);
    const LintReport report = lint(fleet);
    EXPECT_EQ(report.count(Grade::kError) + report.count(Grade::kWarning), 0U) << text_of(report, fleet, 10);
  }
  EXPECT_GT(lint(example("monolith")).count(Grade::kError), 0U);
}

TEST(Examples, TwentyClustersAndTheMonolithCarryTheSame) {
  const Topology twenty = example("twenty");
  const Topology monolith = example("monolith");
  EXPECT_EQ(twenty.clusters.size(), 20U);
  EXPECT_EQ(twenty.regions.size(), 4U);
  EXPECT_EQ(monolith.clusters.size(), 1U);
  EXPECT_GE(monolith.clusters[0].brokers, 50U);
  EXPECT_GT(load_of(twenty).first, 1e6);
  EXPECT_DOUBLE_EQ(load_of(twenty).first, load_of(monolith).first);
  EXPECT_DOUBLE_EQ(load_of(twenty).second, load_of(monolith).second);
  EXPECT_EQ(twenty.services.size(), monolith.services.size());
}

TEST(Examples, HoldTheirLoadForHalfAYear) {
  for (const char* name : {"small", "shop", "twenty", "monolith"}) {
    const auto plan = plan_fleet(example(name), nullptr, PlanOptions{.months = 6}, default_prices());
    ASSERT_TRUE(plan);
    EXPECT_TRUE(holds(*plan)) << text_report(*plan);
  }
}

TEST(Schema, IsPublishedAsTheParserHasIt) {
  EXPECT_EQ(file_text("docs/fleet/fleet.schema.json"), schema_json()) << "write it by: freshet fleet lint --schema";
}

TEST(Schema, ExamplesNameIt) {
  for (const char* name : {"small", "shop", "twenty", "monolith"})
    EXPECT_TRUE(file_text(std::string("examples/fleet/") + name + ".yaml")
                    .starts_with("# yaml-language-server: $schema=../../docs/fleet/fleet.schema.json\n"))
        << name;
}

}  // namespace
}  // namespace freshet::fleet
