// Looks at several clusters again and again, each on a thread of its own as long as there are enough, so that one that
// is slow or away holds nothing else up.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "env/clock.h"
#include "fleet/watch/memory.h"
#include "fleet/watch/report.h"
#include "fleet/watch/source.h"

namespace freshet::fleet {

struct WatcherOptions {
  env::TimeUs interval_us = 10'000'000;  // from the begin of a look to that of the next one
  MemoryOptions memory;
  size_t threads_most = 64;  // beyond that, clusters share
};

class Watcher {
 public:
  // Looks at these clusters of the topology from now on. REQUIRES: topology and clock outlive it.
  Watcher(const Topology& topology, const std::vector<Index>& clusters, WatcherOptions options, OpenLookSource open,
          env::Clock& clock);
  // Waits for looks that are under way.
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // What is known now, in the order of the clusters. From any thread.
  [[nodiscard]] Watched watched() const;
  // Waits until every cluster has been looked at so often, in vain or not; at most so long. Returns whether it has.
  [[nodiscard]] bool wait_for_looks(uint64_t looks, env::TimeUs timeout_us) const;

 private:
  struct Target;
  void run(size_t first);
  // Returns when the next look is due.
  [[nodiscard]] env::TimeUs look_at(Target& target);

  const Topology& topology_;
  const WatcherOptions options_;
  const OpenLookSource open_;
  env::Clock& clock_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::vector<std::unique_ptr<Target>> targets_;
  std::vector<std::thread> threads_;
};

}  // namespace freshet::fleet
