#include "telemetry/trace.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <thread>

#include "telemetry/metrics.h"

namespace freshet::telemetry {
namespace {

constexpr std::string_view kSampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::string_view kUnsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
constexpr std::string_view kNever = "\xff\xff\xff\xff\xff\xff\xff\xff";
const std::string kFirst(8, '\0');  // what the sampler takes first

// Counts, so that every id is another one; now and then it is zeros, which no span may have.
std::string counting(size_t n) {
  static unsigned next = 0;
  std::string out(n, '\0');
  if (next++ % 5 == 0) return out;
  out[n - 1] = static_cast<char>(next & 0xff);
  out[n - 2] = static_cast<char>(next >> 8);
  return out;
}

uint64_t dropped(const std::string& reason) {
  const auto totals = counter_totals("freshet_trace_dropped_total", "reason");
  const auto at = totals.find(reason);
  return at == totals.end() ? 0 : at->second;
}

TEST(TraceParent, IsParsedAndFormatted) {
  const auto context = parse_trace_parent(kSampled);
  ASSERT_TRUE(context.has_value());
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->trace_id[0], 0x0a);
  EXPECT_EQ(context->trace_id[15], 0x9c);
  EXPECT_EQ(context->span_id[0], 0xb7);
  EXPECT_EQ(context->span_id[7], 0x31);
  EXPECT_EQ(format_trace_parent(*context), kSampled);
  ASSERT_TRUE(parse_trace_parent(kUnsampled).has_value());
  EXPECT_FALSE(parse_trace_parent(kUnsampled)->sampled);
}

// Flags that are not known are not passed on.
TEST(TraceParent, KeepsOnlyTheFlagThatItKnows) {
  const std::string both = std::string(kSampled.substr(0, 53)) + "ff";
  ASSERT_TRUE(parse_trace_parent(both).has_value());
  EXPECT_EQ(format_trace_parent(*parse_trace_parent(both)), kSampled);
  const auto others = parse_trace_parent(std::string(kSampled.substr(0, 53)) + "fe");
  ASSERT_TRUE(others.has_value());
  EXPECT_FALSE(others->sampled);
}

TEST(TraceParent, WhatIsWrongIsIgnored) {
  const std::string good(kSampled);
  const auto with = [&](size_t at, char c) {
    std::string out = good;
    out[at] = c;
    return out;
  };
  for (const std::string& bad :
       {std::string(), std::string("00-a-b-01"), good + "0", good + "-0", good.substr(0, 54), " " + good, with(0, 'f'),
        with(1, '1'), with(2, '_'), with(35, ' '), with(52, '.'), with(3, 'A'), with(36, 'B'), with(53, 'g'),
        with(54, '\0'), std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")}) {
    EXPECT_FALSE(parse_trace_parent(bad).has_value()) << bad;
  }
}

RC_GTEST_PROP(TraceParentProperty, ReadsWhatItWrites, ()) {
  TraceContext context;
  for (unsigned char& byte : context.trace_id) byte = *rc::gen::arbitrary<unsigned char>();
  for (unsigned char& byte : context.span_id) byte = *rc::gen::arbitrary<unsigned char>();
  context.trace_id[static_cast<size_t>(*rc::gen::inRange(0, 16))] = 7;
  context.span_id[static_cast<size_t>(*rc::gen::inRange(0, 8))] = 7;
  context.sampled = *rc::gen::arbitrary<bool>();
  RC_ASSERT(parse_trace_parent(format_trace_parent(context)) == context);
}

TEST(TracerTest, IsOffUntilItIsStarted) {
  Tracer tracer;
  EXPECT_FALSE(tracer.on());
  tracer.start({}, counting);
  EXPECT_TRUE(tracer.on());
  tracer.stop();
  EXPECT_FALSE(tracer.on());
}

TEST(TracerTest, ContinuesTheTraceOfARequest) {
  Tracer tracer;
  tracer.start({.sample = 0}, counting);
  const auto span = tracer.begin_request(kSampled, kFirst, "POST /v1/track", 5);
  ASSERT_TRUE(span.has_value());
  const TraceContext parent = *parse_trace_parent(kSampled);
  EXPECT_EQ(span->context.trace_id, parent.trace_id);
  EXPECT_EQ(span->parent, parent.span_id);
  EXPECT_NE(span->context.span_id, parent.span_id);
  EXPECT_NE(span->context.span_id, SpanId{});
  EXPECT_EQ(span->begin_ns, 5'000);
  // The other end has decided.
  EXPECT_FALSE(tracer.begin_request(kUnsampled, kFirst, "x", 5).has_value());
}

TEST(TracerTest, SamplesWhoBringsNoTrace) {
  Tracer tracer;
  tracer.start({.sample = 0}, counting);
  EXPECT_FALSE(tracer.begin_request("", kFirst, "x", 0).has_value());
  tracer.start({.sample = 1}, counting);
  for (const std::string_view header : {std::string_view(), std::string_view("00-a-b-01")}) {
    const auto span = tracer.begin_request(header, kNever, "x", 0);
    ASSERT_TRUE(span.has_value()) << header;
    EXPECT_EQ(span->parent, SpanId{});
    EXPECT_NE(span->context.trace_id, TraceId{});
  }
  EXPECT_FALSE(tracer.begin_request(kUnsampled, kFirst, "x", 0).has_value());
  tracer.start({.sample = 0.25}, counting);
  int taken = 0;
  for (int i = 0; i < 256; ++i) {
    std::string dice(8, '\0');
    dice[7] = static_cast<char>(i);  // the highest byte
    taken += tracer.begin_request("", dice, "x", 0).has_value() ? 1 : 0;
  }
  EXPECT_EQ(taken, 64);
}

TEST(TracerTest, LateSpansOfOneRecordAreOneTrace) {
  Tracer tracer;
  EXPECT_FALSE(tracer.is_slow(1'000'000'000)) << "it is off";
  tracer.start({.slow_us = 1'000'000}, counting);
  EXPECT_FALSE(tracer.is_slow(1'000'000));
  EXPECT_TRUE(tracer.is_slow(1'000'001));
  const auto ingest = tracer.begin_late("POST", SpanKind::kServer, "acme", 77, 77);
  const auto action = tracer.begin_late("process", SpanKind::kConsumer, "acme", 77, 99);
  const auto other = tracer.begin_late("process", SpanKind::kConsumer, "acme", 78, 99);
  const auto foreign = tracer.begin_late("process", SpanKind::kConsumer, "acm", 77, 99);
  ASSERT_TRUE(ingest && action && other && foreign);
  EXPECT_EQ(ingest->context.trace_id, action->context.trace_id);
  EXPECT_NE(ingest->context.span_id, action->context.span_id);
  EXPECT_EQ(action->parent, SpanId{});
  EXPECT_NE(other->context.trace_id, action->context.trace_id);
  EXPECT_NE(foreign->context.trace_id, action->context.trace_id);
  tracer.start({.slow_us = 0}, counting);
  EXPECT_FALSE(tracer.is_slow(int64_t{1} << 60)) << "nothing is slow";
}

TEST(TracerTest, LateSpansAreBounded) {
  Tracer tracer;
  tracer.start({.slow_us = 1, .late_per_s = 3}, counting);
  const auto made = [&tracer](int64_t second) {
    return tracer.begin_late("x", SpanKind::kServer, "t", 5, second * 1'000'000).has_value();
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(made(100));
  EXPECT_FALSE(made(100));
  EXPECT_FALSE(made(99)) << "what began earlier is no second of its own";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(made(101));
  EXPECT_FALSE(made(101));
  EXPECT_TRUE(made(5)) << "the clock was set back";
}

TEST(TracerTest, WhatDoesNotFitIsDroppedAndCounted) {
  Tracer tracer;
  tracer.start({.sample = 1, .spans_max = 3}, counting);
  const uint64_t before = dropped("queue_full");
  const TraceContext parent = *parse_trace_parent(kSampled);
  std::set<SpanId> ids;
  for (int i = 0; i < 5; ++i) {
    Span span = tracer.begin(std::to_string(i), SpanKind::kConsumer, parent, 10);
    ids.insert(span.context.span_id);
    tracer.end(std::move(span), i == 0 ? 4 : 20);
  }
  EXPECT_EQ(ids.size(), 5u);
  EXPECT_EQ(dropped("queue_full") - before, 2u);
  const std::vector<Span> first = tracer.take(2, 0);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].name, "0");
  EXPECT_EQ(first[0].end_ns, 10'000) << "the clock went back";
  EXPECT_EQ(first[1].end_ns, 20'000);
  EXPECT_EQ(tracer.take(2, 0).size(), 1u);
  EXPECT_EQ(tracer.take(2, 0).size(), 0u);
}

TEST(TracerTest, TakesWhenThereIsEnoughOrItIsWoken) {
  Tracer tracer;
  tracer.start({.sample = 1}, counting);
  const TraceContext parent = *parse_trace_parent(kSampled);
  constexpr int64_t kForEver = 600'000'000;
  std::thread worker([&] {
    for (int i = 0; i < 8; ++i) tracer.end(tracer.begin("x", SpanKind::kClient, parent, 0), 1);
  });
  EXPECT_EQ(tracer.take(8, kForEver).size(), 8u);
  worker.join();
  tracer.wake();
  EXPECT_EQ(tracer.take(8, kForEver).size(), 0u);
}

}  // namespace
}  // namespace freshet::telemetry
