#include "fleet/runbook/follow.h"

#include <fmt/core.h>
#include <simdjson.h>

#include "base/json_writer.h"
#include "fleet/journal_text.h"

namespace freshet::fleet {
namespace {

constexpr int64_t kRunbookVersion = 1;
constexpr int kLooksWell = 1;  // lint and watch: something is found, which is for people to judge

RunbookJournal runbook_from(const simdjson::dom::element& value) {
  RunbookJournal journal;
  journal.runbook = std::string(std::string_view(value["runbook"]));
  const auto outcome = parse_name<RunbookOutcome>(std::string_view(value["outcome"]));
  if (!outcome) throw simdjson::simdjson_error(simdjson::INCORRECT_TYPE);
  journal.outcome = *outcome;
  journal.done = uint64_t{value["done"]};
  return journal;
}

}  // namespace

std::string to_json(const RunbookJournal& journal) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("version", kRunbookVersion)
      .member("runbook", journal.runbook)
      .member("outcome", name_of(journal.outcome))
      .member("done", journal.done)
      .end_object();
  return out;
}

Result<RunbookJournal> runbook_journal_from_json(const std::string& text) {
  return read_journal_text(text, kRunbookVersion, &runbook_from);
}

// Those that the first steps have started and not ended.
std::set<std::string> RunbookFollower::mirrors_of(uint64_t steps) const {
  std::set<std::string> out;
  for (uint64_t i = 0; i < steps && i < steps_.size(); ++i) {
    if (steps_[i].kind == StepKind::kMirror) out.insert(steps_[i].mirror);
    if (steps_[i].kind == StepKind::kMirrorsEnd) out.clear();
  }
  return out;
}

// One that has ended is started again: it goes on where its last transaction was.
Status RunbookFollower::keep_mirrors() {
  for (const std::string& file : mirrors_of(journal_.done)) {
    if (hands_.mirror_runs(file)) continue;
    hands_.tell(file + " does not run any more: it is started again");
    FRESHET_TRY(hands_.start_mirror(file));
  }
  return {};
}

// Those that were started last first: the ones back.
Status RunbookFollower::end_mirrors(const std::set<std::string>& but) {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    const bool ends = step->kind == StepKind::kMirror && !but.contains(step->mirror);
    if (ends && hands_.mirror_runs(step->mirror)) FRESHET_TRY(hands_.end_mirror(step->mirror));
  }
  return {};
}

Status RunbookFollower::check(const RunbookStep& step) {
  const env::TimeUs until = clock_.monotonic_us() + options_.check_max_us;
  int last = 0;
  while (true) {
    FRESHET_TRY(keep_mirrors());
    FRESHET_ASSIGN(const int status, hands_.run(step.command));
    if (status == 0) return {};
    if (options_.stops()) return stop();
    if (clock_.monotonic_us() > until)
      return fail(Code::kFatal, fmt::format("\"{}\" fails with status {}: {}", step.what, status, step.command));
    if (status != last) hands_.tell(fmt::format("not yet (status {}); it is tried again", status));
    last = status;
    clock_.sleep_us(options_.again_us);
  }
}

Status RunbookFollower::stop() {
  journal_.outcome = RunbookOutcome::kStopped;
  return save();
}

Status RunbookFollower::one(const RunbookStep& step) {
  if (step.by_people) {
    const Answer answer = hands_.ask(step, false);
    wants_back_ = answer == Answer::kBack;
    if (answer != Answer::kDone) return stop();
  }
  switch (step.kind) {
    case StepKind::kPeople: return {};
    case StepKind::kMirror: return hands_.start_mirror(step.mirror);
    case StepKind::kMirrorsEnd: return end_mirrors({});
    case StepKind::kCheck: return check(step);
    case StepKind::kLook: break;
  }
  if (step.command.empty()) return {};
  FRESHET_ASSIGN(const int status, hands_.run(step.command));
  if (status > kLooksWell)
    return fail(Code::kFatal, fmt::format("\"{}\" fails with status {}: {}", step.what, status, step.command));
  return {};
}

Status RunbookFollower::run() {
  journal_.outcome = RunbookOutcome::kRunning;
  FRESHET_TRY(save());
  while (journal_.done < steps_.size()) {
    if (options_.stops()) return stop();
    const RunbookStep& step = steps_[journal_.done];
    if (journal_.done == 0 || steps_[journal_.done - 1].part != step.part) hands_.tell("\n" + step.part);
    hands_.tell(fmt::format("{}/{}: {}", journal_.done + 1, steps_.size(), step.what));
    FRESHET_TRY(keep_mirrors());
    FRESHET_TRY(one(step));
    if (wants_back_) return back();
    if (journal_.outcome != RunbookOutcome::kRunning) return {};
    ++journal_.done;
    FRESHET_TRY(save());
  }
  journal_.outcome = RunbookOutcome::kDone;
  return save();
}

// From the last step that is done. One that only looked has no way back, and needs none.
Status RunbookFollower::back() {
  journal_.outcome = RunbookOutcome::kStopped;
  while (journal_.done > 0) {
    const RunbookStep& step = steps_[journal_.done - 1];
    if (step.kind == StepKind::kMirrorsEnd) {
      hands_.tell("the mirrors are ended: from here on there is no way back");
      break;
    }
    if (!step.way_back.empty() && hands_.ask(step, true) != Answer::kBack) break;
    --journal_.done;
    FRESHET_TRY(save());
    // A mirror that an earlier step needs goes on.
    if (step.kind == StepKind::kMirror) FRESHET_TRY(end_mirrors(mirrors_of(journal_.done)));
  }
  return save();
}

}  // namespace freshet::fleet
