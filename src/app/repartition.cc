// Rebuilds an installation for another number of partitions. Everything is made in a folder beside
// and put in place at the end, so a failure at any step leaves the old installation as it is and
// nothing that could be started by mistake.

#include "app/repartition.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "action/worker_options.h"
#include "app/agreement.h"
#include "app/checkpoints.h"
#include "app/installation.h"
#include "app/log.h"
#include "app/rebuild.h"
#include "base/assert.h"
#include "kv/store.h"
#include "reaction/reactor_options.h"
#include "state/checkpoint/catalog.h"
#include "state/repartition.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;
using eventlog::Topic;

constexpr const char* kRebuilding = "rebuilding";
constexpr const char* kName = "checkpoint-restore";  // what this process is called at the brokers
constexpr size_t kStoreMemoryBytes = 128u << 20;
constexpr const char* kHowToDrain =
    "stop what sends, wait until /v1/status shows no lag, stop freshet, `freshet checkpoint create`, and try again";

Status ran(const std::error_code& error, const std::string& path) {
  if (error) return fail(Code::kFatal, fmt::format("{}: {}", path, error.message()));
  return {};
}

// A directory may have nothing but what an earlier try has left.
Status check_is_empty(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    if (at->path().filename() != kRebuilding)
      return fail(Code::kInvalid, fmt::format("{} is not empty: --into takes a new data directory", directory));
  return error && error != std::errc::no_such_file_or_directory ? ran(error, directory) : Status{};
}

// Whether a record lies at or after `from`.
Result<bool> has_more(eventlog::EventLog& log, eventlog::TopicPartition of, eventlog::Offset from) {
  bool found = false;
  const auto read = read_to_end(log, of, from, [&](const eventlog::Fetched&) -> Result<bool> {
    found = true;
    return false;
  });
  if (!read) return tl::unexpected(read.error());
  return found;
}

class Rebuild {
 public:
  Rebuild(const Config& before, const Config& after, objectstore::ObjectStore& checkpoints, objectstore::Pace& pace,
          ProgressBar& bar)
      : before_(before), after_(after), made_(after), checkpoints_(checkpoints), pace_(pace), bar_(bar) {
    made_.data_dir = after.data_dir + "/" + kRebuilding;
  }

  // Each step needs what those before it have found; nothing of `before` is ever written.
  Status run() {
    FRESHET_TRY(check_is_empty(after_.data_dir));
    FRESHET_TRY(lock());
    FRESHET_TRY(find());
    FRESHET_TRY(open_old_log());
    FRESHET_TRY(check_drained());
    FRESHET_TRY(begin());
    FRESHET_TRY(fetch());
    FRESHET_TRY(rebuild());
    FRESHET_TRY(bring("profiles"));
    FRESHET_TRY(bring("imports"));
    FRESHET_TRY(bring("letters"));
    // What is made may get a profile store, which has to be made of the states then.
    if (reads_state()) FRESHET_TRY(mark_unused(made_.data_dir));
    FRESHET_TRY(make_log());
    return put_in_place();
  }

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
    FRESHET_ASSIGN(auto log, open_log(before_, kName, env::real_clock()));
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

  // Makes sure that nothing is on its way: all that is in `actions`, which what partitions say to
  // one another goes through, is in the checkpoints, and all changes are in the profile store. A
  // record that was left would be routed by the old number of partitions and be lost.
  Status check_drained() {
    FRESHET_ASSIGN(const auto written, old_log_->all_committed(reaction::kReactionGroup, Topic::kChanges));
    for (uint32_t p = 0; p < before_.log.partitions; ++p) {
      const int64_t offset = newest_[p].next_offset();
      FRESHET_ASSIGN(const auto unread, has_more(*old_log_, {Topic::kActions, p}, offset));
      if (unread)
        return fail(Code::kConflict,
                    fmt::format("partition {}: its newest checkpoint stands for offset {}, and `actions` has records "
                                "after that: {}",
                                p, offset, kHowToDrain));
      if (reads_state()) continue;  // Nobody needs what changes say.
      FRESHET_ASSIGN(const auto unwritten, has_more(*old_log_, {Topic::kChanges, p}, written[p].value_or(0)));
      if (unwritten)
        return fail(
            Code::kConflict,
            fmt::format("partition {}: `changes` has records that are not in the profile store: {}", p, kHowToDrain));
    }
    return {};
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
    for (uint32_t p = 0; p < before_.log.partitions; ++p) {
      FRESHET_TRY(state::check_identity(newest_[p], identity, checkpoints_.where()));
      FRESHET_TRY(state::fetch_checkpoint(checkpoints_, newest_[p], fetched_directory(p), pace_,
                                          [this, what = fmt::format("fetching partition {}", p)](
                                              uint64_t done, uint64_t total) { bar_.show(what, done, total); }));
    }
    return {};
  }

  Result<std::vector<std::unique_ptr<kv::Store>>> open_stores(uint32_t partitions,
                                                              const std::function<std::string(uint32_t)>& directory) {
    std::vector<std::unique_ptr<kv::Store>> stores;
    for (uint32_t p = 0; p < partitions; ++p) {
      kv::Options options;
      options.path = directory(p);
      options.memory = memory_;
      FRESHET_ASSIGN(auto store, kv::open_rocks(options));
      stores.push_back(std::move(store));
    }
    return stores;
  }

  Status rebuild() {
    std::error_code error;
    fs::create_directories(made_.data_dir + "/state", error);
    FRESHET_TRY(ran(error, made_.data_dir));
    FRESHET_ASSIGN(const auto from,
                   open_stores(before_.log.partitions, [this](uint32_t p) { return fetched_directory(p); }));
    FRESHET_ASSIGN(const auto into,
                   open_stores(made_.log.partitions, [this](uint32_t p) { return state_directory(made_, p); }));
    const auto pointers = [](const auto& stores) {
      std::vector<kv::Store*> out;
      for (const auto& store : stores) out.push_back(store.get());
      return out;
    };
    state::RepartitionOptions options;
    options.progress = [this](uint32_t done, uint32_t partitions) { bar_.show("rebuilding", done, partitions); };
    return state::repartition(pointers(from), pointers(into), options);
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

  Status make_log() {
    FRESHET_ASSIGN(auto log, open_log(made_, kName, env::real_clock()));
    FRESHET_TRY(create_topics(*log, made_));
    for (const Topic topic : {Topic::kActions, Topic::kSchema}) {
      FRESHET_ASSIGN(const auto marks, log->all_watermarks(topic));
      // Records that are there already were routed by another number of partitions, or belong to
      // somebody else.
      if (std::any_of(marks.begin(), marks.end(), [](const auto& mark) { return mark.high > 0; }))
        return fail(Code::kInvalid,
                    fmt::format("topic {} under the prefix \"{}\" has records: --topic-prefix takes one "
                                "that was never used",
                                name_of(topic), made_.log.topic_prefix));
    }
    return copy_schema(*log);
  }

  // Copies topic `schema`, with the key of alias hashes and the revisions that were published, but for the number of
  // partitions, which is another one now.
  Status copy_schema(eventlog::EventLog& log) {
    const eventlog::TopicPartition schema{Topic::kSchema, 0};
    const auto read = read_to_end(*old_log_, schema, 0, [&](const eventlog::Fetched& fetched) -> Result<bool> {
      std::vector<eventlog::Produce> batches(1);
      batches[0].to = schema;
      for (const eventlog::RecordView& record : fetched.records) {
        v1::SchemaChange change;
        const bool parsed = change.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()));
        if (!parsed || !is_partitions_record(change)) batches[0].records.add(record.key, record.value);
      }
      if (batches[0].records.count() > 0) FRESHET_TRY(append(log, std::move(batches)));
      return true;
    });
    if (!read) return tl::unexpected(read.error());
    std::vector<eventlog::Produce> number(1);
    number[0].to = schema;
    number[0].records.add({}, partitions_record(after_.log.partitions).SerializeAsString());
    return append(log, std::move(number));
  }

  // The state comes last: without it the directory would start as a new installation, and with it
  // everything else is there.
  Status put_in_place() {
    installation_.reset();
    std::error_code error;
    fs::remove_all(made_.data_dir + "/before", error);
    for (const char* name : {"profiles", "profiles.rebuild", "imports", "letters", "log", "installation", "state"})
      if (!error && fs::exists(made_.data_dir + "/" + name, error))
        fs::rename(made_.data_dir + "/" + name, after_.data_dir + "/" + name, error);
    if (!error) fs::remove_all(made_.data_dir, error);
    return ran(error, after_.data_dir);
  }

  const Config& before_;
  const Config& after_;
  Config made_;  // `after` in the folder beside, until it is whole
  objectstore::ObjectStore& checkpoints_;
  objectstore::Pace& pace_;
  ProgressBar& bar_;
  const std::shared_ptr<kv::MemoryBudget> memory_ = kv::make_memory_budget(kStoreMemoryBytes);
  std::vector<v1::Checkpoint> newest_;
  std::unique_ptr<Installation> old_installation_, installation_;
  std::unique_ptr<eventlog::EventLog> old_log_;
};

}  // namespace

Status rebuild_for_partitions(const Config& before, const Config& after, objectstore::ObjectStore& checkpoints,
                              objectstore::Pace& pace, ProgressBar& bar) {
  Status done = Rebuild(before, after, checkpoints, pace, bar).run();
  bar.clear();
  return done;
}

}  // namespace freshet::app
