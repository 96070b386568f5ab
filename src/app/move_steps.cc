#include "app/move_steps.h"

#include <fmt/core.h>

#include <algorithm>

namespace freshet::app {

using v1::Move;

namespace {

// Whether a log that is at `now` can take the step.
bool follows(Move::Step now, Move::Step step) {
  switch (step) {
    // Whoever is at home here may leave; one whose records still wait may not.
    case Move::LEAVING: return now == Move::STEP_UNSPECIFIED || now == Move::CAUGHT_UP;
    case Move::LEFT: return now == Move::LEAVING;
    case Move::AWAITED: return now == Move::STEP_UNSPECIFIED;
    case Move::ARRIVED: return now == Move::AWAITED;
    case Move::CAUGHT_UP: return now == Move::ARRIVED;
    case Move::CALLED_OFF: return now == Move::LEAVING || now == Move::AWAITED;
    default: return false;
  }
}

}  // namespace

void MoveSteps::take(const Move& move) {
  imports_next_ = std::max<eventlog::Offset>(imports_next_, move.imports_next());
  const Move::Step now = at();
  if (!follows(now, move.step())) return;
  // An old log that nobody leaves any more is as it was.
  const bool stays = move.step() == Move::CALLED_OFF && now == Move::LEAVING;
  at_ = stays ? Move::STEP_UNSPECIFIED : move.step();
  if (move.step() == Move::AWAITED) begins_with_state_ = true;
  if (move.step() == Move::AWAITED || move.step() == Move::LEAVING) other_prefix_ = move.prefix();
}

Status MoveSteps::check_open() const {
  if (at() == Move::LEFT)
    return fail(Code::kInvalid,
                fmt::format("log.kafka.topic_prefix: this installation has gone to the topics under \"{}\": configure "
                            "that prefix, and their number in log.partitions",
                            other_prefix_));
  if (at() == Move::CALLED_OFF)
    return fail(Code::kInvalid,
                fmt::format("log.kafka.topic_prefix: the move to these topics was called off: configure \"{}\" again",
                            other_prefix_));
  return {};
}

Status MoveSteps::check_claims() const {
  if (at() != Move::LEAVING && at() != Move::LEFT) return {};
  return fail(Code::kConflict,
              fmt::format("this installation is on its way to the topics under \"{}\": tenants and rules are changed "
                          "at a process that has them in its configuration",
                          other_prefix_));
}

bool catches_up(Move::Step step) { return step == Move::AWAITED || step == Move::ARRIVED; }

bool is_abandoned(Move::Step step) { return step == Move::LEFT || step == Move::CALLED_OFF; }

Status check_has_state(Move::Step step, const Config::Log& log) {
  if (step != Move::AWAITED) return {};
  return fail(
      Code::kInvalid,
      fmt::format("the topics under \"{}\" wait for their state: `freshet checkpoint restore --partitions {} "
                  "--into DIRECTORY --topic-prefix {}` with the configuration of the old ones, then start action",
                  log.topic_prefix, log.partitions, log.topic_prefix));
}

}  // namespace freshet::app
