// Keeps poisoned changes until the log has them. The line goes on meanwhile: one change that no
// store takes must not stop the others (invariant 10).

#include "reaction/dead_letters.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "freshet/v1/event.pb.h"
#include "model/letter_body.h"
#include "model/letter_id.h"

namespace freshet::reaction {

void DeadLetters::add(std::string_view code, std::string_view reason, std::string_view body, const v1::Change& change,
                      Marks marks) {
  v1::DeadLetter letter;
  letter.set_id(model::letter_id(change.received_at_us(), hash128(body)));
  letter.set_tenant(change.tenant());
  letter.set_source("reaction");
  letter.set_code(std::string(code));
  letter.set_reason(std::string(reason));
  model::put_body(letter, body, v1::DeadLetter::CHANGE);
  letter.set_received_at_us(change.received_at_us());

  Letter& added = letters_[next_++];
  const uint32_t partitions = std::max(log_.partitions(eventlog::Topic::kDeadLetters), 1U);
  added.record.to = {eventlog::Topic::kDeadLetters, partition_of(letter.id(), partitions)};
  added.record.records.add(letter.id(), letter.SerializeAsString());
  added.marks = std::move(marks);
  bytes_ += added.record.records.bytes();
}

void DeadLetters::pump(env::TimeUs now) {
  // They are collected first, because an append may answer before it returns, and the answer may
  // change letters_.
  std::vector<uint64_t> due;
  for (auto& [id, letter] : letters_) {
    if (!letter.in_flight && letter.due <= now) due.push_back(id);
  }
  for (const uint64_t id : due) {
    Letter& letter = letters_.at(id);
    FRESHET_ASSERT(!letter.in_flight);
    letter.in_flight = true;
    std::vector<eventlog::Produce> batch(1, letter.record);
    log_.append(std::move(batch), [report = report_, id](Status status) { report(id, std::move(status)); });
  }
}

Marks DeadLetters::appended(uint64_t id, const Status& status, env::TimeUs now, env::TimeUs retry_us) {
  const auto at = letters_.find(id);
  if (at == letters_.end()) return {};
  FRESHET_ASSERT(at->second.in_flight);
  if (!status) {
    at->second.in_flight = false;
    at->second.due = now + retry_us;
    return {};
  }
  FRESHET_ASSERT(bytes_ >= at->second.record.records.bytes());
  bytes_ -= at->second.record.records.bytes();
  Marks marks = std::move(at->second.marks);
  letters_.erase(at);
  return marks;
}

}  // namespace freshet::reaction
