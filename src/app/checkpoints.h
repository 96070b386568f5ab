// Checkpoints of this process's partitions, wired together: the place that the configuration names,
// the key that belongs to it, the thread that makes them, and opening a state from wherever it is
// nearest.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "app/installation.h"
#include "state/checkpoint/checkpointer.h"
#include "state/checkpoint/recover.h"

namespace freshet::app {

// The directory of a partition's state.
[[nodiscard]] std::string state_directory(const std::string& data_dir, uint32_t partition);
[[nodiscard]] inline std::string state_directory(const Config& config, uint32_t partition) {
  return state_directory(config.data_dir, partition);
}
// The place of the configuration, with credentials from the environment.
[[nodiscard]] objectstore::StoreOptions checkpoint_place(const Config& config);
// Opens the place of the configuration, with credentials from the environment. kInvalid:
// checkpoints.to is missing or wrong.
[[nodiscard]] Result<std::unique_ptr<objectstore::ObjectStore>> open_checkpoint_store(const Config& config,
                                                                                      env::Clock& clock,
                                                                                      env::Random& random);

class Checkpoints {
 public:
  using OpenState = std::function<Result<std::unique_ptr<state::PartitionState>>()>;

  // Agrees with the place on the key of alias hashes: a new installation takes the key that it
  // finds there.
  [[nodiscard]] static Result<std::unique_ptr<Checkpoints>> open(const Config& config, Installation& installation,
                                                                 env::Clock& clock, env::Random& random);
  // From here on checkpoints are made.
  void start();
  void stop();  // blocks; a second call does nothing
  [[nodiscard]] state::Checkpointer* keeper() { return checkpointer_.get(); }
  // It may be called on any thread.
  // `begins_with_state`: as in state::RecoverOptions.
  [[nodiscard]] Result<std::unique_ptr<state::PartitionState>> open_state(uint32_t partition, int64_t log_begins_at,
                                                                          bool begins_with_state,
                                                                          const OpenState& open);

 private:
  Checkpoints(const Config& config, std::string fingerprint, std::unique_ptr<objectstore::ObjectStore> store,
              env::Clock& clock, env::Random& random)
      : config_(config),
        fingerprint_(std::move(fingerprint)),
        clock_(clock),
        random_(random),
        store_(std::move(store)),
        restore_pace_(clock, 0) {}

  const Config config_;
  const std::string fingerprint_;
  env::Clock& clock_;
  env::Random& random_;
  std::unique_ptr<objectstore::ObjectStore> store_;
  objectstore::Pace restore_pace_;  // without a bound, for nothing else goes on until a restore is done
  std::unique_ptr<state::Checkpointer> checkpointer_;
};

}  // namespace freshet::app
