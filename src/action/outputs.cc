// Messages are serialized right into the batch that will be sent: they are many, and each of them is written once.
#include "action/outputs.h"

#include <fmt/core.h>

#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "model/letter_body.h"
#include "model/letter_id.h"

namespace freshet::action {
namespace {

// With its key and what frames it on the way, a record of a topic (16 MiB on Kafka).
constexpr size_t kOutputBytesMost = 2 * model::kRecordBytesMost - (64u << 10);

void add(eventlog::RecordBatch& batch, std::string_view key, const google::protobuf::MessageLite& message) {
  const size_t size = message.ByteSizeLong();
  char* space = batch.add_space(key, size);
  const uint8_t* const end = message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(space));
  FRESHET_ASSERT(end == reinterpret_cast<uint8_t*>(space) + size);  // The record frames exactly these bytes.
}

}  // namespace

void Outputs::loop(uint32_t to_partition, const v1::Envelope& message) {
  FRESHET_ASSERT(to_partition < loops_.size());
  if (!suppressed_) add(loops_[to_partition], {}, message);
}

void Outputs::change(const v1::Change& change) {
  if (suppressed_) return;
  note_change(change.tenant(), change.received_at_us());
  if (!says_changes_) return;
  if (change.ByteSizeLong() <= kOutputBytesMost) return add(changes_, change.id(), change);
  set_aside(change.tenant(), change.received_at_us(), change.SerializeAsString(), v1::DeadLetter::CHANGE);
}

void Outputs::note_change(std::string_view tenant, int64_t received_at_us) {
  if (suppressed_ || !notes_changes_) return;
  auto at = noted_.rbegin();
  while (at != noted_.rend() && at->tenant != tenant) ++at;
  Noted& of = at != noted_.rend() ? *at : noted_.emplace_back(Noted{std::string(tenant), {}});
  of.received_at_us.push_back(received_at_us);
}

void Outputs::event(const v1::Envelope& of, std::string_view key, std::string_view value) {
  if (suppressed_) return;
  if (value.size() <= kOutputBytesMost) return events_.add(key, value);
  set_aside(of.tenant(), of.received_at_us(), value, v1::DeadLetter::JSON_ITEM);
}

void Outputs::set_aside(const std::string& tenant, int64_t received_at_us, std::string_view bytes,
                        v1::DeadLetter::Body type) {
  ++too_large_;
  v1::DeadLetter letter;
  letter.set_id(model::letter_id(received_at_us, hash128(bytes)));
  letter.set_tenant(tenant);
  letter.set_source("action");
  letter.set_code("too_large");
  letter.set_reason(fmt::format("{} has {} bytes, {} are the most that go into a topic",
                                type == v1::DeadLetter::CHANGE ? "a change of a profile" : "an enriched event",
                                bytes.size(), kOutputBytesMost));
  letter.set_received_at_us(received_at_us);
  model::put_body(letter, bytes, type);
  dead_letter(letter);
}

void Outputs::dead_letter(const v1::DeadLetter& letter) {
  if (!suppressed_) add(dead_letters_, letter.id(), letter);
}

std::vector<eventlog::Produce> Outputs::take() {
  using eventlog::Topic;
  std::vector<eventlog::Produce> all;
  const auto move_out = [&](Topic topic, uint32_t partition, eventlog::RecordBatch& batch) {
    if (batch.empty()) return;
    const size_t likely = batch.bytes() + batch.bytes() / 8;  // The next batch is about as large as this one.
    all.push_back({{topic, partition}, std::exchange(batch, {})});
    batch.reserve(likely);
  };
  for (uint32_t p = 0; p < loops_.size(); ++p) move_out(Topic::kActions, p, loops_[p]);
  move_out(Topic::kChanges, partition_, changes_);
  move_out(Topic::kEvents, partition_, events_);
  move_out(Topic::kDeadLetters, 0, dead_letters_);  // This topic has one partition.
  return all;
}

}  // namespace freshet::action
