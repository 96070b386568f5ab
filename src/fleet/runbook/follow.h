// Follows a runbook step by step, by a journal: commands are run, mirrors started and kept running, and what only
// people can do is asked for. The way back is walked step by step, too.
//
// Each step may be done twice, so whoever was killed goes on with the journal that was left. One thread.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/names.h"
#include "base/result.h"
#include "env/clock.h"
#include "fleet/runbook/steps.h"

namespace freshet::fleet {

enum class RunbookOutcome : uint8_t { kRunning, kStopped, kDone };
[[nodiscard]] constexpr auto names_of(RunbookOutcome) {
  using enum RunbookOutcome;
  return std::to_array<Name<RunbookOutcome>>({{kRunning, "running"}, {kStopped, "stopped"}, {kDone, "done"}});
}

// Format (one JSON object, version 1): its fields by their names.
struct RunbookJournal {
  std::string runbook;  // a hash of the text: steps of another one have other numbers
  RunbookOutcome outcome = RunbookOutcome::kRunning;
  uint64_t done = 0;  // steps, the first ones
};
[[nodiscard]] std::string to_json(const RunbookJournal& journal);
// kCorrupt: it is none, or of a later release.
[[nodiscard]] Result<RunbookJournal> runbook_journal_from_json(const std::string& text);

enum class Answer : uint8_t { kDone, kBack, kStop };

// Who does what: the shell, the mirrors' processes, and people.
class RunbookHands {
 public:
  virtual ~RunbookHands() = default;
  // The exit status of a command of the shell. kFatal: it can't be run.
  [[nodiscard]] virtual Result<int> run(const std::string& command) = 0;
  // Starts the mirror of this file, if it does not run yet, also of one that was killed before. It outlives us.
  [[nodiscard]] virtual Status start_mirror(const std::string& file) = 0;
  [[nodiscard]] virtual bool mirror_runs(const std::string& file) = 0;
  [[nodiscard]] virtual Status end_mirror(const std::string& file) = 0;
  // Before a step that people have a part in, or, going back, before the step before is done: whether it is.
  [[nodiscard]] virtual Answer ask(const RunbookStep& step, bool going_back) = 0;
  virtual void tell(const std::string& line) = 0;
};

struct RunbookOptions {
  env::TimeUs again_us = 2'000'000;                   // between two tries of a check
  env::TimeUs check_max_us = 86'400'000'000;          // how long a check may fail: a copy of terabytes takes long
  std::function<Status(const RunbookJournal&)> save;  // durable when it returns
  std::function<bool()> stops;                        // asked between tries and steps
};

class RunbookFollower {
 public:
  // What is given outlives it, but for the journal.
  RunbookFollower(const std::vector<RunbookStep>& steps, RunbookHands& hands, env::Clock& clock, RunbookJournal journal,
                  RunbookOptions options)
      : steps_(steps), hands_(hands), clock_(clock), journal_(std::move(journal)), options_(std::move(options)) {}

  // To the end, or until somebody wants it to stop: journal().outcome says which. kFatal: a step can't be done, and
  // which; the journal is at that one.
  [[nodiscard]] Status run();
  // Walks back from where the journal is, as long as people say so.
  [[nodiscard]] Status back();
  [[nodiscard]] const RunbookJournal& journal() const { return journal_; }

 private:
  [[nodiscard]] Status one(const RunbookStep& step);
  [[nodiscard]] Status check(const RunbookStep& step);
  [[nodiscard]] Status keep_mirrors();
  [[nodiscard]] std::set<std::string> mirrors_of(uint64_t steps) const;
  [[nodiscard]] Status end_mirrors(const std::set<std::string>& but);
  [[nodiscard]] Status stop();
  [[nodiscard]] Status save() { return options_.save(journal_); }

  const std::vector<RunbookStep>& steps_;
  RunbookHands& hands_;
  env::Clock& clock_;
  RunbookJournal journal_;
  const RunbookOptions options_;
  bool wants_back_ = false;
};

}  // namespace freshet::fleet
