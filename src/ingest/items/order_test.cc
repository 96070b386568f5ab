#include "ingest/items/order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace freshet::ingest {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kReceived = 1'000'000;

std::vector<int64_t> times_of(const std::vector<int64_t>& sent) {
  std::vector<v1::Envelope> made(sent.size());
  std::vector<v1::Envelope*> envelopes;
  for (size_t i = 0; i < sent.size(); ++i) {
    made[i].set_received_at_us(kReceived);
    made[i].set_time_us(sent[i]);
    made[i].add_events()->set_time_us(sent[i]);
    envelopes.push_back(&made[i]);
  }
  set_apart(envelopes);
  std::vector<int64_t> times;
  for (const v1::Envelope& envelope : made) {
    EXPECT_EQ(envelope.events(0).time_us(), envelope.time_us());
    times.push_back(envelope.time_us());
  }
  return times;
}

TEST(Order, WhatStandsLaterIsLater) {
  EXPECT_THAT(times_of({}), ElementsAre());
  EXPECT_THAT(times_of({5}), ElementsAre(5));
  EXPECT_THAT(times_of({5, 6, 9}), ElementsAre(5, 6, 9));
  EXPECT_THAT(times_of({5, 5, 5, 6, 20}), ElementsAre(5, 6, 7, 8, 20));
  EXPECT_THAT(times_of({kReceived, kReceived, kReceived}), ElementsAre(kReceived - 2, kReceived - 1, kReceived));
  EXPECT_THAT(times_of({kReceived, kReceived - 1, 7, kReceived - 1, 7}),
              ElementsAre(kReceived, kReceived - 2, 7, kReceived - 1, 8));
}

RC_GTEST_PROP(OrderProperty, KeepsTheOrderOfTimesAndIsNeverLaterThanReceipt, (const std::vector<uint8_t>& near)) {
  std::vector<int64_t> sent;
  for (const uint8_t n : near) sent.push_back(kReceived - n % 8);
  const std::vector<int64_t> times = times_of(sent);
  for (size_t i = 0; i < sent.size(); ++i) {
    RC_ASSERT(times[i] <= kReceived);
    for (size_t j = 0; j < i; ++j) RC_ASSERT((sent[j] <= sent[i]) == (times[j] < times[i]));
  }
  RC_ASSERT(times == times_of(sent));
}

}  // namespace
}  // namespace freshet::ingest
