// Users, ACLs and quotas of the file: what is read, what follows, what is rendered.
#include "fleet/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "fleet/render/targets.h"
#include "fleet/topology_yaml.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kGuarded =
    "fleet: f\n"
    "regions: [{name: r, zones: [a, b, c]}]\n"
    "clusters:\n"
    "- {name: kube, platform: strimzi, description: orders for all, security: {transport: tls, authentication: "
    "scram_sha_512, super_users: [admin]}}\n"
    "- {name: metal, settings: {num.io.threads: 16, min.insync.replicas: 1}, read_from: closest, security: {transport: "
    "tls, authentication: certificates, super_users: [admin]}}\n"
    "topics: [{name: orders, cluster: kube}, {name: orders, cluster: metal}, {name: bills, cluster: kube}]\n"
    "services:\n"
    "- {name: billing, produces: [{cluster: kube, topics: [bills]}], consumes: [{cluster: kube, topics: [orders], "
    "group: bill-makers}, {cluster: metal, topics: [orders]}]}\n"
    "users:\n"
    "- {name: billing, cluster: kube, service: billing, owner: money, password: \"${BILLING_PASSWORD}\", quota: "
    "{produce: "
    "10MB, request_percent: 150}}\n"
    "- {name: tool, cluster: metal, owner: us, description: it's ours, quota: {consume: 1MB}, acls: [{topic: \"or*\", "
    "operations: "
    "[read, describe]}, {group: \"*\", operations: [read]}, {operations: [describe]}]}\n";

Topology parsed_users(const std::string& text) {
  yaml::Problems problems("f.yaml");
  auto fleet = parse_topology(text, problems);
  EXPECT_EQ(problems.text(), "");
  return fleet ? *fleet : Topology{};
}

std::string problems_of(const std::string& from, const std::string& to) {
  std::string text = kGuarded;
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  yaml::Problems problems("f.yaml");
  EXPECT_FALSE(parse_topology(text.replace(at, from.size(), to), problems));
  return problems.text();
}

Topology guarded() { return parsed_users(kGuarded); }

std::string bytes_of(const Topology& fleet, const std::string& path) {
  const auto rendering = render(fleet, {"fleet.yaml", "0"}, {});
  EXPECT_TRUE(rendering);
  for (const File& file : rendering->files) {
    if (file.path == path) return file.bytes;
  }
  ADD_FAILURE() << "no file " << path;
  return "";
}

TEST(Access, AServiceMayDoWhatItsClientsDo) {
  const Topology fleet = guarded();
  std::vector<std::string> texts;
  for (const Acl& acl : acls_of(fleet, fleet.users[0])) texts.push_back(text_of(acl));
  // What it does in the other cluster is allowed there only.
  EXPECT_THAT(texts, ElementsAre("topic bills: write", "topic bills: describe", "topic orders: read",
                                 "topic orders: describe", "group bill-makers: read"));
  texts.clear();
  for (const Acl& acl : acls_of(fleet, fleet.users[1])) texts.push_back(text_of(acl));
  EXPECT_THAT(texts, ElementsAre("topic or*: read", "topic or*: describe", "group *: read", "cluster: describe"));
}

TEST(Access, WhatIsWrongIsToldAndNoSecretIsShown) {
  const std::string secret = problems_of("\"${BILLING_PASSWORD}\"", "hunter2-of-billing");
  EXPECT_THAT(secret, HasSubstr("password: must be a variable of the environment"));
  EXPECT_THAT(secret, Not(HasSubstr("hunter2")));
  EXPECT_THAT(problems_of("service: billing,", "service: billin,"),
              HasSubstr("there is no service \"billin\"; did you mean"));
  EXPECT_THAT(problems_of("group: \"*\"", "group: \"*\", topic: x"), HasSubstr("at most one of topic, group"));
  EXPECT_THAT(problems_of("{operations: [describe]}", "{operations: [read]}"),
              HasSubstr("Kafka has no read of a cluster"));
  EXPECT_THAT(problems_of("transport: tls, authentication: certificates", "authentication: certificates"),
              HasSubstr("certificates need transport: tls"));
  EXPECT_THAT(problems_of("scram_sha_512", "scram_sha_256"), HasSubstr("not scram_sha_256"));
  EXPECT_THAT(problems_of("name: billing, cluster: kube", "name: Billing, cluster: kube"), HasSubstr("Kubernetes"));
  EXPECT_THAT(problems_of("num.io.threads", "listeners"), HasSubstr("settings: listeners: is written by"));
  EXPECT_THAT(problems_of("description: it's ours", "password: \"${X}\""), HasSubstr("have none"));
  EXPECT_THAT(problems_of("name: tool, cluster: metal", "name: billing, cluster: kube"), HasSubstr("is there twice"));
}

TEST(Access, StrimziGetsListenersAndUsers) {
  const Topology fleet = guarded();
  for (const std::string api : {"v1", "v1beta2"}) {
    const std::string kafka = bytes_of(fleet, "strimzi/" + api + "/kube/kafka.yaml");
    EXPECT_THAT(kafka, HasSubstr("- name: tls\n        port: 9092\n        type: internal\n        tls: true\n"
                                 "        authentication:\n          type: scram-sha-512\n"));
    EXPECT_THAT(kafka, HasSubstr("authorization:\n      type: simple\n      superUsers:\n        - admin\n"));
    EXPECT_THAT(kafka, HasSubstr("userOperator: {}"));
    EXPECT_THAT(kafka, HasSubstr("description: orders for all"));
    const std::string users = bytes_of(fleet, "strimzi/" + api + "/kube/users.yaml");
    EXPECT_THAT(users, HasSubstr("name: billing-password\n          key: password\n"));
    EXPECT_THAT(users, HasSubstr("- resource:\n          type: topic\n          name: orders\n          patternType: "
                                 "literal\n        operations:\n          - Read\n          - Describe\n"));
    EXPECT_THAT(users, HasSubstr("annotations:\n    owner: money\n"));
    EXPECT_THAT(users, HasSubstr("quotas:\n    producerByteRate: 10000000\n    requestPercentage: 150\n"));
  }
}

TEST(Access, MachinesGetPropertiesAndCommands) {
  const Topology fleet = guarded();
  const std::string hosts = bytes_of(fleet, "ansible/metal/hosts.yml");
  EXPECT_THAT(hosts, HasSubstr("ssl_enabled: true\n    ssl_client_authentication: required\n"));
  EXPECT_THAT(hosts, HasSubstr("super.users: User:CN=admin\n"));
  EXPECT_THAT(hosts, HasSubstr("num.io.threads: 16\n"));
  EXPECT_THAT(hosts, HasSubstr("min.insync.replicas: 1\n"));
  EXPECT_THAT(hosts, HasSubstr("replica.selector.class: org.apache.kafka.common.replica.RackAwareReplicaSelector\n"));
  const std::string script = bytes_of(fleet, "ansible/metal/users.sh");
  EXPECT_THAT(script, HasSubstr("\n# tool (us): it's ours\n"));
  EXPECT_THAT(script, HasSubstr("acls --add --force --allow-principal 'User:CN=tool' --operation Read --topic 'or' "
                                "--resource-pattern-type prefixed\n"));
  EXPECT_THAT(script, HasSubstr("--operation Read --group '*'\n"));
  EXPECT_THAT(script, HasSubstr("--operation Describe --cluster\n"));
  EXPECT_THAT(script, HasSubstr("--entity-name 'CN=tool' --add-config 'consumer_byte_rate=1000000'\n"));
}

TEST(Access, VariablesOfTheEnvironment) {
  EXPECT_EQ(variable_of("${A_1}"), "A_1");
  for (const char* wrong : {"", "$A", "${}", "${1A}", "${A}x", "x${A}", "${A-b}", "${A}${B}"})
    EXPECT_EQ(variable_of(wrong), "") << wrong;
}

// Every rule of the file is in what is rendered, once, whatever else overlaps with it.
RC_GTEST_PROP(Access, AclsAreSortedDifferentAndComplete, ()) {
  Topology fleet;
  fleet.clusters.emplace_back();
  User user;
  user.cluster = 0;
  const auto count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    AclRule rule;
    rule.resource = *rc::gen::element(AclResource::kTopic, AclResource::kGroup);
    rule.name = *rc::gen::element<std::string>("a", "b", "*");
    rule.is_prefix = rule.name != "*" && *rc::gen::arbitrary<bool>();
    rule.operations = *rc::gen::container<std::vector<AclOperation>>(
        rc::gen::element(AclOperation::kRead, AclOperation::kDescribe, AclOperation::kAll));
    user.acls.push_back(rule);
  }
  const std::vector<Acl> all = acls_of(fleet, user);
  RC_ASSERT(std::ranges::is_sorted(all));
  RC_ASSERT(std::ranges::adjacent_find(all) == all.end());
  for (const AclRule& rule : user.acls) {
    for (const AclOperation operation : rule.operations)
      RC_ASSERT(std::ranges::binary_search(all, Acl{rule.resource, rule.name, rule.is_prefix, operation}));
  }
}

}  // namespace
}  // namespace freshet::fleet
