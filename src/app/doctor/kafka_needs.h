// What Freshet needs of brokers: their release, and what they must allow each role. Pure. Private to the doctor.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "app/doctor/doctor.h"
#include "eventlog/kafka/inspection.h"

namespace freshet::app {

// Letters of R (read), W (write), D (delete records) for each role, in the order of Role. docs/operations/acls.md has
// the same table.
struct TopicNeeds {
  eventlog::Topic topic;
  std::string_view of_role[4];
};
[[nodiscard]] std::span<const TopicNeeds> topic_needs();

// Whether a version such as "3.9-IV0" or "7.0.14" is below MAJOR.MINOR. False for what is no version.
[[nodiscard]] bool is_older(std::string_view version, uint32_t major, uint32_t minor);

void judge_kafka_release(const eventlog::KafkaReport& report, Findings& out);
// What the roles of this configuration may not do on a topic that is there.
void judge_access(const Config& config, eventlog::Topic topic, const eventlog::TopicReport& is, Findings& out);

// Groups, and transactional ids of nobody, by which is seen what the roles of this configuration may use.
[[nodiscard]] eventlog::WantedAccess access_wanted(const Config& config);
void judge_group(const Config& config, const std::string& group, const eventlog::GroupReport& is, Findings& out);
void judge_transactional_id(const std::string& wanted, const eventlog::TransactionalIdReport& is, Findings& out);

}  // namespace freshet::app
