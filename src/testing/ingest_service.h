// A Service with a log, a clock and a registry that tests look into.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "env/clock.h"
#include "http/text.h"
#include "ingest/overflow/lanes.h"
#include "ingest/service.h"
#include "testing/clock.h"
#include "testing/event_log.h"
#include "testing/random.h"

namespace freshet::ingest {

using eventlog::Topic;
using http::gzip;

// Takes every append, or answers `refusal`; holds the answers back while `held` is set.
class TakingLog final : public eventlog::FakeLog {
 public:
  uint32_t partitions(Topic topic) const override { return topic == Topic::kDeadLetters ? 2 : 4; }
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override {
    if (refusal) return done(fail(Code::kRetry, "full"));
    if (has_larger(batches)) return done(fail(Code::kInvalid, "a record is too large"));
    ++appends;
    for (const eventlog::Produce& produce : batches) {
      std::string_view data = produce.records.data(), key, value;
      bool corrupt = false;
      while (eventlog::next_record(data, key, value, &corrupt))
        records[produce.to.topic].push_back({produce.to.partition, std::string(key), std::string(value)});
      EXPECT_FALSE(corrupt);
    }
    if (held) {
      waiting.push_back(std::move(done));
    } else {
      done({});
    }
  }

  Result<size_t> record_bytes_max(Topic) override {
    ++asked;
    return bytes_max;
  }
  [[nodiscard]] bool has_larger(const std::vector<eventlog::Produce>& batches) const {
    for (const eventlog::Produce& produce : batches) {
      std::string_view data = produce.records.data(), key, value;
      bool corrupt = false;
      while (eventlog::next_record(data, key, value, &corrupt))
        if (produce.to.topic == Topic::kActions && value.size() > bytes_max) return true;
    }
    return false;
  }

  struct Record {
    uint32_t partition;
    std::string key, value;
  };
  std::map<Topic, std::vector<Record>> records;
  std::vector<eventlog::AppendDone> waiting;
  bool refusal = false, held = false;
  int appends = 0, asked = 0;
  size_t bytes_max = SIZE_MAX;  // of a record of actions
};

inline model::Tenant demo_tenant() {
  model::Tenant tenant = model::default_tenant("demo");
  tenant.write_keys = {"demo-write-key"};
  tenant.server_keys = {"demo-server-key"};
  tenant.app_id = "demo";
  tenant.app_secret = "demo-secret";
  return tenant;
}

inline constexpr const char* kWriteKey = "Basic ZGVtby13cml0ZS1rZXk6";  // demo-write-key:
inline constexpr const char* kWriteKeyWithoutColon = "Basic ZGVtby13cml0ZS1rZXk=";
inline constexpr const char* kSecret = "Basic ZGVtbzpkZW1vLXNlY3JldA==";  // demo:demo-secret
inline constexpr const char* kTrack = R"({"userId":"u","event":"E","messageId":"m"})";

class ServiceTest : public ::testing::Test {
 protected:
  Service& service() {
    if (!service_) {
      model::Tenant demo = demo_tenant();
      demo.rate = rate;
      options.tenants = {demo, [] {
                           model::Tenant other = model::default_tenant("other");
                           other.app_id = "other";
                           other.app_secret = "secret";
                           return other;
                         }()};
      options.log = &log;
      options.registry = registry.get();
      options.clock = &clock;
      options.random = &random;
      options.partitions = 4;
      service_ = std::make_unique<Service>(options);
    }
    return *service_;
  }
  // With a rate of one record a second, and room for one that waits: the third is turned away.
  void leave_room_for_one() {
    LanesOptions one;
    one.clock = &clock;
    one.partitions = 4;
    one.records_max = 1;
    options.lanes = std::make_shared<Lanes>(one);
    options.lanes->own({0});
    rate = {1, 1};
  }
  http::Response send(const std::string& method, const std::string& target, const std::string& body = "",
                      const std::string& authorization = "",
                      std::vector<std::pair<std::string, std::string>> headers = {}) {
    http::Request request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (const size_t mark = target.find('?'); mark != std::string::npos) request.query = target.substr(mark + 1);
    request.headers = std::move(headers);
    if (!authorization.empty()) request.headers.emplace_back("authorization", authorization);
    request.body = body;
    // Held answers come when this is long gone.
    const auto answer = std::make_shared<http::Response>();
    answer->status = 0;
    service().handle(std::move(request), [answer](http::Response response) { *answer = std::move(response); });
    return *answer;
  }
  static std::string header(const http::Response& response, const std::string& name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return "";
  }
  std::vector<v1::Envelope> actions() {
    std::vector<v1::Envelope> out;
    for (const auto& record : log.records[Topic::kActions])
      EXPECT_TRUE(out.emplace_back().ParseFromString(record.value));
    return out;
  }
  std::vector<v1::DeadLetter> dead_letters() {
    std::vector<v1::DeadLetter> out;
    for (const auto& record : log.records[Topic::kDeadLetters])
      EXPECT_TRUE(out.emplace_back().ParseFromString(record.value));
    return out;
  }

  ServiceOptions options;
  model::Rate rate;  // of tenant demo
  TakingLog log;
  env::FakeClock clock{1'767'312'000'000'000};
  env::CountingRandom random;
  std::unique_ptr<schema::Registry> registry = schema::make_registry();
  std::unique_ptr<Service> service_;
};

}  // namespace freshet::ingest
