// The runbook of a migration: every topic, reader and writer is in it, with the way back from each step.
#include "fleet/runbook/migrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet/topology_yaml.h"
#include "testing/file.h"
#include "testing/project_path.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kMonolith =
    "fleet: old\nregions: [{name: r, zones: [a, b, c]}]\n"
    "clusters: [{name: mono, connect: {bootstrap: \"m:9092\", properties: {sasl.password: \"${MONO}\"}}}]\n"
    "topics: [{name: clicks, partitions: 12, messages_per_second: 900}, {name: orders, partitions: 6, "
    "messages_per_second: 10}]\n"
    "services:\n"
    "- {name: web, produces: [{topics: [clicks, orders]}]}\n"
    "- {name: billing, consumes: [{topics: [orders]}]}\n"
    "- {name: reports, consumes: [{topics: [clicks]}]}\n";
const std::string kFleet =
    "fleet: new\nregions: [{name: r, zones: [a, b, c]}]\n"
    "clusters: [{name: front, kind: fronting, connect: {bootstrap: \"f:9092\"}}, {name: back, connect: {bootstrap: "
    "\"b:9092\"}}]\n"
    "topics: [{name: clicks, cluster: front, partitions: 12}, {name: orders, cluster: front, partitions: 24}]\n"
    "mirrors: [{name: fan, from: front, to: back, topics: [\"*\"]}]\n"
    "services:\n"
    "- {name: web, produces: [{cluster: front, topics: [clicks, orders]}]}\n"
    "- {name: billing, consumes: [{cluster: back, topics: [orders]}]}\n"
    "- {name: reports, consumes: [{cluster: front, topics: [clicks]}]}\n";

Topology read_fleet(const std::string& text, const std::string& name) {
  yaml::Problems problems(name);
  auto fleet = parse_topology(text, problems);
  EXPECT_EQ(problems.text(), "");
  return fleet ? *fleet : Topology{};
}

Migration migration(const std::string& old, const std::string& fleet) {
  const auto out = plan_migration(read_fleet(old, "old.yaml"), 0, read_fleet(fleet, "new.yaml"));
  EXPECT_TRUE(out) << (out ? "" : out.error().message);
  return out ? *out : Migration{};
}

size_t place_of_text(const std::string& text, const std::string& part) {
  const size_t at = text.find(part);
  EXPECT_NE(at, text.npos) << part << "\nis not in\n" << text;
  return at;
}

TEST(Migrate, TopicByTopicReadersBeforeWriters) {
  const Migration runbook = migration(kMonolith, kFleet);
  EXPECT_TRUE(runbook.unresolved.empty());
  const std::string& text = runbook.text;
  // The smallest first.
  const size_t orders = place_of_text(text, "## orders: mono → front");
  const size_t clicks = place_of_text(text, "## clicks: mono → front");
  EXPECT_LT(orders, clicks);
  const std::string of_orders = text.substr(orders, clicks - orders);
  const size_t copied = place_of_text(of_orders, "freshet mirror --config mirror-mono-to-front.yaml");
  const size_t whole =
      place_of_text(of_orders, "freshet mirror verify --config mirror-mono-to-front.yaml --topic orders");
  // A group that reads a copy: the same way as the records.
  const size_t moved =
      place_of_text(of_orders,
                    "freshet mirror offsets --config mirror-mono-to-front.yaml --group billing --apply\n"
                    "  freshet mirror offsets --config mirror-fan.yaml --group billing --apply");
  const size_t back = place_of_text(of_orders, "freshet mirror --config mirror-front-to-mono.yaml");
  const size_t written = place_of_text(of_orders, "web writes orders on front instead of mono");
  EXPECT_TRUE(copied < whole && whole < moved && moved < back && back < written);
  // A reader at home needs one hop.
  EXPECT_THAT(text.substr(clicks), Not(HasSubstr("mirror-fan.yaml --group")));
  EXPECT_THAT(text, HasSubstr("`mirror-mono-to-front.yaml`:\n"));
  EXPECT_THAT(text, HasSubstr("match: orders\n      partitions: 24\n"));
  EXPECT_THAT(text, HasSubstr("sasl.password: \"${MONO}\"\n"));
}

TEST(Migrate, EveryStepOfATopicHasItsWayBack) {
  const std::string text = migration(kMonolith, kFleet).text;
  const size_t begin = place_of_text(text, "## orders"), end = place_of_text(text, "## When nobody");
  size_t steps = 0, ways = 0;
  for (size_t at = text.find("- [ ] ", begin); at < end; at = text.find("- [ ] ", at + 1)) ++steps;
  for (size_t at = text.find("  - Way back: ", begin); at < end; at = text.find("  - Way back: ", at + 1)) ++ways;
  // But looking at whether a copy is whole, which changes nothing: of each of two topics at home, of one further on.
  EXPECT_EQ(ways + 3, steps);
}

// What is followed is what is printed.
TEST(Migrate, TheStepsAreThoseOfTheText) {
  const Migration runbook = migration(kMonolith, kFleet);
  size_t at = 0, mirrors = 0;
  for (const RunbookStep& step : runbook.steps) {
    at = runbook.text.find("- [ ] " + step.what, at);
    ASSERT_NE(at, std::string::npos) << step.what;
    EXPECT_THAT(runbook.text, HasSubstr("## " + step.part));
    const std::string first = step.command.substr(0, step.command.find('\n'));
    EXPECT_THAT(runbook.text.substr(at), HasSubstr(first));
    mirrors += step.kind == StepKind::kMirror ? 1 : 0;
    EXPECT_EQ(step.kind == StepKind::kMirror, !step.mirror.empty()) << step.what;
    EXPECT_EQ(step.by_people && step.kind == StepKind::kPeople,
              step.by_people && step.command.empty() && step.kind != StepKind::kMirrorsEnd)
        << step.what;
  }
  EXPECT_EQ(mirrors, 5U);  // there, back, and one further on, of two topics
  std::vector<std::string> names;
  for (const RunbookFile& file : runbook.files) names.push_back(file.name);
  EXPECT_THAT(names, ElementsAre("mirror-mono-to-front.yaml", "mirror-front-to-mono.yaml", "mirror-fan.yaml"));
}

TEST(Migrate, WhatTheFilesLeaveOpen) {
  std::string lacking = kFleet;
  lacking.replace(lacking.find("{name: orders, cluster: front, partitions: 24}"), 46, "{name: other, cluster: front}");
  lacking.replace(lacking.find("topics: [clicks, orders]"), 24, "topics: [clicks, other]");
  lacking.replace(lacking.find("cluster: back, topics: [orders]"), 31, "cluster: back, topics: [other]");
  lacking.replace(lacking.find("cluster: front, topics: [clicks]}]}\n"), 35, "cluster: front, topics: [other]}]}");
  lacking.replace(lacking.find("name: clicks, cluster: front, partitions: 12"), 44,
                  "name: clicks, cluster: front, partitions: 4");
  EXPECT_THAT(migration(kMonolith, lacking).unresolved,
              ElementsAre(HasSubstr("topic orders is nowhere in new"),
                          HasSubstr("group reports reads clicks on mono, and nowhere"),
                          HasSubstr("topic clicks has 12 partitions on mono and 4 on front")));
  const auto nothing =
      plan_migration(read_fleet(kMonolith, "o"), 0,
                     read_fleet("fleet: n\nregions: [{name: r, zones: [a]}]\nclusters: [{name: c}]\n", "n"));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Code::kInvalid);
}

// A mirror of a migration is in no file that lint reads.
TEST(Migrate, WhatACopyWouldSufferFrom) {
  std::string other = kFleet;
  other.replace(other.find("{name: clicks, cluster: front, partitions: 12}"), 46,
                "{name: clicks, cluster: front, partitions: 12, cleanup: compact, message_bytes_max: 64KiB}");
  other.replace(other.find("{name: front, kind: fronting,"), 29,
                "{name: front, kind: fronting, security: {transport: tls, authentication: scram_sha_512},");
  EXPECT_THAT(migration(kMonolith, other).unresolved,
              ElementsAre(HasSubstr("topic clicks has cleanup delete on mono and compact on front"),
                          HasSubstr("topic clicks takes messages of 1MiB on mono and 64KiB on front"),
                          HasSubstr("cluster front asks for SASL_SSL, and its connect.properties say nothing")));
}

TEST(Migrate, TheWorkedCase) {
  const Migration runbook =
      migration(file_text("examples/fleet/monolith.yaml"), file_text("examples/fleet/twenty.yaml"));
  EXPECT_TRUE(runbook.unresolved.size() < 100) << runbook.unresolved.size();
  EXPECT_THAT(runbook.text, HasSubstr("36 topics of monolith move"));
}

}  // namespace
}  // namespace freshet::fleet
