#include "sinks/webhook/webhook.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "sinks/webhook/answer.h"
#include "sinks/webhook/breaker.h"
#include "sinks/webhook/signature.h"
#include "testing/sink_log.h"
#include "testing/socket.h"

namespace freshet::sinks {
namespace {

using What = Outcome::What;

// The example of the Standard Webhooks specification.
TEST(Signature, IsThatOfTheSpecification) {
  const auto key = key_of_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  ASSERT_TRUE(key);
  EXPECT_EQ(signature_of(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_FALSE(key_of_secret("whsec_"));
  EXPECT_FALSE(key_of_secret("whsec_!"));
  EXPECT_FALSE(key_of_secret(""));
  EXPECT_EQ(*key_of_secret("plain"), "plain");
}

http::Response answer(int status, const std::string& retry_after = "") {
  http::Response response;
  response.status = status;
  if (!retry_after.empty()) response.headers = {{"retry-after", retry_after}};
  return response;
}

TEST(Answer, SaysWhatBecameOfTheRecord) {
  for (const int status : {200, 204, 299}) EXPECT_EQ(outcome_of_answer(answer(status), "h").what, What::kDone);
  for (const int status : {400, 409, 413, 415, 422})
    EXPECT_EQ(outcome_of_answer(answer(status), "h").what, What::kRefused);
  for (const int status : {301, 401, 403, 404, 408, 410, 425, 429, 502, 503})
    EXPECT_EQ(outcome_of_answer(answer(status), "h").what, What::kLater);
  EXPECT_EQ(outcome_of_answer(answer(500), "h").what, What::kUnsure);
  EXPECT_EQ(outcome_of_answer(answer(429, "7"), "h").after_us, 7'000'000);
  EXPECT_EQ(outcome_of_answer(answer(429, "99999999"), "h").after_us, 300'000'000);
  EXPECT_EQ(outcome_of_answer(answer(429, "soon"), "h").after_us, 0);
}

TEST(Breaker, OpensAfterFailuresInARowAndCloses) {
  Breaker breaker;
  for (uint32_t i = 1; i < Breaker::kFailures; ++i) breaker.failed(0);
  EXPECT_EQ(breaker.open_for(0), 0);
  breaker.failed(0);
  EXPECT_EQ(breaker.open_for(0), Breaker::kFirstUs);
  EXPECT_EQ(breaker.open_for(Breaker::kFirstUs), 0);
  EXPECT_TRUE(breaker.probing());
  breaker.failed(Breaker::kFirstUs);
  EXPECT_EQ(breaker.open_for(Breaker::kFirstUs), 2 * Breaker::kFirstUs);
  breaker.succeeded();
  EXPECT_FALSE(breaker.probing());
  EXPECT_EQ(breaker.open_for(0), 0);
}

struct WebhookSink : ::testing::Test {
  WebhookSink() {
    log.around.clock = &env::real_clock();
    log.around.sink.timeout_us = 1'000'000;
    log.around.sink.secret = "secret";
  }
  std::unique_ptr<http::Server> serve(const http::Handler& handler) {
    auto server = http::Server::start(http::test_options(), handler);
    EXPECT_TRUE(server);
    log.around.sink.url = "http://127.0.0.1:" + std::to_string((*server)->port()) + "/hook?a=b";
    return std::move(*server);
  }
  std::vector<Outcome> send(uint32_t partitions, uint32_t each) {
    auto sink = open_webhook(log.around);
    EXPECT_TRUE(sink);
    std::vector<std::vector<Item>> items(partitions);
    std::vector<Batch> batches;
    for (uint32_t p = 0; p < partitions; ++p) {
      for (uint32_t i = 0; i < each; ++i) items[p].push_back({i, 0, "u", "{\"n\":" + std::to_string(i) + "}"});
      batches.push_back({{eventlog::Topic::kEvents, p}, 0, each, items[p]});
    }
    return (*sink)->take(batches);
  }
  SinkLog log;
  std::mutex mutex;
  std::vector<http::Request> requests;
};

TEST_F(WebhookSink, PostsSignedRecordsInTheOrderOfAPartition) {
  const auto server = serve([this](http::Request request, http::Respond respond) {
    const std::lock_guard lock(mutex);
    requests.push_back(std::move(request));
    respond({});
  });
  const auto outcomes = send(5, 4);
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.what, What::kDone);
    EXPECT_EQ(outcome.done, 4U);
  }
  ASSERT_EQ(requests.size(), 20U);
  std::map<std::string, int> next;
  for (const http::Request& request : requests) {
    EXPECT_EQ(request.method + request.path + request.query, "POST/hooka=b");
    const std::string id(request.header("webhook-id"));
    const int64_t seconds = std::stoll(std::string(request.header("webhook-timestamp")));
    EXPECT_EQ(request.header("webhook-signature"), signature_of("secret", id, seconds, request.body));
    const std::string partition = id.substr(0, id.rfind('_'));
    EXPECT_EQ(id,
              "acme_s_events_" + partition.substr(partition.rfind('_') + 1) + "_" + std::to_string(next[partition]));
    EXPECT_EQ(request.body, "{\"n\":" + std::to_string(next[partition]++) + "}");
  }
}

// A tenant with a limit sends no more, however many webhooks it has.
TEST_F(WebhookSink, AllOfATenantTakeTurns) {
  std::atomic<int> count{0};
  const auto server = serve([&](http::Request, http::Respond respond) {
    ++count;
    respond({});
  });
  log.around.partitions = 2;
  log.around.tenant_turns = std::make_shared<Turns>(100);
  std::vector<std::unique_ptr<Sink>> sinks;
  for (int i = 0; i < 2; ++i) {
    auto sink = open_webhook(log.around);
    ASSERT_TRUE(sink);
    for (uint32_t p = 0; p < 2; ++p) ASSERT_TRUE((*sink)->assigned({eventlog::Topic::kEvents, p}, 0));
    sinks.push_back(std::move(*sink));
  }
  std::vector<Item> items;
  for (int i = 0; i < 15; ++i) items.push_back({i, 0, "u", "{}"});
  const Batch batch{{eventlog::Topic::kEvents, 0}, 0, 15, items};
  const env::TimeUs began = env::real_clock().monotonic_us();
  for (const auto& sink : sinks) EXPECT_EQ(sink->take({&batch, 1})[0].done, 15U);
  EXPECT_EQ(count, 30);
  EXPECT_GE(env::real_clock().monotonic_us() - began, 285'000) << "29 turns of 10 ms lie between";
  // Another process has half of them: each may send half.
  for (const auto& sink : sinks) sink->revoked({eventlog::Topic::kEvents, 1});
  const env::TimeUs again = env::real_clock().monotonic_us();
  EXPECT_EQ(sinks[0]->take({&batch, 1})[0].done, 15U);
  EXPECT_GE(env::real_clock().monotonic_us() - again, 275'000) << "14 turns of 20 ms";
}

// One that waits for a turn of its own keeps no other sink of the tenant waiting.
TEST_F(WebhookSink, ATurnOfTheTenantIsNotTakenForLater) {
  std::atomic<int> count{0};
  const auto server = serve([&](http::Request, http::Respond respond) {
    ++count;
    respond({});
  });
  log.around.sink.per_second = 1;
  log.around.tenant_turns = std::make_shared<Turns>(100);
  const auto sink = open_webhook(log.around);
  ASSERT_TRUE(sink);
  const std::vector<Item> items = {{1, 0, "u", "{}"}, {2, 0, "u", "{}"}};
  const std::vector<Batch> batches = {{{eventlog::Topic::kEvents, 0}, 1, 3, items}};
  std::thread slow([&] { (void)(*sink)->take(batches); });
  while (count == 0) env::real_clock().sleep_us(1'000);
  env::real_clock().sleep_us(100'000);
  const env::TimeUs now = env::real_clock().monotonic_us();
  EXPECT_TRUE(log.around.tenant_turns->take(now, now + 300'000));
  slow.join();
}

// Both sides change the secret while the sink runs.
TEST_F(WebhookSink, ReadsItsSecretAgainAfterARefusal) {
  std::atomic<const char*> wanted = "secret";
  log.around.secret = [&](const std::string&) -> Result<std::string> { return std::string(wanted); };
  const auto server = serve([&](http::Request request, http::Respond respond) {
    const std::string id(request.header("webhook-id"));
    const int64_t seconds = std::stoll(std::string(request.header("webhook-timestamp")));
    const bool right = request.header("webhook-signature") == signature_of(wanted.load(), id, seconds, request.body);
    respond(answer(right ? 200 : 401));
  });
  const auto sink = open_webhook(log.around);
  ASSERT_TRUE(sink);
  const std::vector<Item> items = {{1, 0, "u", "{}"}};
  const std::vector<Batch> batches = {{{eventlog::Topic::kEvents, 0}, 1, 2, items}};
  EXPECT_EQ((*sink)->take(batches)[0].what, What::kDone);
  wanted = "another";
  EXPECT_EQ((*sink)->take(batches)[0].what, What::kLater);
  EXPECT_EQ((*sink)->take(batches)[0].what, What::kDone);
}

TEST_F(WebhookSink, AnAnswerWithoutEndCountsByItsHead) {
  const auto server = serve([](http::Request, http::Respond respond) {
    http::Response response;
    response.body = std::string(10u << 20, 'x');
    respond(std::move(response));
  });
  const auto outcomes = send(1, 3);
  EXPECT_EQ(outcomes[0].what, What::kDone);
  EXPECT_EQ(outcomes[0].done, 3U);
}

TEST_F(WebhookSink, StopsAtTheFirstThatFails) {
  std::atomic<int> count{0};
  const auto server =
      serve([&](http::Request, http::Respond respond) { respond(answer(++count == 2 ? 503 : 200, "9")); });
  const auto outcomes = send(1, 5);
  EXPECT_EQ(outcomes[0].what, What::kLater);
  EXPECT_EQ(outcomes[0].done, 1U);
  EXPECT_EQ(outcomes[0].after_us, 9'000'000);
  EXPECT_EQ(count, 2);
}

TEST_F(WebhookSink, WhoNeverAnswersIsLeftAfterTheTimeout) {
  std::vector<http::Respond> kept;
  const auto server = serve([&](http::Request, http::Respond respond) {
    const std::lock_guard lock(mutex);
    kept.push_back(std::move(respond));
  });
  const auto outcomes = send(1, 3);
  EXPECT_EQ(outcomes[0].what, What::kLater);
  EXPECT_EQ(outcomes[0].done, 0U);
  std::vector<http::Respond> unanswered;
  {
    const std::lock_guard lock(mutex);
    unanswered.swap(kept);
  }
  for (const http::Respond& respond : unanswered) respond({});
}

TEST_F(WebhookSink, TheCircuitOpens) {
  std::atomic<int> count{0};
  const auto server = serve([&](http::Request, http::Respond respond) {
    ++count;
    respond(answer(500));
  });
  log.around.sink.concurrency = 1;
  const auto outcomes = send(20, 1);
  EXPECT_EQ(count, static_cast<int>(Breaker::kFailures));
  EXPECT_EQ(outcomes.back().what, What::kLater);
  EXPECT_GT(outcomes.back().after_us, 0);
}

}  // namespace
}  // namespace freshet::sinks
