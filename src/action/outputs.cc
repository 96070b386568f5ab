// Messages are serialized right into the batch that will be sent: they are many, and each of them is written once.
#include "action/outputs.h"

#include <utility>

#include "base/assert.h"

namespace freshet::action {
namespace {

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
  if (says_changes_) add(changes_, change.id(), change);
}

void Outputs::note_change(std::string_view tenant, int64_t received_at_us) {
  if (suppressed_ || !notes_changes_) return;
  auto at = noted_.rbegin();
  while (at != noted_.rend() && at->tenant != tenant) ++at;
  Noted& of = at != noted_.rend() ? *at : noted_.emplace_back(Noted{std::string(tenant), {}});
  of.received_at_us.push_back(received_at_us);
}

void Outputs::event(std::string_view key, std::string_view value) {
  if (!suppressed_) events_.add(key, value);
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
