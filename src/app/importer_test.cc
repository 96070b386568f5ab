#include "app/importer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>

#include "app/progress_bar.h"
#include "ingest/sources/csv/imports.h"
#include "testing/clock.h"
#include "testing/import_store.h"

namespace freshet::app {
namespace {

class Text final : public Content {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  Result<size_t> read(std::span<char> out) override {
    const size_t count = text_.copy(out.data(), out.size(), at_);
    at_ += count;
    return count;
  }
  uint64_t file_position() const override { return at_; }
  uint64_t file_size() const override { return text_.size(); }

 private:
  std::string text_;
  size_t at_ = 0;
};

// What may go wrong with one exchange.
enum class Fault { kNone, kAway, kAnswerLost, kUnavailable, kForgotten };

// The server without sockets.
struct World {
  ingest::MemoryImportStore store;
  env::FakeClock clock;
  ingest::KnowsAll schema;
  model::Tenant tenant = model::default_tenant("t");
  std::set<std::string> log;
  std::set<std::string> letters;
  std::function<Fault()> fault = [] { return Fault::kNone; };
  std::vector<std::string> said;
  std::vector<std::pair<uint64_t, std::string>> rejected;
  int opened = 0;
  ingest::Imports imports{store, schema, clock,
                          [this](const model::Tenant&, ingest::ImportBatch batch, const eventlog::AppendDone& done) {
                            for (const v1::Envelope* e : batch.envelopes) log.insert(e->message_id());
                            for (const v1::DeadLetter& d : batch.dead_letters) letters.insert(d.message_id());
                            done({});
                          }};

  struct Client final : http::Client {
    explicit Client(World& w) : world(w) {}
    Result<http::Response> send(const http::Request& request) override {
      const Fault what = world.fault();
      if (what == Fault::kForgotten) world.store.rows.clear();
      if (what == Fault::kAway) return fail(Code::kRetry, "connection refused");
      http::Response answer;
      if (what == Fault::kUnavailable) {
        answer.status = 503;
        return answer;
      }
      world.imports.handle(std::make_shared<const model::Tenant>(world.tenant), request,
                           [&](http::Response response) { answer = std::move(response); });
      if (what == Fault::kAnswerLost) return fail(Code::kRetry, "connection broken off");
      return answer;
    }
    World& world;
  };

  Result<ImportOutcome> import(const std::string& text, ImportJob job) {
    ImportHooks hooks;
    hooks.open = [this, text]() -> Result<std::unique_ptr<Content>> {
      ++opened;
      return std::make_unique<Text>(text);
    };
    hooks.connect = [this]() -> Result<std::unique_ptr<http::Client>> { return std::make_unique<Client>(*this); };
    hooks.progress = [](std::string_view, uint64_t, uint64_t) {};
    hooks.say = [this](const std::string& line) { said.push_back(line); };
    hooks.rejected = [this](uint64_t line, const std::string& reason) { rejected.emplace_back(line, reason); };
    return run_import(job, hooks, clock);
  }
};

ImportJob job() {
  ImportJob job;
  job.file = "dir/f.csv";
  job.tenant = "t";
  job.key = "k";
  job.mapping = "kind: users\ncolumns: {u: {identifier: user_id}, n: {attribute: n, type: number}}";
  return job;
}

std::string rows(size_t count) {
  std::string text = "u,n\n";
  for (size_t i = 0; i < count; ++i) text += "user" + std::to_string(i) + "," + std::to_string(i) + "\n";
  return text;
}

TEST(Importer, SmallFiles) {
  for (size_t count = 0; count < 4; ++count) {
    World world;
    const auto outcome = world.import(rows(count), job());
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(outcome->accepted, count);
    EXPECT_EQ(world.log.size(), count);
  }
  World world;
  EXPECT_NE(world.import("", job()).error().message.find("is empty"), std::string::npos);
}

TEST(Importer, ALargeFileAndAgain) {
  World world;
  const std::string text = rows(200'000) + "x,bad\nlast,1";
  const auto outcome = world.import(text, job());
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
  EXPECT_EQ(outcome->accepted, 200'001U);
  EXPECT_EQ(outcome->rejected, 1U);
  EXPECT_EQ(outcome->bytes, text.size());
  ASSERT_EQ(world.rejected.size(), 1U);
  EXPECT_EQ(world.rejected[0].first, 200'002U);
  const auto again = world.import(text, job());
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(again->was_complete);
  EXPECT_EQ(again->accepted, 200'001U);
  EXPECT_EQ(world.log.size(), 200'001U);
}

TEST(Importer, FaultsOfAllKindsLoseAndDoubleNothing) {
  EXPECT_TRUE(rc::check([] {
    World world;
    const auto faults = *rc::gen::container<std::vector<Fault>>(rc::gen::element(
        Fault::kNone, Fault::kNone, Fault::kAway, Fault::kAnswerLost, Fault::kUnavailable, Fault::kForgotten));
    size_t next = 0;
    world.fault = [&] { return next < faults.size() ? faults[next++] : Fault::kNone; };
    const auto outcome = world.import(rows(50) + "x,bad\ny,1", job());
    RC_ASSERT(outcome.has_value());
    RC_ASSERT(world.log.size() == 51U);
    RC_ASSERT(world.letters.size() == 1U);
    RC_ASSERT(outcome->accepted == 51U);
  }));
}

TEST(Importer, GoesOnWhereAnEarlierTryStopped) {
  World world;
  const std::string text = rows(200'000);
  int exchanges = 0;
  world.fault = [&] { return ++exchanges > 3 ? Fault::kAway : Fault::kNone; };
  ImportJob short_job = job();
  short_job.timeout_us = 1'000'000;
  const auto failed = world.import(text, short_job);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Code::kRetry);
  EXPECT_NE(failed.error().message.find("gave up after 1 s"), std::string::npos) << failed.error().message;
  EXPECT_NE(world.said.back().find("waiting for the server (connection refused)"), std::string::npos);
  world.fault = [] { return Fault::kNone; };
  const auto outcome = world.import(text, job());
  ASSERT_TRUE(outcome.has_value());
  EXPECT_GT(outcome->resumed_at, 0U);
  EXPECT_EQ(world.log.size(), 200'000U);
}

TEST(Importer, RefusalsAreFinal) {
  World world;
  ImportJob wrong = job();
  wrong.mapping = "kind: users\ncolumns: {u: {identifier: user_id}, m: {skip: true}}";
  const auto mapping = world.import(rows(2), wrong);
  EXPECT_EQ(mapping.error().code, Code::kInvalid);
  EXPECT_NE(mapping.error().message.find("the column \"n\" is not in the mapping"), std::string::npos)
      << mapping.error().message;
  wrong = job();
  wrong.tenant = "other";
  EXPECT_EQ(world.import(rows(2), wrong).error().code, Code::kFatal);
}

TEST(Importer, AFileThatChangesIsNotCompleted) {
  World world;
  ImportHooks hooks;
  int opened = 0;
  hooks.open = [&]() -> Result<std::unique_ptr<Content>> {
    return std::make_unique<Text>(rows(opened++ == 0 ? 5 : 4));
  };
  hooks.connect = [&]() -> Result<std::unique_ptr<http::Client>> { return std::make_unique<World::Client>(world); };
  hooks.progress = [](std::string_view, uint64_t, uint64_t) {};
  hooks.say = [](const std::string&) {};
  hooks.rejected = [](uint64_t, const std::string&) {};
  const auto outcome = run_import(job(), hooks, world.clock);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_NE(outcome.error().message.find("changed while it was being imported"), std::string::npos);
  EXPECT_TRUE(world.log.empty());
}

TEST(ProgressBar, Line) {
  EXPECT_EQ(ProgressBar::line("sending", 50, 100, 10), "sending  [###############...............]   50 %  5.0 MB/s");
  EXPECT_EQ(ProgressBar::line("x", 5, 0, 0).substr(0, 8), "x  [####");
}

}  // namespace
}  // namespace freshet::app
