#include "fleet/live/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testing/planned_fleets.h"

namespace freshet::fleet {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kReached = "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\n";

std::optional<std::string> variables(const std::string& name) {
  if (name == "PW") return "s3cret${X}";
  return std::nullopt;
}

TEST(Connection, IsMadeOfWhatTheFileAndTheEnvironmentSay) {
  const Topology fleet = parse_fleet(kReached +
                                     "defaults:\n"
                                     "  cluster: {connect: {properties: {security.protocol: SASL_SSL, "
                                     "sasl.username: all, sasl.password: \"${PW}\"}}}\n"
                                     "clusters:\n"
                                     "- {name: a, connect: {bootstrap: \"h:1,h:2\", cluster_id: XYZ, "
                                     "properties: {sasl.username: one}}}\n"
                                     "- {name: b}\n");
  const auto first = connection_of(fleet, fleet.clusters[0], variables);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->bootstrap, "h:1,h:2");
  EXPECT_EQ(first->properties,
            (cluster::Properties{
                {"security.protocol", "SASL_SSL"}, {"sasl.username", "one"}, {"sasl.password", "s3cret${X}"}}));
  EXPECT_EQ(fleet.clusters[0].connect.cluster_id, "XYZ");
  const auto second = connection_of(fleet, fleet.clusters[1], variables);
  ASSERT_TRUE(second);
  EXPECT_THAT(second->bootstrap, HasSubstr("kafka.internal:9092"));
  EXPECT_EQ(second->properties[1].second, "all");
}

TEST(Connection, SaysWhichVariableIsNotSet) {
  const Topology fleet =
      parse_fleet(kReached + "clusters: [{name: a, connect: {properties: {sasl.password: \"x${NOPE}\"}}}]\n");
  const auto made = connection_of(fleet, fleet.clusters[0], variables);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message,
            "cluster a: connect.properties: sasl.password: the environment variable NOPE is not set");
}

TEST(Connection, RefusesWrongPropertiesInTheirPlace) {
  yaml::Problems problems("f.yaml");
  EXPECT_FALSE(parse_topology(
      kReached + "clusters: [{name: a, connect: {properties: {security.protocl: SSL, sasl.password: hunter2}}}]\n",
      problems));
  EXPECT_THAT(problems.text(), HasSubstr("f.yaml:3:"));
  EXPECT_THAT(problems.text(), HasSubstr("security.protocl: librdkafka"));
  EXPECT_THAT(problems.text(), Not(HasSubstr("hunter2")));
}

TEST(Connection, LeavesOtherDollarsAlone) {
  for (const char* text : {"", "$", "${", "${}", "${a b}", "$PW", "a$"}) EXPECT_EQ(expand(text, variables), text);
  EXPECT_EQ(expand("<${PW}|${PW}>", variables), "<s3cret${X}|s3cret${X}>");
}

}  // namespace
}  // namespace freshet::fleet
