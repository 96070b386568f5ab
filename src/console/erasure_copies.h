// What is left of an erased person in topics, and in the states of workers that are other processes: looked for, never
// guessed. Topics are asked for their low watermarks; workers are asked, by a record of topic `deadletters`, to rewrite
// the files of their states, and answer by another one.
//
//   mark        where `actions` ends: records of the person are before that. Each state, and each checkpoint, must get
//               past it, which the low watermark of `actions` tells
//   scrubbed    then the files of states are rewritten, by whoever has them
//   note_ends   where topics end when that is done. Checkpoints whose files are older, and records that were made of
//               the person, are before that
//   ended       and once the low watermarks are past it, the log's own files may last a while: EventLog::lingers_us
//
// None of that happens where no record comes, so as long as somebody waits the partitions get records that say nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "env/clock.h"
#include "env/steadiness.h"
#include "eventlog/event_log.h"
#include "freshet/v1/event.pb.h"

namespace freshet::console {

struct CopiesOptions {
  // How many processes have the state of each partition, if these are not reached by this one's own steps; 0: none.
  uint32_t states = 0;
  // Topic `deadletters` of this log keeps letters until others have read them.
  bool letters_wait = false;
  // Puts a record that says nothing into each partition of the topics that are trimmed by their readers.
  std::function<Status()> nudge;
};

// Two threads use it: that of purges, and whoever hears what workers say.
class ErasureCopies {
 public:
  ErasureCopies(eventlog::EventLog& log, env::Clock& clock, CopiesOptions options)
      : log_(log), clock_(clock), options_(std::move(options)) {}

  // The thread of purges, up to ask(). What the watermarks of topics are is asked for once from here to the next such
  // call, however many erasures want to know.
  void begin_turn() { marks_.clear(); }

  // What waited in `overflow` when it was first asked has gone on, and is deleted there; with letters_wait, what was in
  // `deadletters`, too.
  [[nodiscard]] Result<bool> has_left_overflow(const v1::Erasure& erasure);
  [[nodiscard]] Status mark(v1::Erasure& erasure);
  // Of each partition: the state, and every checkpoint, is past the mark.
  [[nodiscard]] Result<bool> is_gone_from_actions(const v1::Erasure& erasure);
  // Whether workers have said so; if not, they are asked at the next ask().
  [[nodiscard]] bool states_are_scrubbed(const v1::Erasure& erasure);
  [[nodiscard]] Status note_ends(v1::Erasure& erasure);
  // Notes in the erasure when the last low watermark was seen past its end.
  [[nodiscard]] Result<bool> have_ended(v1::Erasure& erasure, const env::Steadiness& steadiness);

  // What a worker says.
  void take(const v1::StatePlaces& places);
  // To be called now and then. `wait`: whether any erasure waits for partitions to get on.
  void ask(bool wait);

 private:
  [[nodiscard]] Result<std::vector<eventlog::Watermarks>> marks_of(eventlog::Topic topic);
  [[nodiscard]] bool is_past(eventlog::Topic topic, const google::protobuf::RepeatedField<int64_t>& offsets,
                             Status& status);

  eventlog::EventLog& log_;
  env::Clock& clock_;
  const CopiesOptions options_;
  std::map<eventlog::Topic, std::vector<eventlog::Watermarks>> marks_;  // of this turn
  std::mutex mutex_;                                                    // of all that follows
  // By erasure, where these topics ended when they were first looked at; after a restart that is later, which does no
  // harm.
  std::map<std::pair<std::string, std::string>, std::vector<eventlog::Offset>> overflow_high_;  // by tenant and id
  std::map<uint32_t, std::map<std::string, int64_t>> scrubbed_;  // by partition and installation: up to where
  std::map<uint32_t, int64_t> wanted_;                           // by partition, since the last ask()
  std::map<uint32_t, int64_t> asked_;                            // what was asked for last
  env::TimeUs ask_pause_us_ = 0;
  env::TimeUs ask_due_us_ = 0;
  env::TimeUs nudge_due_us_ = 0;
};

}  // namespace freshet::console
