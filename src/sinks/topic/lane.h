// One partition of a state topic, as its one writer has it.
//
// Who may write is decided by the transactional id, TOPIC.PARTITION: opening a writer under it fences whoever had it.
// Then the topic can't change any more but by this lane, and what the table lacks of it is read. So a lane knows all
// states that the topic has, whoever wrote them; and two processes that both hold themselves for the owner take turns,
// each with the right states, until one of them is told that it is none.
//
// States become durable in one transaction, and the table has them after it. A crash between the two is found out by
// the next lane: its mark lies before them.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "env/clock.h"
#include "sinks/topic/record.h"
#include "sinks/topic/table.h"
#include "sinks/topic/target.h"

namespace freshet::sinks {

class StateLane {
 public:
  // All of these outlive it.
  StateLane(const StateTarget& target, StateTable& table, env::Clock& clock, uint32_t partition)
      : target_(target), table_(table), clock_(clock), partition_(partition) {}

  // Goes on with taking the partition over for about so long. True: all that the topic has is known. After an error the
  // lane is of no more use, as after each of write() but kConflict.
  [[nodiscard]] Result<bool> take_up(env::TimeUs budget_us);
  [[nodiscard]] bool is_ready() const { return ready_; }
  // How far taking it over is, for people.
  [[nodiscard]] std::string progress() const;
  // Whether the topic had nothing in this partition. REQUIRES: is_ready(), as do those below.
  [[nodiscard]] bool was_empty() const { return end_ == 0; }

  [[nodiscard]] Result<std::optional<v1::Document>> find(const std::string& id) { return table_.find(partition_, id); }
  // The records become durable together, the rows are what they say. kConflict: nothing was written, and it may be
  // tried again.
  [[nodiscard]] Status write(std::span<const StateRecord> records, const StateRows& rows);
  // When action was asked for all profiles of the partition; 0: never, or before the table was made.
  [[nodiscard]] env::TimeUs asked_at_us() const { return mark_.asked_at_us; }
  [[nodiscard]] Status note_asked(env::TimeUs now_us);

 private:
  [[nodiscard]] Status begin();
  [[nodiscard]] Status read_some();
  [[nodiscard]] Status take_row(const cluster::Record& record, StateRows& rows, size_t& bytes);
  [[nodiscard]] Result<int64_t> end_before_writing();

  const StateTarget& target_;
  StateTable& table_;
  env::Clock& clock_;
  const uint32_t partition_;
  std::unique_ptr<cluster::Writer> writer_;
  std::unique_ptr<cluster::Reader> reader_;  // while the topic is read
  std::optional<int64_t> end_;               // of the topic when this became its writer
  int64_t began_ = 0;                        // where the table was then
  StateMark mark_;
  env::TimeUs marked_at_ = 0;
  bool ready_ = false;
};

}  // namespace freshet::sinks
