// The profile store made anew from what action knows. A store that was damaged is set aside; action says every profile
// whole (action/republish.h), and reaction writes them. Until all of them are there, one that is not found may still
// come. That it is under way stands in the file `profiles.rebuild`, so that a crash on the way begins it again.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// Why profiles have to be made anew.
enum class RebuildReason : uint8_t {
  kDamaged,    // the store can't be opened, or not all of it can be read
  kAfterLoss,  // the log has lost records: the store may know what action no longer does
};

// Asks action to say every profile whole, at a version that is higher by `raise` and one.
[[nodiscard]] Status ask_for_profiles(eventlog::EventLog& log, uint32_t partitions, env::TimeUs now_us,
                                      uint64_t raise = 0);

// From here on a start makes the profiles anew.
[[nodiscard]] Status mark_rebuild(const std::string& data_dir, RebuildReason why);
// Profiles are read from action's state: a store that is opened later, by whatever release, is made anew. What one from
// before has is out of date from now on, and nobody is erased there: remove_unused() takes it away, once all runs.
[[nodiscard]] Status mark_unused(const std::string& data_dir);
void remove_unused(const std::string& data_dir);
// Before the profile store is opened: sets it aside if it has to be made anew and that has not begun.
[[nodiscard]] Status set_marked_aside(const std::string& data_dir);

// The rebuild under way. step() is used by one thread.
class ProfileRebuild {
 public:
  // Asks action for every profile, if there is a mark; nullptr: there is none.
  [[nodiscard]] static Result<std::unique_ptr<ProfileRebuild>> begin(const Config& config, eventlog::EventLog& log,
                                                                     env::Clock& clock);
  // Looks how far it is. `readable`: up to where reaction's changes can be read.
  [[nodiscard]] Status step(const std::vector<eventlog::Position>& readable, docstore::DocStore& store);
  [[nodiscard]] bool done() const { return done_; }

 private:
  // What a partition waits for.
  struct Part {
    std::optional<eventlog::Offset> changes_to;  // behind the last of them
    bool written = false;
  };

  ProfileRebuild(const Config& config, eventlog::EventLog& log)
      : data_dir_(config.data_dir), log_(log), parts_(config.log.partitions) {}
  void look_at_action();
  void look_at_reaction(const std::vector<eventlog::Position>& readable);

  const std::string data_dir_;
  eventlog::EventLog& log_;
  std::vector<Part> parts_;
  std::atomic<bool> done_{false};
};

}  // namespace freshet::app
