// Every log dir over time: what a plan is proved by. Private to src/fleet/rebalance.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "fleet/rebalance/plan.h"

namespace freshet::fleet::rebalance {

// A move with its times, in seconds from now.
struct Copy {
  size_t partition = 0;
  Place from, to;
  double begin_s = 0;  // from then on all of it counts at `to`
  double end_s = 0;    // from then on it does not grow at `from`
  double gone_s = 0;   // from then on it is no more at `from`
};

class Disks {
 public:
  Disks(const State& state, const Limits& limits);

  void add(const Copy& copy);
  // Takes the last `count` back.
  void take_back(size_t count);
  [[nodiscard]] const std::vector<Copy>& copies() const { return copies_; }

  // The fullest moment of a dir that copies touch, until all of them are done.
  [[nodiscard]] DirPeak peak_of(Place place) const;
  // The first dir among these that becomes fuller than it may.
  [[nodiscard]] std::optional<DirPeak> breach_of(const std::vector<Place>& places) const;
  // Of all dirs that copies touch, by place.
  [[nodiscard]] std::vector<DirPeak> peaks() const;
  // The first time after `now_s` at which something is gone.
  [[nodiscard]] std::optional<double> next_gone_s(double now_s) const;

 private:
  // Of what lies there today, without copies.
  struct Dir {
    double used_bytes = 0, total_bytes = 0;
    double growth_bytes_per_s = 0;
    double growth_bytes_max = 0;  // where retention stops it
    std::vector<size_t> in, out;  // in copies_
  };

  // As t is approached from below, or with what begins just then.
  [[nodiscard]] double used_before(const Dir& dir, double t_s) const;
  [[nodiscard]] double growth_of(size_t partition, double t_s) const;

  const State& state_;
  const Limits& limits_;
  std::map<Place, Dir> dirs_;
  std::vector<Copy> copies_;
};

}  // namespace freshet::fleet::rebalance
