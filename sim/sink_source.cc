#include "sink_source.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "freshet/v1/event.pb.h"
#include "model/document.h"
#include "model/time.h"

namespace freshet::sim {
namespace {

using eventlog::Topic;
using sinks::SayAgain;

constexpr size_t kLivingMost = 14;

v1::ChangeOp& add_op(v1::Change& change, v1::ChangeOp::Type type, v1::Section section, const std::string& name) {
  v1::ChangeOp& op = *change.add_ops();
  op.set_type(type);
  op.set_section(section);
  op.set_name(name);
  return op;
}

std::string event_json(const char* tenant, const std::string& user, int64_t number, env::TimeUs now_us) {
  return fmt::format(
      R"({{"message_id":"m{}","tenant":"{}","user":"{}","event":"{}","properties":{{"n":{}}},"received_at":"{}"}})",
      number, tenant, user, number % 3 == 0 ? "F" : "E", number, model::format_time(now_us));
}

}  // namespace

uint32_t SinkSource::partition_of(const std::string& hex) {
  return static_cast<uint32_t>(hex.back()) % kSinkPartitions;
}

void SinkSource::step() {
  if (!asked_.empty() && stage_.dice.one_in(3)) {
    (void)answer();
    return;
  }
  switch (stage_.dice.roll(12)) {
    case 0: return merge();
    case 1: return stage_.dice.one_in(2) ? erase() : add_of_others();
    case 2:
    case 3:
    case 4:
    case 5: return change();
    default: return add_event();
  }
}

void SinkSource::write(eventlog::TopicPartition to, const std::string& key, const std::string& value) {
  eventlog::Produce out;
  out.to = to;
  out.records.add(key, value);
  stage_.broker.write(out);
}

std::string SinkSource::newcomer() {
  const std::string hex = hash128("person " + std::to_string(++newcomers_)).hex();
  living_.push_back(hex);
  documents_[hex];
  return hex;
}

std::string SinkSource::anybody() {
  if (living_.empty() || (living_.size() < kLivingMost && stage_.dice.one_in(6))) return newcomer();
  return stage_.dice.pick(living_);
}

void SinkSource::add_event() {
  const std::string user = anybody();
  const eventlog::TopicPartition to{Topic::kEvents, partition_of(user)};
  events_.push_back({to, stage_.broker.at(to).next, user, ++numbers_});
  write(to, user, event_json(kSinkTenant, user, numbers_, stage_.clock.now_us()));
}

void SinkSource::add_of_others() {
  const std::string nobody = hash128("nobody").hex();
  write({Topic::kEvents, partition_of(nobody)}, nobody, event_json("acme2", nobody, 1, stage_.clock.now_us()));
  v1::Change change;
  change.set_tenant("acme2");
  change.set_id(from_hex(nobody));
  change.set_version(1);
  write({Topic::kChanges, partition_of(nobody)}, nobody, change.SerializeAsString());
}

void SinkSource::say(const std::string& hex, v1::Change change) {
  v1::Document& document = documents_.at(hex);
  change.set_tenant(kSinkTenant);
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id(from_hex(hex));
  change.set_version(document.version() + 1);
  change.set_received_at_us(stage_.clock.now_us());
  model::apply_change(document, change);
  states_[{hex, document.version()}] = document.SerializeAsString();
  write({Topic::kChanges, partition_of(hex)}, hex, change.SerializeAsString());
}

bool SinkSource::was(const std::string& hex, const v1::Document& document) const {
  const auto found = states_.find({hex, document.version()});
  return found != states_.end() && found->second == document.SerializeAsString();
}

void SinkSource::change() {
  v1::Change change;
  const std::string text = std::to_string(stage_.dice.roll(9));
  if (stage_.dice.one_in(2)) {
    const bool unset = stage_.dice.one_in(5);
    v1::ChangeOp& op = add_op(change, unset ? v1::ChangeOp::UNSET : v1::ChangeOp::SET, v1::ATTRIBUTES, "city");
    if (!unset) op.mutable_value()->set_text(text);
  } else {
    v1::ChangeOp& op = add_op(change, stage_.dice.one_in(3) ? v1::ChangeOp::REMOVE_FROM_SET : v1::ChangeOp::ADD_TO_SET,
                              v1::ATTRIBUTES, "tags");
    op.mutable_value()->mutable_list()->add_values()->set_text(text);
  }
  say(anybody(), std::move(change));
}

// The survivor is said first, as it is.
void SinkSource::merge() {
  if (living_.size() < 3) return;
  stage_.dice.shuffle(living_);
  const std::string loser = living_.back();
  living_.pop_back();
  const std::string survivor = stage_.dice.pick(living_);
  stage_.probes.hit(Probe::kSinkMerged);
  std::vector<std::string> all = {loser};
  for (const std::string& one : merged_[loser]) all.push_back(one);
  v1::Change joined;
  v1::ChangeOp& op = add_op(joined, v1::ChangeOp::ADD_TO_SET, v1::MERGED_FROM, "");
  for (const std::string& one : all) op.mutable_value()->mutable_list()->add_values()->set_text(one);
  say(survivor, std::move(joined));
  merged_[survivor].insert(merged_[survivor].end(), all.begin(), all.end());
  v1::Change gone;
  gone.set_remove(true);
  say(loser, std::move(gone));
}

void SinkSource::erase() {
  if (living_.size() < 3) return;
  stage_.dice.shuffle(living_);
  const std::string hex = living_.back();
  living_.pop_back();
  stage_.probes.hit(Probe::kSinkErased);
  v1::Change gone;
  gone.set_remove(true);
  say(hex, std::move(gone));
  v1::ErasureNotice notice;
  notice.set_kind(v1::ENTITY_KIND_USER);
  notice.set_id(from_hex(hex));
  erased_.insert(hex);
  for (const std::string& one : merged_[hex]) {
    notice.add_merged(from_hex(one));
    erased_.insert(one);
  }
  v1::DeadLetter letter;
  letter.set_tenant(kSinkTenant);
  letter.set_body_type(v1::DeadLetter::ERASURE_NOTICE);
  letter.set_body(notice.SerializeAsString());
  letter.set_received_at_us(stage_.clock.now_us());
  write({Topic::kDeadLetters, 0}, "", letter.SerializeAsString());
}

// ---- what is asked of action ----------------------------------------------------------------------------------------

Status SinkSource::say_again(uint32_t partition, SayAgain what) {
  FRESHET_TRY(stage_.at_call("say again"));
  stage_.probes.hit(Probe::kSinkSaidAgain);
  asked_.push_back({partition, what});
  if (stage_.loses_answer()) return fail(Code::kRetry, "no answer of the log");
  return {};
}

Result<std::optional<v1::Document>> SinkSource::read_profile(const v1::Change& change, sinks::ProfileAs) {
  FRESHET_TRY(stage_.at_call("read profile"));
  const auto found = documents_.find(to_hex(change.id()));
  if (found == documents_.end() || found->second.removed() || found->second.version() == 0) return std::nullopt;
  return found->second;
}

// A removed profile goes on being one: only its version rises.
void SinkSource::say_again(const std::string& hex) {
  v1::Change change;
  const v1::Document document = documents_.at(hex);
  change.set_remove(document.removed());
  change.set_whole(!document.removed());
  for (const v1::Field& field : document.fields())
    *add_op(change, v1::ChangeOp::SET, field.section(), field.name()).mutable_value() = field.value();
  say(hex, std::move(change));
}

bool SinkSource::answer() {
  if (asked_.empty()) return false;
  const Asked asked = asked_.front();
  asked_.erase(asked_.begin());
  for (auto& [hex, document] : documents_) {
    if (partition_of(hex) != asked.partition || document.version() == 0) continue;
    if (!document.removed() || asked.what == SayAgain::kGoneToo) say_again(hex);
  }
  return true;
}

}  // namespace freshet::sim
