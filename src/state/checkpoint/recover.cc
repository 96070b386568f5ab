// Which state to begin with. Any state of this installation will do as long as the log still has what comes after it;
// the nearest one is replayed soonest. One that the log can't be joined to is refused: the records in between would be
// missing in profiles for ever, and nobody would notice.
#include "state/checkpoint/recover.h"

#include <fmt/core.h>

#include <filesystem>
#include <utility>

#include "base/assert.h"
#include "kv/store.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::state {
namespace {

namespace fs = std::filesystem;
using Opened = Result<std::unique_ptr<PartitionState>>;

telemetry::Counter& restored() {
  static telemetry::Counter& counter =
      telemetry::counter("freshet_checkpoint_restored_total", "States of partitions restored from a checkpoint.");
  return counter;
}

class Recovery {
 public:
  explicit Recovery(const RecoverOptions& options) : options_(options) {
    FRESHET_ASSERT(options_.open);
    FRESHET_ASSERT(options_.checkpoints == nullptr || options_.pace != nullptr);
  }

  Opened run() {
    FRESHET_TRY(open_local());
    if (options_.checkpoints != nullptr) FRESHET_TRY(take_nearer());
    if (!local_) {
      auto fresh = options_.open();
      if (!fresh) return fresh;
      local_ = std::move(*fresh);
    }
    if (options_.begins_with_state && local_->is_blank()) return no_state();
    FRESHET_TRY(check_number());
    if (options_.accept_loss && local_->offset() < options_.log_begins_at) FRESHET_TRY(skip_lost());
    if (local_->offset() >= options_.log_begins_at) return std::move(local_);
    return fail(
        Code::kCorrupt,
        fmt::format(
            "partition {}: its state here stands for offset {}, but `actions` begins at {}: the records in "
            "between can't be replayed, and {}; restore a copy of the data directory, or start once with --accept-loss",
            options_.partition, local_->offset(), options_.log_begins_at, why_not()));
  }

 private:
  // The records of this log go on from a state that was rebuilt. On an empty one everybody would be somebody new.
  [[nodiscard]] Opened no_state() const {
    return fail(Code::kInvalid,
                fmt::format("partition {}: its log was made for a state that `freshet checkpoint restore --partitions` "
                            "has rebuilt, and {} has none; configure the data_dir that was given with --into; with "
                            "several workers, `freshet checkpoint create` there puts it where checkpoints.to says",
                            options_.partition, options_.directory));
  }

  // A state has the number in its rules, from its first record on. Brokers let anybody add partitions to a topic.
  [[nodiscard]] Status check_number() const {
    const uint32_t found = local_->meta().rules().partitions();
    if (found == 0) return {};
    return check_partitions(fmt::format("partition {}: its state is that", options_.partition), found,
                            options_.identity.partitions);
  }

  // Goes on behind the records that the log has lost, for good.
  Status skip_lost() {
    log::error(
        "partition {}: its state stands for offset {}, but `actions` begins at {}: the records in between are "
        "lost",
        options_.partition, local_->offset(), options_.log_begins_at);
    local_->advance(options_.log_begins_at);
    return local_->persist();
  }

  // Opens what this disk has. What is damaged goes out of the way if there may be something else, a checkpoint or the
  // whole log; else it stays where it is, as it is all that there is.
  Status open_local() {
    auto local = options_.open();
    if (local) {
      local_ = std::move(*local);
      return {};
    }
    const bool has_more = options_.checkpoints != nullptr || options_.log_begins_at == 0;
    if (local.error().code != Code::kCorrupt || !has_more) return tl::unexpected(std::move(local).error());
    FRESHET_ASSIGN(const std::string aside, kv::set_aside(options_.directory));
    log::error(
        "partition {}: its state is damaged and was moved to {}; it comes from a checkpoint, or from the "
        "beginning of the log: {}",
        options_.partition, aside, local.error().message);
    return {};
  }

  [[nodiscard]] bool is_local_enough() const { return local_ && local_->offset() >= options_.log_begins_at; }

  // Takes the newest checkpoint that is whole, if it is nearer than the state here. A state that was never used is not
  // a state at offset 0: after repartitioning, a checkpoint at offset 0 holds everything.
  Status take_nearer() {
    auto found = find_checkpoints(*options_.checkpoints, options_.partition);
    if (!found) return go_on_without(found.error());
    for (const FoundCheckpoint& checkpoint : *found) {
      if (local_ && !local_->is_blank() && local_->offset() >= checkpoint.id.offset) continue;
      const Status taken =
          checkpoint.manifest ? take(*checkpoint.manifest) : tl::unexpected(checkpoint.manifest.error());
      if (taken) return {};
      if (taken.error().code == Code::kRetry) return go_on_without(taken.error());
      if (taken.error().code != Code::kCorrupt) return taken;
      log::error("partition {}: a checkpoint is not whole, the next older one is tried: {}", options_.partition,
                 taken.error().message);
      broken_ = taken.error().message;
    }
    return {};
  }

  // The checkpoints can't be reached. What is here may do, so that an outage of S3 does not stop action; but an empty
  // state must not be taken for a beginning.
  Status go_on_without(const Error& error) {
    if (!is_local_enough()) return tl::unexpected(error);
    log::warn("partition {}: its checkpoints can't be read, it goes on from its own disk: {}", options_.partition,
              error.message);
    return {};
  }

  // Replaces the state here by the checkpoint, which is fetched and compared beside it first.
  Status take(const v1::Checkpoint& checkpoint) {
    FRESHET_TRY(check_identity(checkpoint, options_.identity, options_.checkpoints->where()));
    log::info("partition {}: restoring the checkpoint at offset {} ({} MB) from {}", options_.partition,
              checkpoint.next_offset(), total_bytes(checkpoint) >> 20, options_.checkpoints->where());
    const std::string fetched = options_.directory + ".restored";
    std::error_code error;
    fs::remove_all(fetched, error);
    FRESHET_TRY(fetch_checkpoint(*options_.checkpoints, checkpoint, fetched, *options_.pace, options_.progress));
    local_.reset();
    fs::remove_all(options_.directory, error);
    if (!error) fs::rename(fetched, options_.directory, error);
    if (error) return fail(Code::kFatal, fmt::format("{}: can't be replaced: {}", options_.directory, error.message()));
    FRESHET_ASSIGN(auto opened, options_.open());
    if (opened->offset() != checkpoint.next_offset())
      return fail(Code::kCorrupt, fmt::format("the restored state stands for offset {}, its manifest says {}",
                                              opened->offset(), checkpoint.next_offset()));
    local_ = std::move(opened);
    restored().add();
    return {};
  }

  [[nodiscard]] std::string why_not() const {
    if (options_.checkpoints == nullptr) return "there are no checkpoints (checkpoints.to)";
    if (broken_.empty()) return fmt::format("{} has no newer checkpoint", options_.checkpoints->where());
    return "no checkpoint is whole: " + broken_;
  }

  const RecoverOptions& options_;
  std::unique_ptr<PartitionState> local_;
  std::string broken_;
};

}  // namespace

Status check_partitions(std::string_view what, uint32_t found, uint32_t configured) {
  if (found == configured) return {};
  return fail(
      Code::kInvalid,
      fmt::format("{} of {} partitions, but log.partitions is {}: the number is fixed once there is data. Put {} back; "
                  "if partitions were added to the topics, rebuild with the old configuration: `freshet checkpoint "
                  "restore --partitions {} --into DIRECTORY --topic-prefix NEW` (docs/operations/checkpoints.md, "
                  "Partitions that somebody added)",
                  what, found, configured, found, configured));
}

Opened open_or_restore(const RecoverOptions& options) { return Recovery(options).run(); }

}  // namespace freshet::state
