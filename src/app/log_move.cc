// Each copy of a record of `schema` says which one it is of, so the copying goes on behind the last of them, whoever
// made it and however that ended.
#include "app/log_move.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "app/log.h"
#include "base/assert.h"
#include "env/clock.h"
#include "freshet/v1/envelope.pb.h"
#include "ingest/overflow/lane_key.h"

namespace freshet::app {

using eventlog::Fetched;
using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;
using v1::Move;

namespace {

constexpr TopicPartition kSchemaOfLog{Topic::kSchema, 0};
constexpr TopicPartition kImportsOfLog{Topic::kImports, 0};

std::string topics_under(const std::string& prefix) { return fmt::format("the topics under \"{}\"", prefix); }

// The record as a copy of the one at this offset. A field behind what is there is part of the message, so whatever a
// later version has written comes along.
std::string copy_of(std::string_view value, Offset offset) {
  v1::SchemaChange mark;
  mark.set_copied_next(offset + 1);
  return std::string(value) + mark.SerializeAsString();
}

// A process that has started publishes its rules; anything else in `actions` was sent by somebody.
Result<bool> has_only_rules(eventlog::EventLog& log, TopicPartition of) {
  bool only = true;
  const auto read = read_to_end(log, of, 0, [&](const Fetched& fetched) -> Result<bool> {
    v1::Envelope envelope;
    for (const eventlog::RecordView& record : fetched.records)
      only = only && envelope.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())) &&
             envelope.kind() == v1::Envelope::CONTROL;
    return only;
  });
  if (!read) return tl::unexpected(read.error());
  return only;
}

Result<bool> has_records(eventlog::EventLog& log, Topic topic) {
  FRESHET_ASSIGN(const auto marks, log.all_watermarks(topic));
  return std::any_of(marks.begin(), marks.end(), [](const auto& mark) { return mark.high > 0; });
}

}  // namespace

LogMove::LogMove(const Config& before, const Config& after, eventlog::EventLog& from, eventlog::EventLog& to)
    : before_(before),
      after_(after),
      from_(from),
      to_(to),
      registry_from_(schema::make_registry()),
      registry_to_(schema::make_registry()),
      said_from_(from, *registry_from_),
      said_to_(to, *registry_to_) {}

Status LogMove::look() {
  FRESHET_TRY(said_from_.follow());
  if (to_.partitions(Topic::kSchema) > 0) FRESHET_TRY(said_to_.follow());
  FRESHET_TRY(check_from());
  const Move::Step step = said_from_.moves().at();
  announced_ = step == Move::LEAVING || step == Move::LEFT;
  return {};
}

bool LogMove::has_arrived() const {
  return said_to_.moves().at() == Move::ARRIVED || said_to_.moves().at() == Move::CAUGHT_UP;
}

Status LogMove::check_from() const {
  const std::string& other = said_from_.moves().other_prefix();
  switch (said_from_.moves().at()) {
    case Move::LEAVING:
    case Move::LEFT:
      if (other == after_.log.topic_prefix) return {};
      return fail(
          Code::kInvalid,
          fmt::format("--topic-prefix: this installation is on its way to {}: go on with that prefix, or end it "
                      "with `freshet checkpoint prepare --cancel`",
                      topics_under(other)));
    case Move::AWAITED:
    case Move::ARRIVED:
      return fail(Code::kInvalid,
                  fmt::format("{} have not caught up yet with what came while their state was rebuilt from {}",
                              topics_under(before_.log.topic_prefix), topics_under(other)));
    default: return said_from_.moves().check_open();
  }
}

Status LogMove::check_to() {
  const std::string prefix = after_.log.topic_prefix;
  if (said_to_.moves().at() == Move::STEP_UNSPECIFIED) return check_unused();
  if (said_to_.moves().at() == Move::CALLED_OFF)
    return fail(Code::kInvalid, fmt::format("--topic-prefix: a move to {} was called off: take a prefix that was never "
                                            "used, and delete those",
                                            topics_under(prefix)));
  if (said_to_.moves().other_prefix() != before_.log.topic_prefix)
    return fail(Code::kInvalid, fmt::format("--topic-prefix: {} are for what comes from {}", topics_under(prefix),
                                            topics_under(said_to_.moves().other_prefix())));
  const uint32_t partitions = to_.partitions(Topic::kActions);
  if (partitions == after_.log.partitions) return {};
  return fail(Code::kInvalid, fmt::format("--partitions: {} were prepared with {}", topics_under(prefix), partitions));
}

// Records that are there already were routed by another number of partitions, or belong to somebody else.
Status LogMove::check_unused() {
  for (const Topic topic : {Topic::kActions, Topic::kSchema}) {
    if (to_.partitions(topic) == 0) continue;
    FRESHET_ASSIGN(const bool used, has_records(to_, topic));
    if (used)
      return fail(Code::kInvalid,
                  fmt::format("topic {} under the prefix \"{}\" has records: --topic-prefix takes one that was never "
                              "used",
                              name_of(topic), after_.log.topic_prefix));
  }
  return {};
}

// The old log is told before the first record is copied: no revision that is claimed later counts, so none can be given
// away on both sides.
Status LogMove::prepare() {
  FRESHET_TRY(check_to());
  FRESHET_TRY(create_topics(to_, after_));
  if (!announced_) FRESHET_TRY(said_from_.take_step(Move::LEAVING, after_.log.topic_prefix));
  announced_ = true;
  return await_state();
}

Status LogMove::begin() {
  FRESHET_TRY(check_to());
  FRESHET_TRY(create_topics(to_, after_));
  return await_state();
}

Status LogMove::await_state() {
  if (said_to_.moves().at() == Move::STEP_UNSPECIFIED)
    FRESHET_TRY(said_to_.take_step(Move::AWAITED, before_.log.topic_prefix, after_.log.partitions));
  return copy();
}

Status LogMove::copy() {
  FRESHET_TRY(said_from_.follow());
  FRESHET_TRY(copy_schema());
  // An embedded log has none.
  if (from_.partitions(Topic::kImports) > 0 && to_.partitions(Topic::kImports) > 0) FRESHET_TRY(copy_imports());
  return said_to_.follow();
}

Status LogMove::copy_schema() {
  const Offset end = said_from_.next();
  const auto read =
      read_to_end(from_, kSchemaOfLog, said_to_.copied_next(), [&](const Fetched& fetched) -> Result<bool> {
        std::vector<eventlog::Produce> batches(1);
        batches[0].to = kSchemaOfLog;
        for (const eventlog::RecordView& record : fetched.records) {
          if (record.offset < said_to_.copied_next()) continue;
          // What lies behind was not looked at, so nobody knows which of its claims count.
          if (record.offset >= end) break;
          v1::SchemaChange change;
          const bool parsed = change.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()));
          if (parsed && (is_of_one_log(change) || said_from_.is_void(record.offset))) continue;
          batches[0].records.add(record.key, copy_of(record.value, record.offset));
        }
        if (batches[0].records.count() > 0) FRESHET_TRY(append(to_, std::move(batches)));
        return fetched.next < end;
      });
  if (!read) return tl::unexpected(read.error());
  return {};
}

// Of two records of an import the one that is further counts, so it does no harm if some are copied twice.
Status LogMove::copy_imports() {
  const Offset from = said_to_.moves().imports_next();
  const auto read = read_to_end(from_, kImportsOfLog, from, [&](const Fetched& fetched) -> Result<bool> {
    std::vector<eventlog::Produce> batches(1);
    batches[0].to = kImportsOfLog;
    for (const eventlog::RecordView& record : fetched.records) batches[0].records.add(record.key, record.value);
    if (batches[0].records.count() > 0) FRESHET_TRY(append(to_, std::move(batches)));
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return *read > from ? said_to_.note_imports(*read) : Status{};
}

Status LogMove::arrive() {
  FRESHET_ASSERT(said_to_.moves().at() != Move::STEP_UNSPECIFIED);
  if (said_from_.moves().at() == Move::LEAVING) FRESHET_TRY(said_from_.take_step(Move::LEFT, after_.log.topic_prefix));
  if (said_to_.moves().at() == Move::AWAITED) FRESHET_TRY(said_to_.take_step(Move::ARRIVED, before_.log.topic_prefix));
  // Nothing waits where nobody could send.
  if (!announced_ && said_to_.moves().at() == Move::ARRIVED)
    FRESHET_TRY(said_to_.take_step(Move::CAUGHT_UP, before_.log.topic_prefix));
  return {};
}

Status LogMove::check_nothing_sent() {
  for (uint32_t p = 0; p < to_.partitions(Topic::kActions); ++p) {
    FRESHET_ASSIGN(const bool only_rules, has_only_rules(to_, {Topic::kActions, p}));
    if (!only_rules)
      return fail(Code::kConflict, fmt::format("{} have records that were accepted: there is only the way on",
                                               topics_under(after_.log.topic_prefix)));
  }
  for (const Topic topic : {Topic::kOverflow, Topic::kDeadLetters, Topic::kLogs}) {
    FRESHET_ASSIGN(const bool sent, has_records(to_, topic));
    if (sent)
      return fail(Code::kConflict, fmt::format("{} have records that were accepted, in {}: there is only the way on",
                                               topics_under(after_.log.topic_prefix), name_of(topic)));
  }
  return {};
}

// Nobody has the new topics in use, so nobody writes between the look and what ends them.
Status LogMove::call_off() {
  if (said_from_.moves().at() != Move::LEAVING)
    return fail(Code::kInvalid, fmt::format("{} were not prepared for this installation, or are in use",
                                            topics_under(after_.log.topic_prefix)));
  if (said_to_.moves().at() == Move::AWAITED) {
    FRESHET_ASSIGN(const auto members, to_.members(ingest::kDrainGroup));
    if (!members.empty())
      return fail(Code::kConflict,
                  fmt::format("a process with role ingest has {}: stop it, wait a minute, and try again",
                              topics_under(after_.log.topic_prefix)));
    FRESHET_TRY(check_nothing_sent());
    FRESHET_TRY(said_to_.take_step(Move::CALLED_OFF, before_.log.topic_prefix));
  }
  return said_from_.take_step(Move::CALLED_OFF, after_.log.topic_prefix);
}

Status prepare_move(const Config& before, const Config& after, bool cancel) {
  constexpr const char* kPrepareName = "checkpoint-prepare";  // what this process is called at the brokers
  FRESHET_ASSIGN(const auto from, open_log(before, kPrepareName, env::real_clock()));
  if (from->partitions(Topic::kActions) == 0)
    return fail(Code::kNotFound, fmt::format("there are no {}: --config takes the configuration that runs now",
                                             topics_under(before.log.topic_prefix)));
  FRESHET_ASSIGN(const auto to, open_log(after, kPrepareName, env::real_clock()));
  LogMove move(before, after, *from, *to);
  FRESHET_TRY(move.look());
  if (cancel) return move.call_off();
  if (move.has_arrived())
    return fail(Code::kInvalid, fmt::format("{} have their state already", topics_under(after.log.topic_prefix)));
  return move.prepare();
}

}  // namespace freshet::app
