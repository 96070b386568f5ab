#include "load/connection.h"

#include <gtest/gtest.h>

#include <string>

namespace freshet::bench {
namespace {

TEST(ParseHead, WaitsForTheWholeHead) {
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n";
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(parse_head(text.substr(0, size))) << size;
  const auto head = parse_head(text + "{\"success\":true}");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->head_bytes, text.size());
  EXPECT_EQ(head->body_bytes, 16u);
  EXPECT_FALSE(head->close);
}

TEST(ParseHead, ReadsRetryAfterAndCloseInAnyCase) {
  const auto head =
      parse_head("HTTP/1.1 429 Too Many Requests\r\nRETRY-AFTER: 2\r\ncontent-length:0\r\nConnection: Close\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 429);
  EXPECT_EQ(head->retry_after_s, 2);
  EXPECT_TRUE(head->close);
}

TEST(ParseHead, WhatIsNotHttpHasNoStatus) {
  EXPECT_EQ(parse_head("SSH-2.0-x\r\nContent-Length: 1\r\n\r\n")->status, 0);
  EXPECT_EQ(parse_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")->status, 0);
}

TEST(SplitUrl, TakesHostAndPort) {
  LoadOptions options;
  options.url = "http://localhost:9000/";
  ASSERT_TRUE(split_url(options));
  EXPECT_EQ(options.host, "localhost");
  EXPECT_EQ(options.port, 9000);
  EXPECT_FALSE(options.tls);
  options.url = "https://example.com";
  ASSERT_TRUE(split_url(options));
  EXPECT_TRUE(options.tls);
  EXPECT_EQ(options.port, 443);
  for (const char* wrong :
       {"ftp://a:1", "http://", "http://a:0", "http://a:99999", "http://a:1x", "http://a/b", "a:1"}) {
    options.url = wrong;
    EXPECT_FALSE(split_url(options)) << wrong;
  }
}

TEST(Plan, GivesEachRequestOnceAndKeepsThePace) {
  LoadOptions options;
  options.events = 1000;
  options.batch = 100;
  options.rate = 100'000;  // a request a millisecond
  Plan plan(options, 5000);
  for (uint64_t i = 0; i < 10; ++i) {
    const auto due = plan.next(0);
    ASSERT_TRUE(due);
    EXPECT_EQ(due->index, i);
    EXPECT_EQ(due->at_us, static_cast<env::TimeUs>(5000 + i * 1000));
  }
  EXPECT_FALSE(plan.next(0));
}

TEST(Plan, WhatIsLateIsSentUnlessItIsToEndOnTime) {
  LoadOptions options;
  options.seconds = 1;
  options.rate = 300;
  options.batch = 100;
  EXPECT_TRUE(Plan(options, 0).next(2'000'000));
  options.on_time = true;
  EXPECT_FALSE(Plan(options, 0).next(2'000'000));
  EXPECT_TRUE(Plan(options, 0).next(500'000));
}

TEST(Plan, TimeEndsIt) {
  LoadOptions options;
  options.seconds = 1;
  Plan fast(options, 100);
  EXPECT_TRUE(fast.next(1'000'099));
  EXPECT_FALSE(fast.next(1'000'100));
  options.rate = 300;
  Plan paced(options, 100);  // due at 0, 1/3 and 2/3 s, also if it is late
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(paced.next(9'000'000));
  EXPECT_FALSE(paced.next(0));
}

}  // namespace
}  // namespace freshet::bench
