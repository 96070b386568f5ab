#include "app/trace_exporter.h"

#include <foreign/otlp_trace.pb.h>
#include <gtest/gtest.h>

#include <map>

#include "telemetry/metrics.h"
#include "testing/socket.h"

namespace freshet::app {
namespace {

namespace otlp = foreign::otlp;

const telemetry::TraceContext kParent =
    *telemetry::parse_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

template <class Condition>
bool wait_until(const Condition& condition) {
  for (int i = 0; i < 6'000 && !condition(); ++i) env::real_clock().sleep_us(10'000);
  return condition();
}

uint64_t dropped(const std::string& reason) {
  auto totals = telemetry::counter_totals("freshet_trace_dropped_total", "reason");
  return totals[reason];
}

// A collector that answers as it is told, with `statuses` first and 200 then.
class Collector {
 public:
  explicit Collector(uint16_t port = 0) {
    http::ServerOptions options = http::test_options();
    if (port != 0) options.listen = "127.0.0.1:" + std::to_string(port);
    auto server = http::Server::start(
        options, [this](const http::Request& request, const http::Respond& respond) { respond(answer(request)); });
    EXPECT_TRUE(server.has_value()) << (server ? "" : server.error().message);
    server_ = std::move(*server);
  }
  [[nodiscard]] uint16_t port() const { return server_->port(); }
  [[nodiscard]] size_t spans() {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  [[nodiscard]] size_t largest() {
    const std::lock_guard lock(mutex_);
    return largest_;
  }
  [[nodiscard]] size_t requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  void answer_with(std::vector<int> statuses, std::string body = "") {
    const std::lock_guard lock(mutex_);
    statuses_ = std::move(statuses);
    body_ = std::move(body);
  }

 private:
  http::Response answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    ++requests_;
    EXPECT_EQ(request.method + " " + request.path, "POST /v1/traces");
    EXPECT_EQ(request.header("content-type"), "application/x-protobuf");
    otlp::ExportTraceRequest parsed;
    EXPECT_TRUE(parsed.ParseFromString(request.body));
    http::Response response;
    response.body = body_;
    if (!statuses_.empty()) {
      response.status = statuses_.front();
      statuses_.erase(statuses_.begin());
      return response;
    }
    const auto count = static_cast<size_t>(parsed.resource_spans(0).scope_spans(0).spans_size());
    spans_ += count;
    largest_ = std::max(largest_, count);
    return response;
  }

  std::mutex mutex_;
  std::vector<int> statuses_;
  std::string body_;
  size_t spans_ = 0, largest_ = 0, requests_ = 0;
  std::unique_ptr<http::Server> server_;  // ends before what it uses
};

class TraceExporterTest : public ::testing::Test {
 protected:
  void start(uint16_t port, size_t spans_max = 8'192) {
    tracer_.start({.sample = 1, .spans_max = spans_max}, [](size_t n) { return env::real_random().bytes(n); });
    TraceExporterOptions options;
    options.to.url = "http://127.0.0.1:" + std::to_string(port);
    options.process = {"i1", "1.0", "ingest"};
    options.batch_age_us = 20'000;
    options.retry_first_us = 10'000;
    options.retry_max_us = 50'000;
    options.give_up_us = give_up_us_;
    exporter_ = std::make_unique<TraceExporter>(options, tracer_, env::real_clock());
  }
  void trace(size_t count) {
    for (size_t i = 0; i < count; ++i) tracer_.end(tracer_.begin("write", telemetry::SpanKind::kClient, kParent, 5), 6);
  }

  telemetry::Tracer tracer_;
  env::TimeUs give_up_us_ = 60'000'000;
  std::unique_ptr<TraceExporter> exporter_;
};

TEST(Otlp, SaysWhatASpanIs) {
  telemetry::Span span;
  span.name = "process";
  span.kind = telemetry::SpanKind::kConsumer;
  span.context = kParent;
  span.parent = {1, 2, 3, 4, 5, 6, 7, 8};
  span.begin_ns = 10;
  span.end_ns = 20;
  span.set("freshet.tenant", "acme");
  span.set("freshet.offset", int64_t{7});
  span.error = "aborted";
  telemetry::Span first = span;
  first.parent = {};
  first.error = "";
  otlp::ExportTraceRequest request;
  const std::vector<telemetry::Span> both = {span, first};
  ASSERT_TRUE(request.ParseFromString(encode_spans({"i1", "0.1.0", "ingest,action"}, both)));
  const otlp::ResourceSpans& ours = request.resource_spans(0);
  std::map<std::string, std::string> resource;
  for (const otlp::KeyValue& pair : ours.resource().attributes()) resource[pair.key()] = pair.value().string_value();
  EXPECT_EQ(resource, (std::map<std::string, std::string>{{"service.name", "freshet"},
                                                          {"service.instance.id", "i1"},
                                                          {"service.version", "0.1.0"},
                                                          {"freshet.roles", "ingest,action"}}));
  ASSERT_EQ(ours.scope_spans(0).spans_size(), 2);
  const otlp::Span& out = ours.scope_spans(0).spans(0);
  EXPECT_EQ(out.trace_id().size(), 16u);
  EXPECT_EQ(out.span_id(), std::string("\xb7\xad\x6b\x71\x69\x20\x33\x31"));
  EXPECT_EQ(out.parent_span_id(), std::string("\x01\x02\x03\x04\x05\x06\x07\x08"));
  EXPECT_EQ(out.name(), "process");
  EXPECT_EQ(out.kind(), otlp::Span::CONSUMER);
  EXPECT_EQ(out.start_time_unix_nano(), 10u);
  EXPECT_EQ(out.end_time_unix_nano(), 20u);
  EXPECT_EQ(out.attributes(0).value().string_value(), "acme");
  EXPECT_EQ(out.attributes(1).value().int_value(), 7);
  EXPECT_EQ(out.status().code(), otlp::Status::ERROR);
  EXPECT_EQ(out.status().message(), "aborted");
  EXPECT_EQ(ours.scope_spans(0).spans(1).parent_span_id(), "");
  EXPECT_FALSE(ours.scope_spans(0).spans(1).has_status());
}

TEST(Otlp, ReadsHowManyWereRefused) {
  EXPECT_EQ(rejected_spans(""), 0u);
  EXPECT_EQ(rejected_spans(std::string("\x0a\x02\x08\x05")), 5u);
  EXPECT_EQ(rejected_spans("\xff\xff"), std::nullopt);
}

TEST_F(TraceExporterTest, SendsBatchesOfBoundedSize) {
  Collector collector;
  start(collector.port());
  trace(1'500);
  EXPECT_TRUE(wait_until([&] { return collector.spans() == 1'500; })) << collector.spans();
  EXPECT_LE(collector.largest(), 512u);
}

TEST_F(TraceExporterTest, WhatIsLeftIsSentAtTheEnd) {
  Collector collector;
  start(collector.port());
  trace(700);
  exporter_->stop();
  EXPECT_EQ(collector.spans(), 700u);
  EXPECT_FALSE(tracer_.on());
}

TEST_F(TraceExporterTest, ABusyCollectorIsTriedAgain) {
  Collector collector;
  collector.answer_with({503, 429, 502, 504});
  start(collector.port());
  trace(3);
  EXPECT_TRUE(wait_until([&] { return collector.spans() == 3; }));
  EXPECT_EQ(collector.requests(), 5u);
}

TEST_F(TraceExporterTest, WhatIsRefusedIsDroppedAndCounted) {
  Collector collector;
  collector.answer_with({400});
  start(collector.port());
  const uint64_t before = dropped("refused");
  trace(3);
  EXPECT_TRUE(wait_until([&] { return dropped("refused") == before + 3; }));
  collector.answer_with({}, std::string("\x0a\x02\x08\x02"));  // 2 of them
  trace(3);
  EXPECT_TRUE(wait_until([&] { return dropped("refused") == before + 5; }));
  EXPECT_EQ(collector.requests(), 2u);
}

TEST_F(TraceExporterTest, WhileTheCollectorTakesNothingSpansWaitAndTheRestIsDropped) {
  Collector collector;
  collector.answer_with(std::vector<int>(100'000, 503));
  const uint64_t before = dropped("queue_full");
  start(collector.port(), 100);
  trace(20);
  ASSERT_TRUE(wait_until([&] { return collector.requests() >= 3; }));
  trace(1'000);
  const uint64_t lost = dropped("queue_full") - before;
  EXPECT_GE(lost, 900u) << "100 fit beside what is being sent";
  collector.answer_with({});
  EXPECT_TRUE(wait_until([&] { return collector.spans() == 1'020 - lost; })) << collector.spans();
}

TEST_F(TraceExporterTest, ABatchIsGivenUpAfterAWhile) {
  const uint16_t port = Collector().port();
  const uint64_t before = dropped("collector_away");
  give_up_us_ = 50'000;
  start(port);
  trace(2);
  EXPECT_TRUE(wait_until([&] { return dropped("collector_away") == before + 2; }));
}

TEST_F(TraceExporterTest, TheEndWaitsShortlyForWhoIsSilent) {
  std::mutex mutex;
  std::vector<http::Respond> held;
  auto server = http::Server::start(http::test_options(), [&](const http::Request&, const http::Respond& respond) {
    const std::lock_guard lock(mutex);
    held.push_back(respond);
  });
  ASSERT_TRUE(server.has_value());
  const uint64_t before = dropped("collector_away") + dropped("stopped");
  start((*server)->port());
  trace(600);
  ASSERT_TRUE(wait_until([&] {
    const std::lock_guard lock(mutex);
    return !held.empty();
  }));
  const env::TimeUs began = env::real_clock().monotonic_us();
  exporter_->stop();
  EXPECT_LT(env::real_clock().monotonic_us() - began, 8'000'000);
  EXPECT_EQ(dropped("collector_away") + dropped("stopped"), before + 600) << "all of them are counted";
}

TEST_F(TraceExporterTest, TheEndWaitsForNobodyWhoIsAway) {
  const uint16_t port = Collector().port();
  start(port);
  trace(600);
  const env::TimeUs began = env::real_clock().monotonic_us();
  exporter_->stop();
  EXPECT_LT(env::real_clock().monotonic_us() - began, 8'000'000);
}

}  // namespace
}  // namespace freshet::app
