// What users lack, and what they have too much.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "fleet/live/access_now.h"
#include "fleet/topology_yaml.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<UserWanted> wanted_users() {
  yaml::Problems problems("f.yaml");
  const auto fleet = parse_topology(
      "fleet: f\nregions: [{name: r, zones: [a]}]\n"
      "clusters: [{name: c, security: {transport: tls, authentication: scram_sha_256}}]\n"
      "topics: [{name: t}]\n"
      "users:\n"
      "- {name: b, password: \"${B}\", quota: {consume: 5MB}, acls: [{topic: t, operations: [read, describe]}]}\n"
      "- {name: a, acls: [{group: \"g*\", operations: [read]}]}\n",
      problems);
  EXPECT_EQ(problems.text(), "");
  return fleet ? users_wanted(*fleet, 0) : std::vector<UserWanted>();
}

std::vector<std::string> texts_of(const std::vector<Grant>& grants) {
  std::vector<std::string> out;
  for (const Grant& grant : grants) out.push_back(text_of(grant));
  return out;
}

TEST(AccessNow, WhatUsersLackIsGivenPasswordFirst) {
  const auto wanted = wanted_users();
  EXPECT_THAT(texts_of(grants_of(wanted, {})),
              ElementsAre("user a: allowed group g*: read", "user b: SCRAM-SHA-256 credential from B",
                          "user b: allowed topic t: read; topic t: describe",
                          "user b: quota consume 5000000 B/s (living: none)"));
  AccessNow now;
  now.users["User:b"].acls = {{AclResource::kTopic, "t", false, AclOperation::kRead}};
  now.users["User:b"].mechanisms = {"SCRAM-SHA-512"};
  now.users["User:b"].quota.consume_bytes_per_s = 1;
  EXPECT_THAT(
      texts_of(grants_of(wanted, now)),
      ElementsAre("user a: allowed group g*: read", "user b: SCRAM-SHA-256 credential from B",
                  "user b: allowed topic t: describe", "user b: quota consume 5000000 B/s (living: consume 1 B/s)"));
}

TEST(AccessNow, WhatTheFileDoesNotBoundIsLeft) {
  AccessNow now;
  for (const UserWanted& user : wanted_users()) {
    UserNow& living = now.users[user.principal];
    living.acls.insert(user.acls.begin(), user.acls.end());
    living.mechanisms = {user.mechanism};
    living.quota = user.quota;
    living.quota.request_percent = 7;
  }
  EXPECT_THAT(grants_of(wanted_users(), now), IsEmpty());
  EXPECT_THAT(extra_acls(wanted_users(), now), IsEmpty());
  now.users["User:a"].acls.insert({AclResource::kTopic, "t", false, AclOperation::kDelete});
  now.users["User:stranger"].acls.insert({AclResource::kTopic, "t", false, AclOperation::kDelete});
  const auto extra = extra_acls(wanted_users(), now);
  ASSERT_EQ(extra.size(), 1U);  // of users of the file only
  EXPECT_EQ(extra[0].first, "a");
}

// Given what is lacking, nothing is lacking, whatever was there.
RC_GTEST_PROP(AccessNow, GivenOnceNothingIsLacking, ()) {
  const auto wanted = wanted_users();
  AccessNow now;
  for (const UserWanted& user : wanted) {
    for (const Acl& acl : user.acls) {
      if (*rc::gen::arbitrary<bool>()) now.users[user.principal].acls.insert(acl);
    }
    if (*rc::gen::arbitrary<bool>()) now.users[user.principal].mechanisms.insert(user.mechanism);
    now.users[user.principal].quota.consume_bytes_per_s = *rc::gen::element<uint64_t>(0, 5'000'000, 9);
  }
  for (const Grant& grant : grants_of(wanted, now)) {
    UserNow& living = now.users[grant.user.principal];
    if (grant.kind == Grant::Kind::kAcls) living.acls.insert(grant.user.acls.begin(), grant.user.acls.end());
    if (grant.kind == Grant::Kind::kPassword) living.mechanisms.insert(grant.user.mechanism);
    if (grant.kind == Grant::Kind::kQuota) living.quota = grant.user.quota;
  }
  RC_ASSERT(grants_of(wanted, now).empty());
}

}  // namespace
}  // namespace freshet::fleet
