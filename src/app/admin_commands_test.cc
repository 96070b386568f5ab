// freshet deadletters and freshet erase against an admin listener with fakes behind it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>

#include "app/deadletters_command.h"
#include "app/erase_command.h"
#include "app/tail_command.h"
#include "app/tenants_command.h"
#include "http/server.h"
#include "testing/fake_admin.h"

namespace freshet::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class AdminCommands : public ::testing::Test {
 protected:
  AdminCommands() {
    console::AdminOptions options;
    options.store = &store_;
    options.letters = keeper_.open();
    options.registry = registry_.get();
    options.log = &log_;
    options.tenants = &desk_;
    options.tokens = {{"ops", "s3cret", console::Role::kErase}};
    options.clock = &clock_;
    options.submit = [this](v1::Envelope envelope, const std::function<void(Status)>& done) {
      submitted_.push_back(std::move(envelope));
      done({});
    };
    options.replay = [this](const v1::DeadLetter& letter, const std::function<void(Status)>& done) {
      ++replayed_;
      body_ = letter.body();
      done(letter.code() == "hopeless" ? Status(fail(Code::kInvalid, "still wrong")) : Status());
    };
    admin_ = std::make_unique<console::Admin>(std::move(options));
    http::ServerOptions http;
    http.listen = "127.0.0.1:0";
    server_ = *http::Server::start(http, [this](http::Request request, http::Respond respond) {
      admin_->handle(std::move(request), std::move(respond));
    });
  }

  // Exit status; what was printed goes to out_ and errors_.
  int run(std::vector<std::string> arguments, const std::string& token = "s3cret") {
    CLI::App app;
    int exit_code = 0;
    add_deadletters_command(app, exit_code);
    add_erase_command(app, exit_code);
    add_tail_command(app, exit_code);
    add_tenants_command(app, exit_code);
    for (const std::string& more :
         {std::string("--url"), "http://127.0.0.1:" + std::to_string(server_->port()), std::string("--token"), token})
      arguments.push_back(more);
    std::reverse(arguments.begin(), arguments.end());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    try {
      app.parse(arguments);
    } catch (const CLI::ParseError&) {
      exit_code = 2;
    }
    out_ = ::testing::internal::GetCapturedStdout();
    errors_ = ::testing::internal::GetCapturedStderr();
    return exit_code;
  }

  console::FakeStore store_;
  console::FakeDesk desk_{"acme"};
  console::FakeLog log_{1};
  env::FakeClock clock_;
  console::FakeKeeper keeper_{log_, store_, clock_};
  std::unique_ptr<schema::Registry> registry_ = schema::make_registry();
  std::vector<v1::Envelope> submitted_;
  int replayed_ = 0;
  std::string body_;
  std::unique_ptr<console::Admin> admin_;
  std::unique_ptr<http::Server> server_;
  std::string out_;
  std::string errors_;
};

TEST_F(AdminCommands, ListsDeadLetters) {
  EXPECT_EQ(run({"deadletters", "list", "--tenant", "acme"}), 0);
  EXPECT_THAT(out_, HasSubstr("none"));
  for (int i = 0; i < 1200; ++i)
    log_.add(0, console::make_letter("id" + std::to_string(10'000 + i), "acme", i % 2 == 0 ? "even" : "odd", i));
  EXPECT_EQ(run({"deadletters", "list", "--tenant", "acme", "--limit", "1100"}), 0);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 1102);
  EXPECT_THAT(out_, AllOf(HasSubstr("id11199 "), HasSubstr("id10100 "), Not(HasSubstr("id10099 ")),
                          HasSubstr("raise --limit")));
  EXPECT_EQ(run({"deadletters", "list", "--tenant", "acme", "--limit", "2", "--code", "even", "--json"}), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr(R"({"deadletters":[{"id":"id11198")"), HasSubstr(R"("next":"id1119)")));
  EXPECT_EQ(run({"deadletters", "list", "--tenant", "acme", "--counts"}), 0);
  EXPECT_THAT(out_, HasSubstr("1970-01-01  even" + std::string(35, ' ') + "600\n"));
}

TEST_F(AdminCommands, DataCantSteerTheTerminal) {
  auto letter = console::make_letter("id", "acme", "x", 1);
  letter.set_reason(
      "a\x1b[2Jb\xc2\x9b"
      "c");
  log_.add(0, letter);
  EXPECT_EQ(run({"deadletters", "list", "--tenant", "acme"}), 0);
  EXPECT_THAT(out_, HasSubstr("a [2Jb  c"));
}

TEST_F(AdminCommands, ShowsADeadLetter) {
  log_.add(0, console::make_letter("id1", "acme", "too_long", 1, R"({"event":"E"})"));
  EXPECT_EQ(run({"deadletters", "show", "id1", "--tenant", "acme"}), 0);
  EXPECT_THAT(out_,
              AllOf(HasSubstr("reason        reason of too_long\n"), HasSubstr(R"(body          {"event":"E"})")));
  EXPECT_EQ(run({"deadletters", "show", "none", "--tenant", "acme"}), 1);
  EXPECT_THAT(errors_, HasSubstr("no dead letter of this id"));
}

TEST_F(AdminCommands, ReplaysDeadLetters) {
  for (int i = 0; i < 450; ++i)
    log_.add(0, console::make_letter("id" + std::to_string(i), "acme", i == 7 ? "hopeless" : "x", i));
  EXPECT_EQ(run({"deadletters", "replay", "--tenant", "acme", "--code", "x"}), 0);
  EXPECT_EQ(out_, "replayed 449, refused again 0\n");
  EXPECT_EQ(replayed_, 449);
  EXPECT_EQ(run({"deadletters", "replay", "id1", "id7", "--tenant", "acme", "--json"}), 1);
  EXPECT_EQ(out_, "{\"replayed\":1,\"failed\":[{\"id\":\"id7\",\"message\":\"still wrong\"}]}\n");
  EXPECT_EQ(run({"deadletters", "replay", "--tenant", "acme"}), 2);
  EXPECT_EQ(run({"deadletters", "replay", "id1", "--code", "x", "--tenant", "acme"}), 2);
}

TEST_F(AdminCommands, ReplaysWithAnotherBody) {
  log_.add(0, console::make_letter("id1", "acme", "x", 1));
  const std::string file = ::testing::TempDir() + "freshet-edited-" + std::to_string(getpid());
  std::ofstream(file) << R"({"right":1})";
  EXPECT_EQ(run({"deadletters", "replay", "--tenant", "acme", "id1", "--edit", file}), 0);
  EXPECT_EQ(out_, "replayed 1, refused again 0\n");
  EXPECT_EQ(body_, R"({"right":1})");
  EXPECT_EQ(run({"deadletters", "replay", "--tenant", "acme", "id1", "id2", "--edit", file}), 2);
  EXPECT_EQ(run({"deadletters", "replay", "--tenant", "acme", "--code", "x", "--edit", file}), 2);
  std::remove(file.c_str());
  EXPECT_EQ(run({"deadletters", "replay", "--tenant", "acme", "id1", "--edit", file}), 2);
}

TEST_F(AdminCommands, ErasesAndLifts) {
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "email=A=b+c@d.ef"}), 0);
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "user_id=u/1", "--lift"}), 0);
  ASSERT_EQ(submitted_.size(), 2U);
  EXPECT_EQ(submitted_[0].kind(), v1::Envelope::ERASE);
  EXPECT_EQ(submitted_[0].user(0).value(), "a=b+c@d.ef");
  EXPECT_EQ(submitted_[1].kind(), v1::Envelope::UNSUPPRESS);
  EXPECT_EQ(submitted_[1].user(0).value(), "u/1");
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "u1"}), 2);
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "user_id=u", "--lift", "--status"}), 2);
}

TEST_F(AdminCommands, SaysWhetherThereIsAProfile) {
  v1::Identifier identifier;
  identifier.set_type("user_id");
  identifier.set_value("u1");
  store_.put("acme", v1::ENTITY_KIND_USER, identifier, {});
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "user_id=u1", "--status"}), 1);
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "user_id=u2", "--status", "--json"}), 0);
  EXPECT_EQ(out_, "{\"profile\":false,\"erasure\":null}\n");
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "user_id=u2"}), 0);
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "user_id=u2", "--status"}), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("no profile\n"), HasSubstr(": requested\n"), HasSubstr("  requested   2026-"),
                          HasSubstr("  verified    not yet\n")));
  EXPECT_EQ(run({"erase", "--tenant", "acme", "--user", "user_id=u2", "--status", "--json"}), 0);
  EXPECT_THAT(out_, HasSubstr(R"("state":"requested")"));
}

TEST_F(AdminCommands, ListsShowsAndChangesTenants) {
  EXPECT_EQ(run({"tenants", "list"}), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("NAME"), HasSubstr("acme "), HasSubstr(" api ")));
  EXPECT_EQ(run({"tenants", "list", "--json"}), 0);
  EXPECT_THAT(out_, HasSubstr(R"({"tenants":[{"name":"acme","from":"api","revision":7,)"));
  const std::string file = ::testing::TempDir() + "/tenant-" + std::to_string(getpid()) + ".yaml";
  const auto put = [&](const std::string& text, std::vector<std::string> more) {
    std::ofstream(file, std::ios::trunc) << text;
    std::vector<std::string> arguments{"tenants", "put", "new", file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  const std::string shown = R"({"tenant":"new","settings":{"enrich":["a"]},"keys":{"write_keys":["0123456789ab"]},)"
                            R"("from":{"settings":{"from":"api","revision":8,"at":"2026"}}})";
  EXPECT_EQ(put(shown, {}), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("tenant            new\n"), HasSubstr("settings          from api, revision 8"),
                          HasSubstr(R"(write_keys        ["0123456789ab"])"), HasSubstr(R"({"enrich":["a"]})")));
  EXPECT_EQ(put(shown, {"--json"}), 0);
  EXPECT_EQ(out_, shown + "\n");
  EXPECT_EQ(run({"tenants", "show", "new", "--json"}), 0);
  EXPECT_EQ(out_, shown + "\n");
  EXPECT_EQ(put("wrong", {}), 2);
  EXPECT_THAT(errors_, HasSubstr("tenant new:1:1: wrong"));
  EXPECT_EQ(run({"tenants", "delete", "new"}), 0);
  EXPECT_EQ(run({"tenants", "show", "new"}), 1);
  EXPECT_EQ(run({"tenants", "put", "new", file + ".none"}), 2);
  EXPECT_EQ(run({"tenants", "put", "new"}), 2);
  std::remove(file.c_str());
}

TEST_F(AdminCommands, FailuresAreExplained) {
  EXPECT_EQ(run({"deadletters", "list", "--tenant", "acme"}, "wrong"), 2);
  EXPECT_THAT(errors_, AllOf(HasSubstr("admin token"), Not(HasSubstr("wrong\n"))));
  EXPECT_EQ(run({"deadletters", "list", "--tenant", "nobody"}), 1);
  EXPECT_THAT(errors_, HasSubstr("no tenant of this name"));
  EXPECT_EQ(run({"deadletters", "list"}), 2);
  EXPECT_EQ(run({"deadletters"}), 2);
}

}  // namespace
}  // namespace freshet::app
