// Whoever is known by a value can be named by it, however it was spelled and whatever ingest thinks of it now.
#include "console/spellings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "console/admin.h"
#include "testing/fake_admin.h"
#include "testing/identifier.h"

namespace freshet::console {
namespace {

using model::testing::make;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SpellingsTest : public ::testing::Test {
 protected:
  SpellingsTest() {
    AdminOptions options;
    options.store = &store_;
    options.letters = keeper_.open();
    options.registry = registry_.get();
    options.log = &log_;
    options.tenants = &desk_;
    options.clock = &clock_;
    options.submit = [this](v1::Envelope envelope, const std::function<void(Status)>& done) {
      submitted_.push_back(std::move(envelope));
      done({});
    };
    options.find_message = [this](const SoughtMessage& sought, const std::function<void(Result<bool>)>& done) {
      sought_.push_back(sought);
      done(false);
    };
    admin_.emplace(std::move(options));
  }

  void put(const std::string& type, const std::string& value, uint64_t version) {
    v1::Document document;
    document.set_version(version);
    store_.put("acme", v1::ENTITY_KIND_USER, make(type, value), document);
  }

  http::Response call(const std::string& method, const std::string& path, const std::string& body = "") {
    http::Request request;
    request.method = method;
    request.path = path;
    request.body = body;
    http::Response out;
    admin_->handle(std::move(request), [&](http::Response response) { out = std::move(response); });
    return out;
  }

  FakeStore store_;
  FakeDesk desk_{"acme"};
  FakeLog log_{2};
  env::FakeClock clock_;
  FakeKeeper keeper_{log_, store_, clock_};
  std::unique_ptr<schema::Registry> registry_ = schema::make_registry();
  std::vector<SoughtMessage> sought_;
  std::vector<v1::Envelope> submitted_;
  std::optional<Admin> admin_;
};

// Numbers are asked for in the spelling that ingest stores, and in the one from before there was one.
TEST_F(SpellingsTest, PhoneNumbersAreFoundInEitherSpelling) {
  put("phone", "+91981", 1);
  put("phone", "+44 20-7", 2);
  EXPECT_THAT(call("GET", "/v1/tenants/acme/users/phone/0091%2098-1").body, HasSubstr(R"("version":1)"));
  EXPECT_THAT(call("GET", "/v1/tenants/acme/users/phone/+44%2020-7").body, HasSubstr(R"("version":2)"));
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/phone/+44207").status, 404) << "nobody knows how it was spelled";
  call("POST", "/v1/tenants/acme/messages/lookup", R"({"message_id":"m1","user":{"phone":"+44 20-7"}})");
  EXPECT_EQ(sought_.at(0).senders.at(0).value() + ", " + sought_.at(0).senders.at(1).value(), "+44207, +44 20-7");

  EXPECT_EQ(call("DELETE", "/v1/tenants/acme/users/phone/+44%2020-7").status, 202);
  EXPECT_EQ(call("DELETE", "/v1/tenants/acme/users/phone/+91981").status, 202);
  std::vector<std::string> erased;
  for (const v1::Envelope& order : submitted_) erased.push_back(order.user(0).value());
  EXPECT_THAT(erased, ElementsAre("+44 20-7", "+44207", "+91981")) << "nobody is left under a spelling of before";
  submitted_.clear();
  EXPECT_EQ(
      call("POST", "/v1/tenants/acme/users/merge", R"({"from":{"phone":"+44 20-7"},"into":{"phone":"+44207"}})").status,
      202);
  EXPECT_EQ(submitted_.at(0).other().value(), "+44 20-7");
  EXPECT_EQ(
      call("POST", "/v1/tenants/acme/users/merge", R"({"from":{"phone":"+44207"},"into":{"phone":"+44207"}})").status,
      400);
  EXPECT_EQ(
      call("POST", "/v1/tenants/acme/users/merge", R"({"from":{"phone":"+44 20-7"},"into":{"user_id":"u"}})").status,
      202);
  EXPECT_EQ(submitted_.at(1).other().value(), "+44207");
}

// Ingest takes them no more, but a store may have them from before: who has can be found, and got rid of.
TEST_F(SpellingsTest, ValuesThatNameNobodyNowCanBeNamedByAnAdmin) {
  put("user_id", "{{user.id}}", 7);
  const std::string users = "/v1/tenants/acme/users";
  EXPECT_THAT(call("GET", users + "/user_id/%7B%7Buser.id%7D%7D").body, HasSubstr(R"("version":7)"));
  EXPECT_THAT(call("POST", users + "/lookup", R"({"user_id":"{{user.id}}"})").body, HasSubstr(R"("version":7)"));
  EXPECT_EQ(call("DELETE", users + "/user_id/%7B%7Buser.id%7D%7D").status, 202);
  EXPECT_EQ(call("DELETE", "/v1/tenants/acme/devices/idfa/__IDFA__").status, 202);
  EXPECT_EQ(call("POST", users + "/user_id/null/unsuppress").status, 202);
  EXPECT_EQ(call("POST", users + "/unlink", R"({"from":{"user_id":"u1"},"identifier":{"email":"-"}})").status, 202);
  EXPECT_EQ(call("POST", users + "/merge", R"({"from":{"user_id":"__ann__"},"into":{"user_id":"u1"}})").status, 202);
  ASSERT_EQ(submitted_.size(), 5U);
  EXPECT_EQ(submitted_[0].user(0).value(), "{{user.id}}");
  EXPECT_EQ(submitted_[1].device(0).value(), "__IDFA__");
  EXPECT_EQ(submitted_[3].other().value(), "-");
  EXPECT_EQ(submitted_[4].other().value(), "__ann__");
}

// As the releases before stored them: capitals beyond ASCII and marks of letters in addresses, blanks that nobody sees.
TEST_F(SpellingsTest, WhoIsKnownByASpellingOfEarlierReleasesIsFoundAndErased) {
  put("email", "jose\u0301@b.c", 1);
  put("email", "j\u00d6rg@b.c", 2);
  put("user_id", "\u00a0u1", 3);
  const std::string lookup = "/v1/tenants/acme/users/lookup";
  EXPECT_THAT(call("POST", lookup, R"({"email":"Jose\u0301@b.c"})").body, HasSubstr(R"("version":1)"));
  EXPECT_THAT(call("POST", lookup, R"({"email":"J\u00d6rg@b.c"})").body, HasSubstr(R"("version":2)"));
  EXPECT_THAT(call("POST", lookup, R"({"user_id":"\u00a0u1"})").body, HasSubstr(R"("version":3)"));
  EXPECT_EQ(call("POST", lookup, R"({"user_id":"u1"})").status, 404);
  EXPECT_EQ(call("DELETE", "/v1/tenants/acme/users/email/J%C3%96rg@b.c").status, 202);
  std::vector<std::string> erased;
  for (const v1::Envelope& order : submitted_) erased.push_back(order.user(0).value());
  EXPECT_THAT(erased, ElementsAre("j\u00d6rg@b.c", "j\u00f6rg@b.c"));
  const std::string erasure = "/v1/tenants/acme/erasures/lookup";
  for (const char* spelled : {R"({"email":"J\u00d6RG@b.c"})", R"({"email":"jo\u0308rg@b.c"})"})
    EXPECT_THAT(call("POST", erasure, spelled).body, HasSubstr(submitted_.back().message_id())) << spelled;
}

}  // namespace
}  // namespace freshet::console
