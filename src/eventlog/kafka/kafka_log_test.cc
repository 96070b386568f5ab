// The suite of every log on a real broker.
#include "eventlog/kafka/kafka_log.h"

#include <gtest/gtest.h>

#include "testing/event_log_conformance.h"
#include "testing/kafka_broker.h"

namespace freshet::eventlog {
namespace {

class KafkaUnderTest final : public LogUnderTest {
 public:
  explicit KafkaUnderTest(const LogSetup& setup) : options_(kafka::test_options()) {
    options_.queue_bytes_max = setup.queue_bytes_max;
    log_ = kafka::open_test_log(options_);
  }
  EventLog& log() override { return *log_; }
  void reopen() override {
    log_.reset();
    log_ = kafka::open_test_log(options_);
  }

 private:
  KafkaOptions options_;
  std::unique_ptr<EventLog> log_;
};

INSTANTIATE_TEST_SUITE_P(Kafka, EventLogConformance,
                         testing::Values(Implementation{
                             "broker", [](const LogSetup& s) { return std::make_unique<KafkaUnderTest>(s); },
                             kafka::test_brokers().empty() ? "FRESHET_KAFKA_BROKERS is not set: ./dev kafka up" : ""}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace freshet::eventlog
