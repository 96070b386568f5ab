#include "ingest/auth.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace freshet::ingest {
namespace {

model::Tenant tenant_with(const std::string& name, std::vector<std::string> write, std::vector<std::string> server) {
  model::Tenant tenant = model::default_tenant(name);
  tenant.write_keys = std::move(write);
  tenant.server_keys = std::move(server);
  return tenant;
}

// echo app:secret | base64
TEST(Authorization, ALineEndOfTheShellIsNoPartOfIt) {
  const Credentials both = parse_authorization("Basic YXBwOnNlY3JldAo=");
  EXPECT_EQ(both.user + " " + both.password, "app secret");
  EXPECT_EQ(parse_authorization("Basic azENCg==").user, "k1");
  EXPECT_EQ(parse_authorization("Basic Cg==").user, "");
}

TEST(Tenants, ARequestKeepsTheTenantThatItFound) {
  Tenants tenants({tenant_with("a", {"k"}, {})});
  const auto sender = tenants.by_key("k");
  ASSERT_TRUE(sender);
  tenants = tenants.without_keys("a");
  EXPECT_FALSE(tenants.by_key("k"));
  EXPECT_EQ(sender->tenant->name, "a");
  ASSERT_NE(tenants.by_name("a"), nullptr) << "its data is there";
  EXPECT_EQ(tenants.by_name("b"), nullptr);
}

TEST(Tenants, KeysOverlapWhileTheyAreRotated) {
  Tenants tenants({tenant_with("a", {"old"}, {"s"})});
  tenants = tenants.with(tenant_with("a", {"new", "old"}, {"s"}));
  EXPECT_TRUE(tenants.by_key("old") && tenants.by_key("new"));
  tenants = tenants.with(tenant_with("a", {"new"}, {"s"}));
  EXPECT_FALSE(tenants.by_key("old"));
  EXPECT_EQ(tenants.by_key("new")->scope, model::KeyScope::kWrite);
  EXPECT_EQ(tenants.by_key("s")->scope, model::KeyScope::kServer);
  EXPECT_EQ(tenants.by_write_key("s"), nullptr);
}

TEST(Tenants, TheSecretOfTheDataApiChanges) {
  model::Tenant tenant = tenant_with("a", {}, {});
  tenant.app_id = "app";
  tenant.app_secret = "s1";
  Tenants tenants({tenant});
  EXPECT_TRUE(tenants.by_secret("app", "s1"));
  EXPECT_FALSE(tenants.by_secret("app", ""));
  tenant.app_secret = SecretHash::of("s2").configured();
  tenants = tenants.with(tenant);
  EXPECT_FALSE(tenants.by_secret("app", "s1"));
  EXPECT_TRUE(tenants.by_secret("app", "s2"));
  tenants = tenants.without_keys("a");
  EXPECT_FALSE(tenants.by_secret("app", "s2"));
  EXPECT_EQ(tenants.owner_of_app("app"), nullptr);
}

// Whatever happened before, each key leads to the one tenant that has it now, and to nobody if none has.
RC_GTEST_PROP(TenantsProperty, AreWhatTheLastChangesSay,
              (const std::vector<std::tuple<uint8_t, std::vector<uint8_t>, bool>>& steps)) {
  Tenants tenants;
  std::map<std::string, std::string> owner;
  for (const auto& [who, keys, removed] : steps) {
    const std::string name = "t" + std::to_string(who % 5);
    std::erase_if(owner, [&](const auto& entry) { return entry.second == name; });
    if (removed) {
      tenants = tenants.without_keys(name);
      continue;
    }
    std::vector<std::string> texts;
    for (const uint8_t key : keys) texts.push_back("k" + std::to_string(key % 20));
    for (const std::string& key : texts) owner[key] = name;
    tenants = tenants.with(tenant_with(name, texts, {}));
  }
  for (int key = 0; key < 20; ++key) {
    const std::string text = "k" + std::to_string(key);
    const auto sender = tenants.by_key(text);
    RC_ASSERT(sender.has_value() == owner.contains(text));
    if (sender) RC_ASSERT(sender->tenant->name == owner.at(text));
  }
}

}  // namespace
}  // namespace freshet::ingest
