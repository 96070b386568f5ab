// What the engine has to say about a batch. It is gathered in memory and sent in one transaction together with the
// offset, so that a crash loses either both or neither. While `suppressed`, in a replay or as a standby, nothing is
// gathered: it was said before, and would be said twice.
//
// Where profiles are read from the states themselves (action/profile_reads.h) nobody may need `changes`. Then a change
// is not put into words: only when its record was received is kept, as it can be read from the commit on.
//
// A change or an event that is longer than its topic takes is a dead letter in its place (`too_large`). Only profiles
// that have grown far beyond what ingest lets in have such; sent, it would fail the transaction after every restart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "action/late_records.h"
#include "base/assert.h"
#include "eventlog/event_log.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "freshet/v1/event.pb.h"

namespace freshet::action {

class Outputs {
 public:
  // Changes and events go to the partition of the same number, so that all of one profile stay in their order.
  Outputs(uint32_t partition, uint32_t partitions) : partition_(partition), loops_(partitions) {}

  void suppress(bool suppressed) { suppressed_ = suppressed; }
  [[nodiscard]] bool suppressed() const { return suppressed_; }

  // A message to another partition, or to this one by way of the log.
  void loop(uint32_t to_partition, const v1::Envelope& message);
  void change(const v1::Change& change);
  void say_changes(bool said) { says_changes_ = said; }
  // Whether it is worth while to put one into words.
  [[nodiscard]] bool says_changes() const { return says_changes_ && !suppressed_; }
  // A change that is readable once this is committed, said or not.
  void note_change(std::string_view tenant, int64_t received_at_us);
  // `of`: the record that it is of, or one that says its tenant and when it was received.
  void event(const v1::Envelope& of, std::string_view key, std::string_view value);
  void dead_letter(const v1::DeadLetter& letter);
  // Outputs that were set aside as too large, since this was made. For whoever watches.
  [[nodiscard]] uint64_t too_large() const { return too_large_; }

  // Everything gathered since the last call.
  [[nodiscard]] std::vector<eventlog::Produce> take();

  // When the records were received whose changes were noted, by tenant.
  struct Noted {
    std::string tenant;
    std::vector<int64_t> received_at_us;
  };
  void note_changes(bool noted) { notes_changes_ = noted; }
  [[nodiscard]] std::vector<Noted> take_noted() { return std::exchange(noted_, {}); }

  // A record was refused, as its person is erased. REQUIRES: not suppressed.
  void note_late(const std::string& tenant, const Hash128& value) {
    FRESHET_ASSERT(!suppressed_);
    add_late(late_, tenant, value, 1);
  }
  [[nodiscard]] LateRecords take_late() { return std::exchange(late_, {}); }

 private:
  void set_aside(const std::string& tenant, int64_t received_at_us, std::string_view bytes, v1::DeadLetter::Body type);

  uint32_t partition_;
  uint64_t too_large_ = 0;
  bool suppressed_ = false;
  bool says_changes_ = true;
  bool notes_changes_ = false;
  std::vector<eventlog::RecordBatch> loops_;  // by target partition of `actions`
  eventlog::RecordBatch changes_, events_, dead_letters_;
  std::vector<Noted> noted_;  // few tenants, the last one first looked at
  LateRecords late_;
};

}  // namespace freshet::action
