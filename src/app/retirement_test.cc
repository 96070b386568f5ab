#include "app/retirement.h"

#include <gtest/gtest.h>

#include "telemetry/metrics.h"
#include "testing/clock.h"
#include "testing/event_log.h"

namespace freshet::app {
namespace {

class RetiringLog final : public eventlog::FakeLog {
 public:
  Status retire(eventlog::Topic topic) override {
    topics.push_back(topic);
    return answer;
  }
  std::vector<eventlog::Topic> topics;
  Status answer;
};

TEST(RetirementTest, ChangesAreRetiredAndFailuresCounted) {
  RetiringLog log;
  env::FakeClock clock;
  Retirement retirement(log, clock);
  telemetry::Counter& failures = telemetry::counter("freshet_retire_failures_total", "");
  const uint64_t before = failures.value();
  retirement.step();
  EXPECT_EQ(log.topics, std::vector{eventlog::Topic::kChanges});
  EXPECT_EQ(failures.value(), before);
  log.answer = fail(Code::kInvalid, "kafka: TOPIC_AUTHORIZATION_FAILED");
  retirement.step();
  EXPECT_EQ(failures.value(), before + 1);
}

// stop() ends the wait before the first time.
TEST(RetirementTest, EndsAtOnce) {
  RetiringLog log;
  Retirement retirement(log, env::real_clock());
  retirement.start();
  retirement.stop();
  EXPECT_TRUE(log.topics.empty());
}

}  // namespace
}  // namespace freshet::app
