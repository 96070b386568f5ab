// In which order records are taken from the source: a reader for each priority, and one for each topic with a limit of
// its own, so that what waits in one holds nothing up in another.
//
// In each round a lane is asked for kRound records; one below a lane that gave them all, and so has more, for a few
// only: a backlog of low priority delays nobody by more than a round, and still goes on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/mutant.h"
#include "cluster/stream/stream.h"
#include "mirror/config.h"
#include "mirror/share.h"

namespace freshet::mirror {

// One thread uses it.
class Lanes {
 public:
  static constexpr size_t kRound = FRESHET_BOUND(1024, 9);
  static constexpr size_t kRoundBehind = FRESHET_BOUND(64, 2);
  using OpenReader = std::function<Result<std::unique_ptr<cluster::Reader>>(const std::string& name)>;

  Lanes(OpenReader open, env::Clock& clock) : open_(std::move(open)), clock_(clock) {}

  [[nodiscard]] Status start(Share& share);
  void stop(Share& share);
  [[nodiscard]] int64_t end_of(const Share& share);
  // One round. Waits up to timeout_us if nothing is there.
  void poll(env::TimeUs timeout_us, cluster::Polled& into);

 private:
  struct Lane {
    std::unique_ptr<cluster::Reader> reader;
    uint64_t bytes_per_s = 0;  // 0: no limit
    double credit = 0;         // bytes that may still come; below 0 after a large record
    env::TimeUs filled_us = 0;
  };
  using Key = std::pair<Priority, std::string>;

  static Key key_of(const Share& share);
  [[nodiscard]] bool may_flow(Lane& lane);
  // How many records it gave.
  size_t ask(Lane& lane, size_t most, env::TimeUs timeout_us, cluster::Polled& into);

  const OpenReader open_;
  env::Clock& clock_;
  std::map<Key, Lane> lanes_;
};

}  // namespace freshet::mirror
