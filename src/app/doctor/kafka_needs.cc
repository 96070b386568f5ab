#include "app/doctor/kafka_needs.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "action/worker_options.h"
#include "ingest/overflow/lane_key.h"
#include "reaction/reactor_options.h"
#include "sinks/runner_loop.h"

namespace freshet::app {
namespace {

using eventlog::Topic;

constexpr const char* kAclAdvice =
    "docs/operations/acls.md has the commands; if this user plays fewer roles, say --roles";
// Kafka's first release that Freshet is tested with (docs/configuration.md, Kafka).
constexpr uint32_t kLeastMajor = 3, kLeastMinor = 9;

//                                         ingest action reaction console
constexpr TopicNeeds kNeeds[] = {
    {Topic::kActions, {"W", "RWD", "W", "W"}}, {Topic::kChanges, {"", "W", "RWD", "R"}},
    {Topic::kEvents, {"", "W", "", "R"}},      {Topic::kDeadLetters, {"W", "RW", "W", "RWD"}},
    {Topic::kOverflow, {"RWD", "", "", "W"}},  {Topic::kImports, {"RW", "", "", ""}},
    {Topic::kLogs, {"W", "", "", ""}},         {Topic::kSchema, {"RW", "RW", "RW", "RW"}}};

constexpr size_t kSinksAsked = 20;

// Letters of R (read), S (see: describe) for each role.
struct GroupNeeds {
  std::string_view group;
  std::string_view of_role[4];
};
//                                           ingest action reaction console
constexpr GroupNeeds kGroupNeeds[] = {{ingest::kDrainGroup, {"R", "", "", "S"}},
                                      {action::kActionGroup, {"S", "R", "", "S"}},
                                      {reaction::kReactionGroup, {"S", "", "R", "S"}}};
constexpr GroupNeeds kSinkNeeds = {"", {"", "", "R", ""}};

const GroupNeeds& needs_of_group(std::string_view group) {
  for (const GroupNeeds& needs : kGroupNeeds)
    if (needs.group == group) return needs;
  return kSinkNeeds;
}

// Each ends in what no process has there: its client's name, and a number.
struct IdNeeds {
  std::string_view id;
  Role role;
};
constexpr IdNeeds kIdNeeds[] = {{"overflow.doctor", Role::kIngest}, {"action.doctor", Role::kAction}};

// Sinks run in reaction, and read events and who was erased.
std::string_view needs_of(const Config& config, const TopicNeeds& needs, Role role) {
  const std::string_view usual = needs.of_role[static_cast<size_t>(role)];
  if (role != Role::kReaction) return usual;
  bool any = false;
  for (const model::Tenant& tenant : config.tenants) any = any || !tenant.sinks.empty();
  if (any && needs.topic == Topic::kEvents) return "R";
  return any && needs.topic == Topic::kDeadLetters ? "RW" : usual;
}

std::string_view word_of(char letter) {
  switch (letter) {
    case 'R': return "Read";
    case 'W': return "Write";
    case 'D': return "Delete";
    default: return "Describe";
  }
}

void add_word(std::string& list, std::string_view word) {
  if (list.find(word) == std::string::npos) list.append(list.empty() ? "" : ", ").append(word);
}

// What `needs(role)` has of each role, and the brokers do not allow. `allowed`: nullopt, if they do not say.
void judge_letters(const Config& config, const std::string& what, const std::optional<std::string>& allowed,
                   const std::function<std::string_view(Role)>& needs, Findings& out) {
  if (!allowed)
    return out.warn(what + ": the brokers do not say what this user may do there",
                    "compare its ACLs with docs/operations/acls.md yourself");
  std::string operations, roles;
  for (const Role role : list_of(config.roles)) {
    for (const char letter : needs(role)) {
      if (allowed->find(letter) != std::string::npos) continue;
      add_word(operations, word_of(letter));
      add_word(roles, name_of(role));
    }
  }
  if (!operations.empty())
    out.fail(fmt::format("{}: this user may not {}, which {} needs", what, operations, roles), kAclAdvice);
}

}  // namespace

std::span<const TopicNeeds> topic_needs() { return kNeeds; }

bool is_older(std::string_view version, uint32_t major, uint32_t minor) {
  uint32_t is_major = 0, is_minor = 0;
  const char* const end = version.data() + version.size();
  const auto first = std::from_chars(version.data(), end, is_major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return false;
  if (std::from_chars(first.ptr + 1, end, is_minor).ec != std::errc()) return false;
  return is_major < major || (is_major == major && is_minor < minor);
}

void judge_kafka_release(const eventlog::KafkaReport& report, Findings& out) {
  const std::string release = !report.unseen.empty()            ? "release unknown"
                              : report.protocol_version.empty() ? "Kafka 4.0 or later"
                                                                : "protocol " + report.protocol_version;
  out.ok(fmt::format("{} brokers of cluster {}, {}", report.brokers, report.cluster_id, release));
  if (is_older(report.protocol_version, kLeastMajor, kLeastMinor))
    out.warn(fmt::format("the brokers speak {} among themselves: Freshet is tested with Kafka {}.{} and later",
                         report.protocol_version, kLeastMajor, kLeastMinor),
             "update them; if they are newer, finish the update: inter.broker.protocol.version, or kafka-features.sh "
             "upgrade");
}

void judge_access(const Config& config, Topic topic, const eventlog::TopicReport& is, Findings& out) {
  if (is.partitions == 0) return;
  for (const TopicNeeds& needs : kNeeds)
    if (needs.topic == topic)
      judge_letters(
          config, "topic " + is.name, is.allowed, [&](Role role) { return needs_of(config, needs, role); }, out);
}

eventlog::WantedAccess access_wanted(const Config& config) {
  eventlog::WantedAccess out;
  const auto roles = list_of(config.roles);
  for (const GroupNeeds& needs : kGroupNeeds) {
    const auto uses = [&](Role role) { return !needs.of_role[static_cast<size_t>(role)].empty(); };
    if (std::ranges::any_of(roles, uses)) out.groups.emplace_back(needs.group);
  }
  for (const model::Tenant& tenant : config.tenants)
    for (const model::Sink& sink : tenant.sinks)
      if (config.roles.reaction && out.groups.size() < kSinksAsked)
        out.groups.push_back(sinks::group_of(tenant.name, sink.name));
  for (const IdNeeds& needs : kIdNeeds)
    if (std::ranges::find(roles, needs.role) != roles.end()) out.transactional_ids.emplace_back(needs.id);
  return out;
}

void judge_group(const Config& config, const std::string& group, const eventlog::GroupReport& is, Findings& out) {
  const GroupNeeds& needs = needs_of_group(group);
  judge_letters(
      config, "group " + is.name, is.allowed, [&](Role role) { return needs.of_role[static_cast<size_t>(role)]; }, out);
}

void judge_transactional_id(const std::string& wanted, const eventlog::TransactionalIdReport& is, Findings& out) {
  if (is.refused.empty()) return;
  if (!is.forbidden)
    return out.fail(is.refused,
                    "are the partitions of topic __transaction_state there (kafka-topics.sh --describe "
                    "--unavailable-partitions)? Nothing can be committed without them");
  for (const IdNeeds& needs : kIdNeeds)
    if (needs.id == wanted)
      out.fail(fmt::format("transactional ids {}…: this user may not Write, which {} needs",
                           is.id.substr(0, is.id.rfind('.') + 1), name_of(needs.role)),
               kAclAdvice);
}

}  // namespace freshet::app
