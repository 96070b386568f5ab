// Wires the checkpoints of state/checkpoint to the configuration.

#include "app/checkpoints.h"

#include <fmt/core.h>

#include <cstdlib>
#include <utility>

#include "base/assert.h"
#include "state/checkpoint/catalog.h"
#include "telemetry/log.h"

namespace freshet::app {

std::string state_directory(const std::string& data_dir, uint32_t partition) {
  return fmt::format("{}/state/{:04}", data_dir, partition);
}

objectstore::StoreOptions checkpoint_place(const Config& config) {
  objectstore::StoreOptions options;
  options.to = config.checkpoints.to;
  options.endpoint = config.checkpoints.endpoint;
  take_from_environment(options, [](const char* name) -> const char* {
    return std::getenv(name);  // NOLINT: read at the start, before threads
  });
  return options;
}

Result<std::unique_ptr<objectstore::ObjectStore>> open_checkpoint_store(const Config& config, env::Clock& clock,
                                                                        env::Random& random) {
  if (config.checkpoints.to.empty())
    return fail(Code::kInvalid, "the configuration has no checkpoints.to: there are no checkpoints");
  auto store = objectstore::open_store(checkpoint_place(config), clock, random);
  if (!store) return fail(store.error().code, "checkpoints.to: " + store.error().message);
  return store;
}

Result<std::unique_ptr<Checkpoints>> Checkpoints::open(const Config& config, Installation& installation,
                                                       env::Clock& clock, env::Random& random) {
  FRESHET_ASSIGN(auto store, open_checkpoint_store(config, clock, random));
  // The key is asked for before anything is read or written there: checkpoints under another key
  // are of no use.
  const auto key = state::agree_on_hash_key(*store, installation.hash_key());
  if (key) {
    FRESHET_TRY(installation.adopt_hash_key(*key, "the checkpoints at " + store->where()));
    // An installation that knows its key can run without its checkpoints for a while; a new one can't
    // know whether to take theirs.
  } else if (key.error().code == Code::kRetry && installation.is_in_use()) {
    log::warn("checkpoints can't be reached; ingest and action go on, checkpoints when they can be reached again: {}",
              key.error().message);
  } else {
    return tl::unexpected(key.error());
  }
  return std::unique_ptr<Checkpoints>(new Checkpoints(config, state::installation_fingerprint(installation.hash_key()),
                                                      std::move(store), clock, random));
}

void Checkpoints::start() {
  FRESHET_ASSERT(checkpointer_ == nullptr);
  state::CheckpointerOptions options;
  options.store = store_.get();
  options.clock = &clock_;
  options.random = &random_;
  options.partitions = config_.log.partitions;
  options.scratch = [this](uint32_t partition) { return state_directory(config_, partition) + ".checkpoint"; };
  options.interval_us = config_.checkpoints.interval_us;
  options.min_pause_us = config_.checkpoints.min_pause_us;
  options.keep = config_.checkpoints.keep;
  options.concurrency = config_.checkpoints.concurrency;
  options.bytes_per_s = config_.checkpoints.bytes_per_s;
  checkpointer_ = std::make_unique<state::Checkpointer>(options);
}

void Checkpoints::stop() {
  if (checkpointer_) checkpointer_->stop();
}

Result<std::unique_ptr<state::PartitionState>> Checkpoints::open_state(uint32_t partition, int64_t log_begins_at,
                                                                       bool begins_with_state, const OpenState& open) {
  state::RecoverOptions options;
  options.checkpoints = store_.get();
  options.pace = &restore_pace_;
  options.partition = partition;
  options.identity = {config_.log.partitions, fingerprint_};
  options.directory = state_directory(config_, partition);
  options.log_begins_at = log_begins_at;
  options.begins_with_state = begins_with_state;
  options.open = open;
  options.accept_loss = config_.accept_loss;
  return state::open_or_restore(options);
}

}  // namespace freshet::app
