#include "fleet/watch/watcher.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "env/thread.h"

namespace freshet::fleet {

struct Watcher::Target {
  Target(const Topology& topology, Index index, const MemoryOptions& options)
      : cluster(index), memory(topology, index, options), standing(memory.last()) {}

  const Index cluster;
  ClusterMemory memory;                      // of its thread
  std::unique_ptr<LookSource> source;        // likewise; null: to be opened
  env::TimeUs due_us = 0;                    // likewise
  std::shared_ptr<const Standing> standing;  // guarded by mutex_
};

Watcher::Watcher(const Topology& topology, const std::vector<Index>& clusters, WatcherOptions options,
                 OpenLookSource open, env::Clock& clock)
    : topology_(topology), options_(options), open_(std::move(open)), clock_(clock) {
  FRESHET_ASSERT(options_.threads_most > 0);
  for (const Index cluster : clusters) targets_.push_back(std::make_unique<Target>(topology, cluster, options.memory));
  const size_t threads = std::min(options_.threads_most, targets_.size());
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, i] {
      env::name_thread(fmt::format("watch-{}", i));
      run(i);
    });
  }
}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

// Takes every so-many-th cluster in turn, each when it is due.
void Watcher::run(size_t first) {
  const size_t step = std::min(options_.threads_most, targets_.size());
  while (true) {
    env::TimeUs next_us = clock_.monotonic_us() + options_.interval_us;
    for (size_t i = first; i < targets_.size(); i += step) {
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
      }
      Target& target = *targets_[i];
      if (target.due_us <= clock_.monotonic_us()) target.due_us = look_at(target);
      next_us = std::min(next_us, target.due_us);
    }
    std::unique_lock lock(mutex_);
    const env::TimeUs pause_us = next_us - clock_.monotonic_us();
    if (pause_us > 0) changed_.wait_for(lock, std::chrono::microseconds(pause_us), [this] { return stopping_; });
    if (stopping_) return;
  }
}

env::TimeUs Watcher::look_at(Target& target) {
  const env::TimeUs begin_us = clock_.monotonic_us();
  Result<Look> look = fail(Code::kRetry, "");
  if (target.source == nullptr) {
    auto opened = open_(target.cluster);
    if (opened) {
      target.source = *std::move(opened);
    } else {
      look = tl::unexpected(std::move(opened).error());
    }
  }
  if (target.source != nullptr) look = target.source->look();
  const env::TimeUs took_us = clock_.monotonic_us() - begin_us;
  // Connections that failed are made anew.
  if (!look) target.source.reset();
  auto standing = look ? target.memory.take(*look, took_us) : target.memory.away(look.error(), begin_us, took_us);
  {
    const std::lock_guard lock(mutex_);
    target.standing = std::move(standing);
  }
  changed_.notify_all();
  return begin_us + options_.interval_us;
}

Watched Watcher::watched() const {
  Watched out;
  out.file = topology_.file;
  out.now_us = clock_.monotonic_us();
  out.wall_us = clock_.now_us();
  const std::lock_guard lock(mutex_);
  for (const auto& target : targets_) out.clusters.push_back(target->standing);
  return out;
}

bool Watcher::wait_for_looks(uint64_t looks, env::TimeUs timeout_us) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::microseconds(timeout_us), [&] {
    return std::ranges::all_of(
        targets_, [&](const auto& target) { return target->standing->looks + target->standing->failures >= looks; });
  });
}

}  // namespace freshet::fleet
