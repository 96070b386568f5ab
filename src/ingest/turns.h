// Who is next, among parties that share a thread: start-time fair queueing (Goyal, Vin, Cheng, 1996). Each has a clock
// that its own work moves on; whoever's clock is furthest behind is next, and who comes after a pause starts at the
// clock of the one that had the last turn. So of two that both have work waiting, neither gets more than the other by
// more than one piece of work of each, whatever pieces cost and however many they send; nobody waits for ever.
//
// What a piece costs is known when it is done. Until then it counts as much as the party's last one did. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "env/clock.h"

namespace freshet::ingest {

class Turns {
 public:
  // A turn costs at least this: a thousand small pieces are no less work than they seem.
  static constexpr env::TimeUs kTurnUs = 200;

  // One more piece of this party waits.
  void add(const std::string& party);
  [[nodiscard]] bool anybody_waits() const { return !waiting_.empty(); }
  // Whose turn it is; one piece less of it waits, and is under way until done(). REQUIRES: anybody_waits()
  [[nodiscard]] std::string take();
  void done(const std::string& party, env::TimeUs cost_us);
  // That are remembered: none if nothing waits and nothing is under way.
  [[nodiscard]] size_t parties() const { return parties_.size(); }

 private:
  struct Party {
    env::TimeUs clock_us = 0;
    env::TimeUs last_us = kTurnUs;  // what its last piece cost
    env::TimeUs ahead_us = 0;       // what pieces under way count for now
    size_t waiting = 0;
    size_t under_way = 0;
  };
  void move(const std::string& name, Party& party, env::TimeUs by_us);
  // Forgets parties that have nothing to do and whose clock is not ahead of the others'.
  void forget();

  std::map<std::string, Party> parties_;
  std::set<std::pair<env::TimeUs, std::string>> waiting_;  // by clock: those that have something waiting
  std::set<std::pair<env::TimeUs, std::string>> resting_;  // those that have nothing to do, and are remembered
  env::TimeUs now_us_ = 0;                                 // the clock of the one that had the last turn
};

}  // namespace freshet::ingest
