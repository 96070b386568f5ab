// A directory is renamed first, while nobody can open it: what is removed then is surely not in use.
#include "app/leftover_states.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "app/checkpoints.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

constexpr env::TimeUs kLeftoversUs = 60'000'000;

telemetry::Counter& removed_leftovers() {
  return telemetry::counter("freshet_state_leftovers_removed_total",
                            "Directories of states that had become another worker's, removed.");
}

}  // namespace

LeftoverStates::LeftoverStates(LeftoverOptions options, env::Clock& clock)
    : options_(std::move(options)), clock_(clock), due_us_(clock.monotonic_us() + kLeftoversUs) {
  const env::TimeUs now = clock_.monotonic_us();
  for (uint32_t p = 0; p < options_.partitions; ++p) parts_[p].seen_us = now;
  static_cast<void>(removed_leftovers());
}

void LeftoverStates::opening(uint32_t partition) {
  const std::lock_guard lock(mutex_);
  parts_[partition].seen_us = clock_.monotonic_us();
}

void LeftoverStates::opened(uint32_t partition, std::weak_ptr<kv::Store> state) {
  const std::lock_guard lock(mutex_);
  parts_[partition].state = std::move(state);
}

void LeftoverStates::remove() {
  const env::TimeUs now = clock_.monotonic_us();
  if (now < due_us_) return;
  due_us_ = now + kLeftoversUs;
  if (options_.data_dir.empty()) return;
  for (uint32_t partition = 0; partition < options_.partitions; ++partition) {
    const std::string directory = state_directory(options_.data_dir, partition);
    const std::string aside = directory + ".leftover";
    std::error_code error;
    {
      const std::lock_guard lock(mutex_);
      Part& part = parts_[partition];
      if (!part.state.expired()) part.seen_us = now;
      if (now - part.seen_us < options_.kept_us || !std::filesystem::exists(directory, error)) continue;
      std::filesystem::rename(directory, aside, error);
    }
    if (error) continue;
    std::filesystem::remove_all(aside, error);
    removed_leftovers().add();
    log::info("{}: this state has been another worker's for a while; it is removed here", directory);
  }
}

}  // namespace freshet::app
