#include "objectstore/credentials.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>

#include "testing/socket.h"

namespace freshet::objectstore {
namespace {

TEST(CredentialsText, HasProfiles) {
  const std::string text =
      "# ours\n[default]\naws_access_key_id=A\naws_secret_access_key = b=c \r\n\n"
      "[ lake ]\naws_access_key_id = L\naws_secret_access_key = m\naws_session_token = t\nregion = x\n; [more]\n";
  EXPECT_EQ(parse_credentials(text, "default").value(), (Credentials{"A", "b=c", ""}));
  EXPECT_EQ(parse_credentials(text, "lake").value(), (Credentials{"L", "m", "t"}));
  for (const char* none : {"more", "", "lak"}) EXPECT_EQ(parse_credentials(text, none).error().code, Code::kInvalid);
  EXPECT_FALSE(parse_credentials("[default]\naws_access_key_id = A\n", "default"));
  EXPECT_FALSE(parse_credentials("[", "default"));
}

struct CredentialsInFile : ::testing::Test {
  ~CredentialsInFile() override { std::remove(file.path.c_str()); }
  void write(const std::string& secret) const {
    std::ofstream(file.path) << "[default]\naws_access_key_id = A\naws_secret_access_key = " << secret << "\n";
  }
  CredentialsFile file{"/tmp/freshet-credentials-" + std::to_string(getpid()), "default"};
};

TEST_F(CredentialsInFile, AreReadAgain) {
  write("first");
  CredentialSource source({}, file);
  ASSERT_TRUE(source.check());
  const Credentials used = source.get();
  EXPECT_EQ(used.secret_access_key, "first");
  EXPECT_FALSE(source.has_others(used)) << "they are the same";
  write("second");
  EXPECT_EQ(source.get().secret_access_key, "first") << "nobody has refused them";
  EXPECT_TRUE(source.has_others(used));
  EXPECT_EQ(source.get().secret_access_key, "second");
  EXPECT_TRUE(source.has_others(used)) << "somebody else who used the first ones";
  std::ofstream(file.path) << "[def";
  EXPECT_FALSE(source.has_others(source.get()));
  EXPECT_EQ(source.get().secret_access_key, "second") << "a file that is half written";
}

// A session ends while the store is open. Its owner is late with the next one: then it is refused once, and goes on.
TEST_F(CredentialsInFile, OfASessionThatEnds) {
  constexpr const char* kExpired =
      "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>";
  std::string wanted = "Credential=A1/";
  auto server =
      http::Server::start(http::test_options(), [&](const http::Request& request, const http::Respond& respond) {
        http::Response response;
        const bool right = request.header("authorization").find(wanted) != std::string_view::npos;
        if (!right) response.body = kExpired;
        response.status = right ? 200 : 400;
        respond(std::move(response));
      });
  ASSERT_TRUE(server);
  const auto write_key = [this](const char* key) {
    std::ofstream(file.path) << "[default]\naws_access_key_id = " << key << "\naws_secret_access_key = s\n";
  };
  write_key("A1");
  StoreOptions options;
  options.to = "s3://bucket";
  options.endpoint = "http://127.0.0.1:" + std::to_string((*server)->port());
  options.credentials_file = file;
  const auto store = open_store(options, env::real_clock(), env::real_random());
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->put_new("k", "v"));
  wanted = "Credential=A2/";
  const Status refused = (*store)->put_new("k", "v");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("the credentials have expired"), std::string::npos);
  write_key("A2");
  EXPECT_TRUE((*store)->put_new("k", "v")) << "without opening it again";
}

TEST_F(CredentialsInFile, AreNotReadWhereThereAreOthers) {
  write("file");
  CredentialSource source({"A", "environment", ""}, file);
  EXPECT_EQ(source.get().secret_access_key, "environment");
  EXPECT_FALSE(source.has_others(source.get()));
  const CredentialSource none({}, {"/nowhere/at/all", "default"});
  ASSERT_FALSE(none.check());
  EXPECT_NE(none.check().error().message.find("/nowhere/at/all can't be read"), std::string::npos);
}

}  // namespace
}  // namespace freshet::objectstore
