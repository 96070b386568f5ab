// Those that a Freshet relies on: brokers, MongoDB, the place of the checkpoints.
#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <string>

#include "app/checkpoints.h"
#include "app/doctor/checks.h"
#include "app/doctor/kafka_needs.h"
#include "app/log.h"
#include "app/profiles.h"
#include "base/hash.h"
#include "base/saturated.h"
#include "docstore/mongo/inspection.h"
#include "eventlog/kafka/inspection.h"
#include "http/client.h"
#include "objectstore/object_store.h"
#include "objectstore/s3.h"

namespace freshet::app {
namespace {

// A doctor is asked by a person who waits.
constexpr env::TimeUs kPatienceUs = 6'000'000;
constexpr size_t kShownMax = 5;
constexpr uint32_t kMongoMajor = 6, kMongoMinor = 0;  // docs/configuration.md, Profiles in MongoDB
constexpr std::string_view kProbe = "freshet doctor was here; this may be deleted\n";

void look_at_topic(const Config& config, const eventlog::WantedTopic& wanted, const eventlog::TopicReport& is,
                   Findings& out) {
  const std::string& brokers = config.log.brokers;
  if (is.partitions == 0) return out.ok(fmt::format("topic {} is not there yet: the first start makes it", is.name));
  if (is.partitions != wanted.options.partitions) {
    return out.fail(
        fmt::format("topic {} has {} partitions, {} are configured", is.name, is.partitions, wanted.options.partitions),
        "set log.partitions to what the topics have, or go on under another prefix "
        "(docs/operations/checkpoints.md, Another number of partitions)");
  }
  if (is.leaderless > 0)
    out.fail(fmt::format("topic {}: {} partitions have no leader", is.name, is.leaderless),
             fmt::format("kafka-topics.sh --bootstrap-server {} --describe --unavailable-partitions names the brokers "
                         "that have them",
                         brokers));
  if (is.behind > 0)
    out.warn(fmt::format("topic {}: {} partitions have replicas that are not in sync", is.name, is.behind),
             fmt::format("kafka-topics.sh --bootstrap-server {} --describe --under-replicated-partitions names them",
                         brokers));
  if (!is.unseen.empty())
    out.warn(fmt::format("settings of topic {} can't be read: {}", is.name, is.unseen),
             "allow DESCRIBE_CONFIGS on the topic");
  for (const auto& wrong : is.wrong)
    out.fail(fmt::format("topic {}: {}", is.name, wrong.why),
             fmt::format("kafka-configs.sh --bootstrap-server {} --alter --entity-type topics --entity-name {} "
                         "--add-config {}",
                         brokers, is.name, wrong.mend));
}

void look_at_broker_settings(const eventlog::KafkaReport& report, const eventlog::KafkaOptions& ours, Findings& out) {
  if (!report.unseen.empty())
    return out.warn("the settings of the brokers can't be read: " + report.unseen,
                    "allow DESCRIBE_CONFIGS on the cluster, or look at transaction.max.timeout.ms and "
                    "group.min.session.timeout.ms yourself");
  const int64_t transaction_ms = ours.transaction_timeout_us / 1000;
  if (report.transaction_max_ms && *report.transaction_max_ms < transaction_ms)
    out.fail(fmt::format("brokers allow transactions of {} ms, Freshet's may last {}", *report.transaction_max_ms,
                         transaction_ms),
             fmt::format("set transaction.max.timeout.ms of the brokers to {} at least", transaction_ms));
  const int64_t session_ms = ours.session_timeout_us / 1000;
  if (report.session_min_ms.value_or(0) > session_ms || report.session_max_ms.value_or(session_ms) < session_ms)
    out.fail(fmt::format("brokers allow sessions of {} to {} ms, Freshet's have {}", report.session_min_ms.value_or(0),
                         report.session_max_ms.value_or(session_ms), session_ms),
             "set group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers around that");
}

// The time of an HTTP date (RFC 9110, section 5.6.7), or 0.
int64_t http_date_us(const http::Response& response) {
  for (const auto& [name, value] : response.headers) {
    std::tm at{};
    if (name == "date" && ::strptime(value.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &at) != nullptr)
      return int64_t{timegm(&at)} * 1'000'000;
  }
  return 0;
}

// Whoever answers for S3 tells its time, whatever it thinks of the question.
void compare_with_bucket(const Subject& subject, const objectstore::StoreOptions& place, Findings& out) {
  if (!place.to.starts_with("s3://")) return;
  const auto endpoint = objectstore::parse_endpoint(place.endpoint, place.region);
  if (!endpoint) return;
  const auto client = http::Client::connect(fmt::format("{}://{}", endpoint->tls ? "https" : "http", endpoint->host),
                                            {.timeout_s = 3, .ca_file = ""});
  if (!client) return;
  const auto response =
      (*client)->send({.method = "GET", .path = "/", .query = {}, .headers = {}, .body = {}, .remote = {}});
  if (!response) return;
  if (const int64_t theirs_us = http_date_us(*response); theirs_us != 0)
    compare_clocks(subject, theirs_us, "the bucket's server", out);
}

std::string advice_for(const Error& error) {
  return error.code == Code::kRetry ? "is it up, and does a firewall or a proxy stand between?"
                                    : "check address, credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
                                      "AWS_REGION) and what they are allowed: list, get, put, delete";
}

}  // namespace

void look_at_kafka(const Subject& subject, Findings& out) {
  const Config& config = subject.config;
  if (config.log.kind != Config::LogKind::kKafka) return;
  eventlog::KafkaOptions options = kafka_options(config, "doctor");
  options.open_timeout_us = kPatienceUs;
  const std::vector<eventlog::WantedTopic> wanted = topics_of(config);
  const eventlog::WantedAccess access = access_wanted(config);
  const auto report = eventlog::inspect_kafka(options, wanted, access, *subject.clock);
  if (!report)
    return out.fail(report.error().message, "docs/operations/kafka-errors.md lists what brokers answer and why");
  judge_kafka_release(*report, out);
  look_at_broker_settings(*report, options, out);
  for (size_t i = 0; i < wanted.size(); ++i) {
    look_at_topic(config, wanted[i], report->topics[i], out);
    judge_access(config, wanted[i].topic, report->topics[i], out);
  }
  for (size_t i = 0; i < access.groups.size(); ++i) judge_group(config, access.groups[i], report->groups[i], out);
  for (size_t i = 0; i < access.transactional_ids.size(); ++i)
    judge_transactional_id(access.transactional_ids[i], report->transactional_ids[i], out);
}

void look_at_mongodb(const Subject& subject, Findings& out) {
  using Kind = Config::Profiles::Kind;
  if (subject.config.profiles.kind != Kind::kMongodb && subject.config.profiles.kind != Kind::kSplit) return;
  TenantList tenants;
  for (const model::Tenant& tenant : subject.config.tenants)
    tenants.push_back(std::make_shared<const model::Tenant>(tenant));
  const auto report = docstore::inspect_mongo(mongo_options(subject.config, tenants, *subject.clock));
  if (!report)
    return out.fail(report.error().message,
                    "check profiles.mongodb.uri, and that the server is up: "
                    "docs/configuration.md, Profiles in MongoDB");
  out.ok(fmt::format("MongoDB {}, {}", report->version,
                     report->replica_set.empty() ? "no replica set" : "replica set " + report->replica_set));
  if (is_older(report->version, kMongoMajor, kMongoMinor))
    out.warn(fmt::format("MongoDB {} gets no corrections any more; Freshet is meant for {}.{} and later",
                         report->version, kMongoMajor, kMongoMinor),
             "update it");
  if (report->replica_set.empty())
    out.warn("it is one server, or a router: if it is one server, its disk is the only one that has the profiles",
             "let it be a replica set of three");
  if (report->clock_ms != 0) compare_clocks(subject, us_of_ms(report->clock_ms), "MongoDB", out);
  const auto& missing = report->missing_indexes;
  for (size_t i = 0; i < std::min(missing.size(), kShownMax); ++i)
    out.warn(fmt::format("there is no index {} ({} are missing)", missing[i], missing.size()),
             "start a Freshet with the role reaction or console: it makes them; look-ups read whole collections till "
             "then");
}

void look_at_checkpoints(const Subject& subject, Findings& out) {
  if (subject.config.checkpoints.to.empty()) return;
  objectstore::StoreOptions place = checkpoint_place(subject.config);
  place.attempts = 1;
  // Opening a directory would make it.
  constexpr std::string_view kFile = "file://";
  std::error_code error;
  if (place.to.starts_with(kFile) && !std::filesystem::exists(place.to.substr(kFile.size()), error))
    return out.ok(place.to + " is not there yet: the first start makes it");
  const auto store = objectstore::open_store(place, *subject.clock, *subject.random);
  if (!store) return out.fail(store.error().message, advice_for(store.error()));
  compare_with_bucket(subject, place, out);
  const std::string folder = "doctor/";  // beside the checkpoints, which never look there
  if (const auto listed = (*store)->list(folder); !listed)
    return out.fail(listed.error().message, advice_for(listed.error()));
  const std::string key = folder + to_hex(subject.random->bytes(8));
  if (const Status put = (*store)->put_new(key, kProbe); !put)
    return out.fail(put.error().message, advice_for(put.error()));
  if (const Status removed = (*store)->remove(key); !removed)
    return out.fail(fmt::format("{} was written and can't be deleted: {}", key, removed.error().message),
                    advice_for(removed.error()));
  out.ok(fmt::format("{}: could be listed, and an object written and deleted", (*store)->where()));
}

}  // namespace freshet::app
