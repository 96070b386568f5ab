// Rebuilds an installation for another number of partitions. Everything is made in a folder beside
// and put in place at the end, so a failure at any step leaves nothing that could be started by
// mistake, and the same command goes on or begins anew.

#include "app/repartition.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "action/worker_options.h"
#include "app/checkpoints.h"
#include "app/drained.h"
#include "app/installation.h"
#include "app/log.h"
#include "app/log_move.h"
#include "app/rebuild.h"
#include "app/small_file.h"
#include "base/assert.h"
#include "ingest/overflow/lane_key.h"
#include "kv/store.h"
#include "kv/unchanged.h"
#include "reaction/reactor_options.h"
#include "state/checkpoint/catalog.h"
#include "state/repartition.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;
using eventlog::Topic;

constexpr const char* kRebuilding = "rebuilding";
constexpr const char* kRestoreName = "checkpoint-restore";  // what this process is called at the brokers
constexpr size_t kRebuildStoresBytes = 128u << 20;
constexpr size_t kRowsMemoryBytesMin = 256u << 20;  // that wait to be written
constexpr uint32_t kThreadsMax = 16;
constexpr uint32_t kFetchesMax = 8;  // of partitions, at once
// Processes that have just been stopped count as members of their groups for a while.
constexpr env::TimeUs kLeaveWaitUs = 60'000'000;
constexpr env::TimeUs kLeaveLookUs = 500'000;
constexpr const char* kWhole = "whole";  // in the folder beside: all is made, and what is missing is to put it in place

Status ran(const std::error_code& error, const std::string& path) {
  if (error) return fail(Code::kFatal, fmt::format("{}: {}", path, error.message()));
  return {};
}

std::string whole_file(const std::string& data_dir) { return data_dir + "/" + kRebuilding + "/" + kWhole; }

// A directory may have nothing but what an earlier try has left: that has put a part of it in place once all was made.
Status check_is_empty(const std::string& directory) {
  std::error_code error;
  if (fs::exists(whole_file(directory), error)) return {};
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    if (at->path().filename() != kRebuilding)
      return fail(Code::kInvalid, fmt::format("{} is not empty: --into takes a new data directory", directory));
  return error && error != std::errc::no_such_file_or_directory ? ran(error, directory) : Status{};
}

uint32_t threads() { return std::clamp(std::thread::hardware_concurrency(), 1u, kThreadsMax); }

// Does the work of each number below `count`, so many of them at once, until one fails. Returns the first failure.
Status in_parallel(uint32_t count, uint32_t at_once, const std::function<Status(uint32_t)>& work) {
  std::atomic<uint32_t> next{0};
  std::mutex mutex;
  Status first;  // guarded by the mutex
  const auto run = [&] {
    for (uint32_t n = next++; n < count; n = next++) {
      Status done = work(n);
      if (done) continue;
      next = count;
      const std::lock_guard lock(mutex);
      if (first) first = std::move(done);
    }
  };
  std::vector<std::thread> others;
  for (uint32_t thread = 1; thread < std::min(at_once, count); ++thread) others.emplace_back(run);
  run();
  for (std::thread& thread : others) thread.join();
  return first;
}

class Rebuild {
 public:
  Rebuild(const Config& before, const Config& after, objectstore::ObjectStore& checkpoints, objectstore::Pace& pace,
          ProgressBar& bar)
      : before_(before), after_(after), made_(after), checkpoints_(checkpoints), pace_(pace), bar_(bar) {
    made_.data_dir = after.data_dir + "/" + kRebuilding;
  }

  // Each step needs what those before it have found.
  Status run() {
    FRESHET_TRY(check_is_empty(after_.data_dir));
    FRESHET_TRY(lock());
    FRESHET_TRY(find());
    FRESHET_TRY(open_old_log());
    if (!is_embedded()) FRESHET_TRY(open_new_log(after_));
    FRESHET_ASSIGN(const bool was_made, was_cut_short());
    if (move_ != nullptr && move_->has_arrived()) {
      if (was_made) return finish();
      return fail(Code::kInvalid, fmt::format("the topics under \"{}\" have their state already: configure them and "
                                              "start action",
                                              after_.log.topic_prefix));
    }
    if (move_ != nullptr && move_->is_announced()) FRESHET_TRY(wait_until_left());
    FRESHET_TRY(check_drained(*old_log_, before_, offsets()));
    if (!was_made) FRESHET_TRY(make());
    return finish();
  }

  [[nodiscard]] const Rebuilt& done() const { return done_; }

 private:
  [[nodiscard]] bool is_embedded() const { return before_.log.kind == Config::LogKind::kEmbedded; }
  [[nodiscard]] bool reads_state() const { return profiles_kind(before_) == Config::Profiles::Kind::kState; }
  [[nodiscard]] std::string fetched_directory(uint32_t partition) const {
    return fmt::format("{}/before/{:04}", made_.data_dir, partition);
  }

  // A process that runs on an embedded log is the only one, so its lock keeps it from starting
  // meanwhile.
  Status lock() {
    if (!is_embedded()) return {};
    std::error_code error;
    if (!fs::exists(log_directory(before_), error))
      return fail(Code::kNotFound,
                  fmt::format("{}: there is no log, so nobody can tell whether its records are in the checkpoints",
                              log_directory(before_)));
    FRESHET_ASSIGN(old_installation_, Installation::open(before_.data_dir, env::real_random()));
    return {};
  }

  // Finds the newest checkpoint of each partition: an older one can't have everything.
  Status find() {
    for (uint32_t p = 0; p < before_.log.partitions; ++p) {
      FRESHET_ASSIGN(auto found, state::find_checkpoints(checkpoints_, p));
      if (found.empty())
        return fail(Code::kNotFound, fmt::format("partition {}: no checkpoint at {}", p, checkpoints_.where()));
      if (!found.front().manifest) return tl::unexpected(found.front().manifest.error());
      newest_.push_back(std::move(*found.front().manifest));
    }
    FRESHET_ASSERT(newest_.size() == before_.log.partitions);
    return {};
  }

  Status open_old_log() {
    FRESHET_ASSIGN(auto log, open_log(before_, kRestoreName, env::real_clock()));
    old_log_ = std::move(log);
    for (const Topic topic : {Topic::kActions, Topic::kChanges}) {
      const uint32_t found = old_log_->partitions(topic);
      if (found < before_.log.partitions)
        return fail(Code::kInvalid, fmt::format("topic {} has {} partitions, the configuration says {}: --config takes "
                                                "the one that has run until now",
                                                name_of(topic), found, before_.log.partitions));
      FRESHET_TRY(check_added(topic, found));
    }
    return {};
  }

  // Partitions that somebody has added to the topics: no process with this configuration has ever written to them.
  Status check_added(Topic topic, uint32_t found) {
    for (uint32_t p = before_.log.partitions; p < found; ++p) {
      FRESHET_ASSIGN(const auto used, has_more(*old_log_, {topic, p}, 0));
      if (used)
        return fail(Code::kInvalid,
                    fmt::format("topic {} has {} partitions, the configuration says {}, and partition {} has records: "
                                "--config takes the one that has run until now",
                                name_of(topic), found, before_.log.partitions, p));
    }
    return {};
  }

  [[nodiscard]] std::vector<eventlog::Offset> offsets() const {
    std::vector<eventlog::Offset> out;
    for (const v1::Checkpoint& checkpoint : newest_) out.push_back(checkpoint.next_offset());
    return out;
  }

  Status open_new_log(const Config& config) {
    FRESHET_ASSIGN(auto log, open_log(config, std::string(kRestoreName) + "-to", env::real_clock()));
    new_log_ = std::move(log);
    move_ = std::make_unique<LogMove>(before_, after_, *old_log_, *new_log_);
    FRESHET_TRY(move_->look());
    return move_->check_to();
  }

  // Where others may send meanwhile, nobody may be left who works with the old topics: what he still writes there would
  // be lost.
  Status wait_until_left() {
    env::Clock& clock = env::real_clock();
    for (const env::TimeUs until = clock.monotonic_us() + kLeaveWaitUs;;) {
      std::string left;
      for (const char* group : {ingest::kDrainGroup, action::kActionGroup, reaction::kReactionGroup}) {
        FRESHET_ASSIGN(const auto members, old_log_->members(group));
        for (const std::string& member : members) left += (left.empty() ? "" : ", ") + member;
      }
      if (left.empty()) return {};
      if (clock.monotonic_us() > until)
        return fail(Code::kConflict,
                    fmt::format("processes still work with the topics under \"{}\": {}; those with role "
                                "ingest alone start again with the new configuration, all others stop",
                                before_.log.topic_prefix, left));
      bar_.show("waiting for processes to leave", 0, 1);
      clock.sleep_us(kLeaveLookUs);
    }
  }

  // What the rebuilt state is of: a later try may go on with it only if all of that is the same.
  [[nodiscard]] std::string made_of() const {
    std::string text =
        fmt::format("partitions: {}\ntopic_prefix: {}\n", after_.log.partitions, after_.log.topic_prefix);
    for (const v1::Checkpoint& checkpoint : newest_)
      text += fmt::format("checkpoint: {} {}\n", checkpoint.partition(), checkpoint.next_offset());
    return text;
  }

  // Whether an earlier try has made all of it and was ended while it put that in place.
  Result<bool> was_cut_short() const {
    FRESHET_ASSIGN(const auto file, read_small_file(whole_file(after_.data_dir)));
    if (!file) return false;
    if (file->text == made_of()) return true;
    return fail(Code::kInvalid, fmt::format("{} has a part of a state that was rebuilt of other checkpoints, or for "
                                            "other topics: --into takes another directory",
                                            after_.data_dir));
  }

  Status make() {
    FRESHET_TRY(begin());
    env::Clock& clock = env::real_clock();
    const env::TimeUs began_us = clock.monotonic_us();
    FRESHET_TRY(fetch());
    const env::TimeUs fetched_us = clock.monotonic_us();
    FRESHET_TRY(rebuild());
    done_.fetch_us = fetched_us - began_us;
    done_.rebuild_us = clock.monotonic_us() - fetched_us;
    for (const char* name : {"profiles", "imports", "letters"}) FRESHET_TRY(bring(name));
    // What is made may get a profile store, which has to be made of the states then.
    if (reads_state()) FRESHET_TRY(mark_unused(made_.data_dir));
    // The embedded log is a part of what is put in place.
    if (is_embedded()) {
      FRESHET_TRY(open_new_log(made_));
      FRESHET_TRY(move_->begin());
      FRESHET_TRY(move_->arrive());
      move_.reset();
      new_log_.reset();
    }
    installation_.reset();
    return write_small_file(whole_file(after_.data_dir), made_of());
  }

  Status begin() {
    std::error_code error;
    // What an earlier try has left is of no use.
    fs::remove_all(made_.data_dir, error);
    FRESHET_TRY(ran(error, made_.data_dir));
    FRESHET_ASSIGN(installation_, Installation::open(made_.data_dir, env::real_random()));
    FRESHET_ASSIGN(const auto key, state::agree_on_hash_key(checkpoints_, installation_->hash_key()));
    return installation_->adopt_hash_key(key, "the checkpoints at " + checkpoints_.where());
  }

  // Fetches the checkpoints; each file's hash is compared on the way.
  Status fetch() {
    const state::CheckpointIdentity identity{before_.log.partitions,
                                             state::installation_fingerprint(installation_->hash_key())};
    std::error_code error;
    fs::create_directories(made_.data_dir + "/before", error);
    FRESHET_TRY(ran(error, made_.data_dir));
    uint64_t total = 0;
    for (const v1::Checkpoint& checkpoint : newest_) {
      FRESHET_TRY(state::check_identity(checkpoint, identity, checkpoints_.where()));
      total += state::total_bytes(checkpoint);
    }
    uint64_t done = 0;
    std::mutex mutex;  // of `done` and the bar
    return in_parallel(before_.log.partitions, std::min(threads(), kFetchesMax), [&](uint32_t p) {
      uint64_t of_this = 0;
      return state::fetch_checkpoint(checkpoints_, newest_[p], fetched_directory(p), pace_,
                                     [&](uint64_t done_of_this, uint64_t) {
                                       const std::lock_guard lock(mutex);
                                       done += done_of_this - std::exchange(of_this, done_of_this);
                                       bar_.show("fetching the checkpoints", done, total);
                                     });
    });
  }

  using OpenStore = Result<std::unique_ptr<kv::Store>> (*)(const kv::Options&);
  Result<std::vector<std::unique_ptr<kv::Store>>> open_stores(OpenStore open, uint32_t partitions,
                                                              const std::function<std::string(uint32_t)>& directory) {
    std::vector<std::unique_ptr<kv::Store>> stores;
    for (uint32_t p = 0; p < partitions; ++p) {
      kv::Options options;
      options.path = directory(p);
      options.memory = memory_;
      FRESHET_ASSIGN(auto store, open(options));
      stores.push_back(std::move(store));
    }
    return stores;
  }

  Status rebuild() {
    std::error_code error;
    fs::create_directories(made_.data_dir + "/state", error);
    FRESHET_TRY(ran(error, made_.data_dir));
    FRESHET_ASSIGN(const auto from, open_stores(kv::open_rocks_unchanged, before_.log.partitions,
                                                [this](uint32_t p) { return fetched_directory(p); }));
    FRESHET_ASSIGN(const auto into, open_stores(kv::open_rocks, made_.log.partitions,
                                                [this](uint32_t p) { return state_directory(made_, p); }));
    const auto pointers = [](const auto& stores) {
      std::vector<kv::Store*> out;
      for (const auto& store : stores) out.push_back(store.get());
      return out;
    };
    state::RepartitionOptions options;
    options.threads = threads();
    // Action does not run meanwhile, so half of what it would take is free.
    options.memory_bytes = std::max<size_t>(before_.state.memory_bytes / 2, kRowsMemoryBytesMin);
    uint64_t bytes = 0;
    for (const v1::Checkpoint& checkpoint : newest_) bytes += state::total_bytes(checkpoint);
    options.progress = [this, bytes](double part) {
      bar_.show("rebuilding", static_cast<uint64_t>(part * static_cast<double>(bytes)), bytes);
    };
    FRESHET_ASSIGN(const auto moved, state::repartition(pointers(from), pointers(into), options));
    done_.rows = moved.rows;
    done_.bytes = moved.bytes;
    return {};
  }

  // Copies what else the old data directory has; nobody uses it now.
  Status bring(const std::string& name) {
    const std::string from = before_.data_dir + "/" + name;
    std::error_code error;
    if (!fs::exists(from, error)) return ran(error, from);
    bar_.show("copying " + name, 0, 1);
    fs::copy(from, made_.data_dir + "/" + name, fs::copy_options::recursive, error);
    return ran(error, from);
  }

  // All is made. On Kafka the logs are told behind it, as action may start then.
  Status finish() {
    FRESHET_TRY(put_in_place());
    if (move_ != nullptr && !move_->has_arrived()) {
      FRESHET_TRY(move_->is_announced() ? move_->copy() : move_->begin());
      // The last look: nothing came while all this went on.
      FRESHET_TRY(check_drained(*old_log_, before_, offsets()));
    }
    if (move_ != nullptr) FRESHET_TRY(move_->arrive());
    std::error_code error;
    fs::remove_all(made_.data_dir, error);
    return ran(error, made_.data_dir);
  }

  // The state comes last: without it the directory would start as a new installation, and with it
  // everything else is there.
  Status put_in_place() {
    std::error_code error;
    fs::remove_all(made_.data_dir + "/before", error);
    for (const char* name : {"profiles", "profiles.rebuild", "imports", "letters", "log", "installation", "state"})
      if (!error && fs::exists(made_.data_dir + "/" + name, error))
        fs::rename(made_.data_dir + "/" + name, after_.data_dir + "/" + name, error);
    return ran(error, after_.data_dir);
  }

  const Config& before_;
  const Config& after_;
  Config made_;  // `after` in the folder beside, until it is whole
  objectstore::ObjectStore& checkpoints_;
  objectstore::Pace& pace_;
  ProgressBar& bar_;
  const std::shared_ptr<kv::MemoryBudget> memory_ = kv::make_memory_budget(kRebuildStoresBytes);
  std::vector<v1::Checkpoint> newest_;
  Rebuilt done_;
  std::unique_ptr<Installation> old_installation_, installation_;
  std::unique_ptr<eventlog::EventLog> old_log_, new_log_;
  std::unique_ptr<LogMove> move_;  // null as long as there is no new log
};

}  // namespace

Result<Rebuilt> rebuild_for_partitions(const Config& before, const Config& after, objectstore::ObjectStore& checkpoints,
                                       objectstore::Pace& pace, ProgressBar& bar) {
  Rebuild rebuild(before, after, checkpoints, pace, bar);
  const Status done = rebuild.run();
  bar.clear();
  if (!done) return tl::unexpected(done.error());
  return rebuild.done();
}

}  // namespace freshet::app
