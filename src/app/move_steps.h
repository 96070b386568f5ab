// How far an installation's way from one log to another is, as topic `schema` of either tells it (`Move` in
// event.proto; docs/operations/checkpoints.md), and what that means for whoever works with the log.
#pragma once

#include <atomic>
#include <string>

#include "app/config.h"
#include "base/result.h"
#include "eventlog/event_log.h"
#include "freshet/v1/event.pb.h"

namespace freshet::app {

// One thread takes and asks; what is thread-safe says so.
class MoveSteps {
 public:
  // A step that does not follow from where the log is changes nothing.
  void take(const v1::Move& move);

  // UNSPECIFIED: nobody is on any way. Thread-safe.
  [[nodiscard]] v1::Move::Step at() const { return at_.load(std::memory_order_relaxed); }
  // The log was made for a state that there was before: one without a single record is none of its partitions.
  // Thread-safe.
  [[nodiscard]] bool begins_with_state() const { return begins_with_state_.load(std::memory_order_relaxed); }
  // The prefix of the other log.
  [[nodiscard]] const std::string& other_prefix() const { return other_prefix_; }
  // Topic `imports` of the log before is in this one up to there.
  [[nodiscard]] eventlog::Offset imports_next() const { return imports_next_; }

  // kInvalid: nobody may work with this log any more; says where the installation is.
  [[nodiscard]] Status check_open() const;
  // kConflict: no revision can be claimed here now; says where.
  [[nodiscard]] Status check_claims() const;

 private:
  std::atomic<v1::Move::Step> at_{v1::Move::STEP_UNSPECIFIED};
  std::atomic<bool> begins_with_state_{false};
  std::string other_prefix_;
  eventlog::Offset imports_next_ = 0;
};

// What comes while a log waits for its state, and until that is done, is kept however much it is: senders notice
// nothing of the way.
[[nodiscard]] bool catches_up(v1::Move::Step step);
// What would be written there nobody would ever read.
[[nodiscard]] bool is_abandoned(v1::Move::Step step);
// kInvalid: action can't start, as the log has no state yet; says what to do.
[[nodiscard]] Status check_has_state(v1::Move::Step step, const Config::Log& log);

}  // namespace freshet::app
