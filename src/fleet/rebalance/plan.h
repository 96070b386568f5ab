// A plan of moves: from where replicas lie to a target, in waves that run one after another, each proved by simulating
// every log dir over time.
//
// What is counted against a dir: all that lies on it today, also what others put there; the growth of each partition,
// up to where retention stops it; an incoming copy, whole, from the moment at which its wave begins; what is moved
// away, until its wave has ended and the delay of deleting files is over. Times are those of a wave that takes as long
// as it can at the throttle, so what is earlier in life is safe, too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "fleet/rebalance/target.h"

namespace freshet::fleet::rebalance {

struct Limits {
  double throttle_bytes_per_s = 50e6;  // of each broker, in and out, and between its log dirs
  uint32_t moves_per_broker = 2;       // at once, in and out
  double topic_share = 0.25;           // of a topic's bytes that move at once; one replica always may
  double reserve_share = 0.1;          // of a dir that stays free where something is moved to
  double delete_slack_s = 30;          // how much later than the delay files are gone
  double wave_overhead_s = 5;          // what a wave takes besides copying
  uint32_t moves_max = 10'000;
};

// One replica of a partition to another place. Within a broker if both places are of one.
struct Move {
  size_t partition = 0;  // in State::partitions
  Place from, to;
  std::vector<int32_t> replicas;  // of the partition, when it is done; empty before it is planned
  [[nodiscard]] bool is_within_broker() const { return from.broker == to.broker; }
};

struct Wave {
  std::vector<Move> moves;
  double begin_s = 0;     // from now
  double duration_s = 0;  // at most
  double waits_s = 0;     // how much of the time before it is for deleted files to go
};

// How full a dir becomes that a plan touches.
struct DirPeak {
  Place place;
  double used_bytes = 0;  // at the most
  double at_s = 0;
  double limit_bytes = 0;  // that it must not exceed
};

struct Plan {
  std::vector<Wave> waves;
  std::vector<DirPeak> peaks;  // by place
  double duration_s = 0;       // at most
  double network_bytes = 0;    // between brokers
};

// The moves that make a target of the state, in no order.
[[nodiscard]] std::vector<Move> moves_of(const State& state, const Target& target);

// Safe waves for all of the moves. kConflict: there are none, with the proof: which dir, when, by how many bytes, and
// what would help; or the throttle never lets a copy catch up, and what it must be at least.
[[nodiscard]] Result<Plan> plan_waves(const State& state, std::vector<Move> moves, const Limits& limits);

// The same moves all at once, as the usual tools do it. kConflict as above.
[[nodiscard]] Result<Plan> plan_at_once(const State& state, std::vector<Move> moves, const Limits& limits);

// The lowest throttle, down to this share of that of the limits, at which these moves at once are still proved safe and
// catch up: slower is longer, and disks fill meanwhile. kConflict: not even that of the limits will do, with the proof.
[[nodiscard]] Result<double> least_rate_of(const State& state, const std::vector<Move>& moves, const Limits& limits,
                                           double share);
// Below this the moves never catch up with what comes in now.
[[nodiscard]] double converging_rate(const State& state, const std::vector<Move>& moves);

// How long these take at the throttle, at most, if they begin in so many seconds; nullopt: they never catch up.
[[nodiscard]] std::optional<double> duration_of(const State& state, const std::vector<Move>& moves,
                                                const Limits& limits, double begin_s);

}  // namespace freshet::fleet::rebalance
