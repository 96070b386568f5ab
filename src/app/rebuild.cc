// How it is known that all has been said: each step of a partition asks for the next one in the same transaction in
// which it is committed. So where action has nothing left to do in a partition, its last step is behind it.
#include "app/rebuild.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "action/control.h"
#include "action/worker_options.h"
#include "app/log.h"
#include "app/small_file.h"
#include "kv/store.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

using eventlog::Topic;

constexpr std::string_view kMarkDamaged = "why: damaged\n";
constexpr std::string_view kMarkUnused = "why: unused\n";
constexpr std::string_view kMarkLoss = "why: loss\n";
constexpr std::string_view kMarkBegun = "begun\n";

std::string mark_path(const std::string& data_dir) { return data_dir + "/profiles.rebuild"; }

telemetry::Gauge& rebuilding() {
  static telemetry::Gauge& gauge =
      telemetry::gauge("freshet_profiles_rebuilding", "1: the profile store is being made anew from action's state.");
  return gauge;
}

// A damaged mark is one all the same. nullopt: there is none.
Result<std::optional<std::string>> read_mark(const std::string& data_dir) {
  const auto file = read_small_file(mark_path(data_dir));
  if (file) return *file ? std::optional<std::string>((*file)->text) : std::nullopt;
  if (file.error().code != Code::kCorrupt) return tl::unexpected(file.error());
  FRESHET_TRY(remove_small_file(mark_path(data_dir)));
  FRESHET_TRY(mark_rebuild(data_dir, RebuildReason::kDamaged));
  return std::string(kMarkDamaged);
}

}  // namespace

Status ask_for_profiles(eventlog::EventLog& log, uint32_t partitions, env::TimeUs now_us, uint64_t raise) {
  const std::string record = action::republish_record(now_us, raise).SerializeAsString();
  std::vector<eventlog::Produce> batches(partitions);
  for (uint32_t p = 0; p < partitions; ++p) {
    batches[p].to = {Topic::kActions, p};
    batches[p].records.add({}, record);
  }
  return append(log, std::move(batches));
}

Status mark_rebuild(const std::string& data_dir, RebuildReason why) {
  return write_small_file(mark_path(data_dir), why == RebuildReason::kDamaged ? kMarkDamaged : kMarkLoss);
}

Status mark_unused(const std::string& data_dir) {
  FRESHET_ASSIGN(const auto mark, read_mark(data_dir));
  // What the log has lost stays true: the store of another process may know more than action does.
  const bool loss = mark && mark->starts_with(kMarkLoss);
  const std::string_view wanted = loss ? kMarkLoss : kMarkUnused;
  return mark && *mark == wanted ? Status{} : write_small_file(mark_path(data_dir), wanted);
}

void remove_unused(const std::string& data_dir) {
  for (const char* name : {"/profiles", "/profiles.synced"}) {
    const std::string path = data_dir + name;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) continue;
    std::filesystem::remove_all(path, error);
    if (error) {
      log::error("{}: can't be removed: {}; it has copies of profiles that nobody erases", path, error.message());
    } else {
      log::warn("profiles are read from action's state: {}, a copy of them, is removed", path);
    }
  }
}

Status set_marked_aside(const std::string& data_dir) {
  FRESHET_ASSIGN(const auto mark, read_mark(data_dir));
  if (!mark || mark->ends_with(kMarkBegun)) return {};
  std::error_code error;
  if (std::filesystem::exists(data_dir + "/profiles", error)) {
    FRESHET_ASSIGN(const std::string aside, kv::set_aside(data_dir + "/profiles"));
    log::error("the profile store is made anew from action's state; the one before lies in {}", aside);
  } else {
    log::info("profiles were read from action's state: a store is made of it");
  }
  return write_small_file(mark_path(data_dir), *mark + std::string(kMarkBegun));
}

Result<std::unique_ptr<ProfileRebuild>> ProfileRebuild::begin(const Config& config, eventlog::EventLog& log,
                                                              env::Clock& clock) {
  rebuilding().set(0);
  // Where the state is read the mark is for a store to come.
  if (!config.roles.reaction || profiles_kind(config) == Config::Profiles::Kind::kState) return nullptr;
  FRESHET_ASSIGN(const auto mark, read_mark(config.data_dir));
  if (!mark) return nullptr;
  const uint64_t raise = mark->starts_with(kMarkLoss) ? action::kRaiseMost : 0;
  FRESHET_TRY(ask_for_profiles(log, config.log.partitions, clock.now_us(), raise));
  rebuilding().set(1);
  return std::unique_ptr<ProfileRebuild>(new ProfileRebuild(config, log));
}

Status ProfileRebuild::step(const std::vector<eventlog::Position>& readable, docstore::DocStore& store) {
  if (done_) return {};
  look_at_action();
  look_at_reaction(readable);
  if (!std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.written; })) return {};
  // The mark goes when nothing can be lost any more.
  FRESHET_TRY(store.sync());
  FRESHET_TRY(remove_small_file(mark_path(data_dir_)));
  rebuilding().set(0);
  done_ = true;
  log::info("the profile store is whole again");
  return {};
}

// The commits are read before the watermarks: what comes in between counts as not done.
void ProfileRebuild::look_at_action() {
  const auto committed = log_.all_committed(action::kActionGroup, Topic::kActions);
  const auto actions = log_.all_watermarks(Topic::kActions);
  const auto changes = log_.all_watermarks(Topic::kChanges);
  if (!committed || !actions || !changes) return;  // It is asked again.
  for (size_t p = 0; p < parts_.size() && p < committed->size() && p < actions->size() && p < changes->size(); ++p) {
    if (!parts_[p].changes_to && (*committed)[p].value_or(0) >= (*actions)[p].high)
      parts_[p].changes_to = (*changes)[p].high;
  }
}

void ProfileRebuild::look_at_reaction(const std::vector<eventlog::Position>& readable) {
  for (const eventlog::Position& position : readable) {
    if (position.of.partition >= parts_.size()) continue;
    Part& part = parts_[position.of.partition];
    part.written = part.written || (part.changes_to && position.next >= *part.changes_to);
  }
}

}  // namespace freshet::app
