// Other processes are played by servers here that answer, refuse, say nonsense, and go away.
#include "console/lookout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>

#include "console/page.h"
#include "http/server.h"

namespace freshet::console {
namespace {

class LookoutTest : public testing::Test {
 protected:
  ~LookoutTest() override {
    if (server_ != nullptr) server_->stop(100);
  }

  std::string serve(std::function<http::Response(const http::Request&)> answer, const std::string& port = "0") {
    http::ServerOptions options;
    options.listen = "127.0.0.1:" + port;
    options.name = "played";
    server_ = *http::Server::start(
        options, [answer = std::move(answer)](const http::Request& request, const http::Respond& respond) {
          respond(answer(request));
        });
    return "http://127.0.0.1:" + std::to_string(server_->port());
  }

  static http::Response answer_of(int status, std::string body) {
    http::Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
  }

  // Until what it says has this text; the limit is far away.
  static std::string until(const std::function<std::string()>& say, const std::string& text) {
    std::string said = say();
    for (int i = 0; i < 3000 && said.find(text) == std::string::npos; ++i) {
      env::real_clock().sleep_us(10'000);
      said = say();
    }
    EXPECT_NE(said.find(text), std::string::npos) << said;
    return said;
  }

  static LookoutOptions often() {
    LookoutOptions options;
    options.fleet_every_us = options.peers_every_us = 10'000;
    return options;
  }

  std::unique_ptr<http::Server> server_;
};

TEST_F(LookoutTest, KeepsTheLastLookOfAWatchThatGoesAway) {
  LookoutOptions options = often();
  options.fleet = {serve([](const http::Request& request) {
    EXPECT_EQ(request.path, "/v1/fleet");
    EXPECT_EQ(request.header("authorization"), "") << "the token is for peers";
    return answer_of(200, R"({"clusters": [ {"cluster":"orders"} ]})");
  })};
  options.token = "secret";
  const Lookout lookout(options, env::real_clock());
  const auto say = [&lookout] { return lookout.fleet_json(); };
  const std::string said = until(say, R"("look":{"clusters":[{"cluster":"orders"}]})");
  EXPECT_NE(said.find(R"("error":null,"kind":"watch")"), std::string::npos) << said;
  server_->stop(100);
  server_ = nullptr;
  const std::string gone = until(say, R"("error":")");
  EXPECT_NE(gone.find(R"("cluster":"orders")"), std::string::npos) << "what was seen is still shown";
  EXPECT_EQ(gone.find("\"age_s\":null"), std::string::npos) << "and how old it is";
}

TEST_F(LookoutTest, AMirrorHasFigures) {
  LookoutOptions options = often();
  options.fleet = {serve([](const http::Request& request) {
    if (request.path != "/metrics") return answer_of(404, "no");
    return answer_of(200, "# HELP x y\nfreshet_mirror_lag_records{topic=\"a\"} 3\nother 1\n");
  })};
  const Lookout lookout(options, env::real_clock());
  const std::string said = until([&lookout] { return lookout.fleet_json(); }, "\"kind\":\"mover\"");
  EXPECT_NE(said.find(R"("look":null,"figures":"freshet_mirror_lag_records{topic=\"a\"} 3\n")"), std::string::npos);
}

TEST_F(LookoutTest, APeerIsAskedWithTheToken) {
  LookoutOptions options = often();
  options.token = "secret";
  options.peers = {serve([](const http::Request& request) {
    if (request.header("authorization") != "Bearer secret") return answer_of(401, "{}");
    return request.path == "/v1/status" ? answer_of(200, R"({"ready":true})") : answer_of(200, "freshet_ready 1\n");
  })};
  const Lookout lookout(options, env::real_clock());
  until([&lookout] { return lookout.peers_json(); }, R"("look":{"ready":true},"figures":"freshet_ready 1\n")");
  options.token.clear();
  const Lookout stranger(options, env::real_clock());
  until([&stranger] { return stranger.peers_json(); }, "console.token has to be a token that it takes");
}

// What the page judges of its own process it judges of others, too: so it must be told.
TEST_F(LookoutTest, AllThatThePageJudgesIsPassedOn) {
  const auto file = std::ranges::find(kPageFiles, "problems.js", &PageFile::name);
  ASSERT_NE(file, kPageFiles.end());
  std::set<std::string> names;
  for (size_t at = file->text.find("'freshet_"); at != std::string_view::npos;
       at = file->text.find("'freshet_", at + 1))
    names.emplace(file->text.substr(at + 1, file->text.find('\'', at + 1) - at - 1));
  EXPECT_GT(names.size(), 20u);
  std::string figures;
  for (const std::string& name : names) figures += name + " 1\n";
  LookoutOptions options = often();
  options.peers = {serve(
      [figures](const http::Request& request) { return answer_of(200, request.path == "/metrics" ? figures : "{}"); })};
  const Lookout lookout(options, env::real_clock());
  const std::string said = until([&lookout] { return lookout.peers_json(); }, "\"kind\":\"process\"");
  for (const std::string& name : names) EXPECT_NE(said.find(name + " 1\\n"), std::string::npos) << name;
}

TEST_F(LookoutTest, NonsenseIsNoLook) {
  LookoutOptions options = often();
  options.fleet = {serve([](const http::Request&) { return answer_of(200, "<html>\xff"); }), "http://127.0.0.1:1"};
  const Lookout lookout(options, env::real_clock());
  until([&lookout] { return lookout.fleet_json(); }, "its answer is not JSON");
  const std::string said = until([&lookout] { return lookout.fleet_json(); }, "127.0.0.1:1\",\"age_s\":null");
  EXPECT_NE(said.find("\"look\":null"), std::string::npos);
}

TEST(Lookout, LinesAreBoundedAndUtf8) {
  EXPECT_EQ(lines_of("a_x 1\nb_x 2\n# a_c\na_y_bucket{le=\"1\"} 2\na_z 3", {"a_"}, 100), "a_x 1\na_z 3\n");
  EXPECT_EQ(lines_of("a_x 1\na_z 3\n", {"a_"}, 8), "a_x 1\n");
  EXPECT_EQ(lines_of("a_x{t=\"\xff\"} 1\na_z 3\n", {"a_"}, 100), "a_z 3\n");
  EXPECT_EQ(lines_of("", {"a_"}, 100), "");
}

}  // namespace
}  // namespace freshet::console
