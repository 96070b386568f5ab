#include "fleet/rebalance/plan.h"

#include <fmt/core.h>

#include <cmath>
#include <map>

#include "fleet/rebalance/disks.h"
#include "fleet/rebalance/racks.h"
#include "fleet/text.h"

namespace freshet::fleet::rebalance {
namespace {

// A copy catches up only if it is that much faster than what comes in meanwhile.
constexpr double kFaster = 1.2;

// What a wave has a broker copy.
struct Traffic {
  double bytes = 0, in_bytes_per_s = 0;
  uint32_t moves = 0;
};

class Load {
 public:
  explicit Load(const State& state) : state_(&state) {}

  void add(const Move& move, double begin_s) {
    const Partition& partition = state_->partitions[move.partition];
    const auto count = [&](Traffic& traffic) {
      traffic.bytes += partition.bytes_at(begin_s);
      traffic.in_bytes_per_s += partition.in_bytes_per_s;
      ++traffic.moves;
    };
    if (move.is_within_broker()) {
      count(within_[move.to.broker]);
      return;
    }
    count(in_[move.to.broker]);
    count(out_[partition.leader]);
    ++gives_[move.from.broker];
  }

  // In, out or within, and what gives a replica away, which has its leader's traffic only if it leads.
  [[nodiscard]] uint32_t most_moves(const Move& move) const {
    const int32_t leader = state_->partitions[move.partition].leader;
    if (move.is_within_broker()) return moves_in(within_, move.to.broker);
    const auto given = gives_.find(move.from.broker);
    return std::max({moves_in(in_, move.to.broker), moves_in(out_, leader), given == gives_.end() ? 0 : given->second});
  }

  // What a throttle must be at least.
  [[nodiscard]] double converging_rate() const {
    double least = 0;
    for (const auto* const side : {&in_, &out_, &within_})
      for (const auto& [broker, traffic] : *side) least = std::max(least, traffic.in_bytes_per_s * kFaster);
    return least;
  }

  // An upper bound: what comes in takes its time, and what goes out, and neither is faster than the throttle.
  [[nodiscard]] std::optional<double> duration_s(const Limits& limits) const {
    double seconds = 0;
    for (const auto* const side : {&in_, &out_, &within_}) {
      double slowest = 0;
      for (const auto& [broker, traffic] : *side) {
        if (traffic.in_bytes_per_s * kFaster > limits.throttle_bytes_per_s) return std::nullopt;
        slowest = std::max(slowest, traffic.bytes / (limits.throttle_bytes_per_s - traffic.in_bytes_per_s));
      }
      seconds += slowest;
    }
    return seconds + limits.wave_overhead_s;
  }

 private:
  using Side = std::map<int32_t, Traffic>;
  static uint32_t moves_in(const Side& side, int32_t broker) {
    const auto at = side.find(broker);
    return at == side.end() ? 0 : at->second.moves;
  }

  const State* state_;
  Side in_, out_, within_;
  std::map<int32_t, uint32_t> gives_;
};

class Planner {
 public:
  Planner(const State& state, const Limits& limits) : state_(state), limits_(limits), disks_(state, limits) {
    for (const Partition& partition : state.partitions)
      topic_bytes_[partition.topic] += partition.bytes() * static_cast<double>(partition.replicas.size());
  }

  Result<Plan> in_waves(std::vector<Move> moves);
  Result<Plan> at_once(std::vector<Move> moves);

 private:
  Status check_speed(const std::vector<Move>& moves) const;
  // Fullest dirs first, then the largest: what frees most is done first, and what is hardest has most choice.
  void order(std::vector<Move>& moves) const;
  // As many of what waits as fit beside one another at this time.
  Wave gather(std::vector<Move>& waiting, double begin_s);
  bool fits_beside(const Wave& wave, const Load& load, const Move& move, double topic_moving) const;
  // False: it does not fit, and refused_ says why.
  bool join(Wave& wave, const Move& move, double duration_s);
  // Puts the wave into the disks; the breach that it makes, if it makes one.
  std::optional<DirPeak> put(const Wave& wave);
  Result<Plan> finish(std::vector<Wave> waves) const;
  Error refusal(const Move& move, const DirPeak& breach, const char* what) const;

  const State& state_;
  const Limits& limits_;
  Disks disks_;
  std::map<std::string, double> topic_bytes_;
  std::optional<RackOrder> racks_;                   // of the moves that wait
  std::optional<std::pair<Move, DirPeak>> refused_;  // the first that did not fit, at the time that is being filled
};

Status Planner::check_speed(const std::vector<Move>& moves) const {
  for (const Move& move : moves) {
    const Partition& partition = state_.partitions[move.partition];
    if (partition.leader < 0)
      return fail(Code::kConflict,
                  partition.name() + " has no leader, so nobody can copy it: bring back a broker of its own first");
    const double least = partition.in_bytes_per_s * kFaster;
    if (least > limits_.throttle_bytes_per_s)
      return fail(
          Code::kConflict,
          fmt::format("{} never catches up: {} come in, and the throttle lets {} through; it must be at least {}",
                      partition.name(), rate_text(partition.in_bytes_per_s), rate_text(limits_.throttle_bytes_per_s),
                      rate_text(least)));
  }
  return {};
}

void Planner::order(std::vector<Move>& moves) const {
  const auto fill_of = [&](const Move& move) {
    const Broker* const broker = state_.find(move.from.broker);
    if (broker == nullptr || move.from.dir >= broker->dirs.size()) return 2.0;  // it is down: the most urgent of all
    return broker->dirs[move.from.dir].used_bytes / std::max(1.0, broker->dirs[move.from.dir].total_bytes);
  };
  std::stable_sort(moves.begin(), moves.end(), [&](const Move& a, const Move& b) {
    const double full_a = fill_of(a), full_b = fill_of(b);
    if (full_a != full_b) return full_a > full_b;
    return state_.partitions[a.partition].bytes() > state_.partitions[b.partition].bytes();
  });
}

bool Planner::fits_beside(const Wave& wave, const Load& load, const Move& move, double topic_moving) const {
  const auto same = [&](const Move& other) { return other.partition == move.partition; };
  if (std::any_of(wave.moves.begin(), wave.moves.end(), same) || !racks_->may_go(move)) return false;
  if (load.most_moves(move) >= limits_.moves_per_broker) return false;
  const Partition& partition = state_.partitions[move.partition];
  const double allowed = limits_.topic_share * topic_bytes_.at(partition.topic);
  return topic_moving == 0 || topic_moving + partition.bytes() <= allowed;
}

std::optional<DirPeak> Planner::put(const Wave& wave) {
  const double end_s = wave.begin_s + wave.duration_s;
  std::vector<Place> touched;
  for (const Move& move : wave.moves) {
    const Broker* const from = state_.find(move.from.broker);  // null: it is down, and nothing fills up there
    const double delay_s = from == nullptr ? Broker().delete_delay_s : from->delete_delay_s;
    const double gone_s = end_s + delay_s + limits_.delete_slack_s;
    disks_.add({move.partition, move.from, move.to, wave.begin_s, end_s, gone_s});
    touched.push_back(move.to);
    touched.push_back(move.from);
  }
  return disks_.breach_of(touched);
}

// Into the log dir that the target has, or else into another one of that broker, if there is one with room.
bool Planner::join(Wave& wave, const Move& move, double duration_s) {
  std::vector<Place> places{move.to};
  const std::vector<LogDir>& dirs = state_.find(move.to.broker)->dirs;
  for (uint32_t d = 0; d < dirs.size() && !move.is_within_broker(); ++d)
    if (d != move.to.dir && dirs[d].is_online) places.push_back({move.to.broker, d});
  for (const Place place : places) {
    Wave tried = wave;
    tried.moves.push_back(move);
    tried.moves.back().to = place;
    tried.duration_s = duration_s;
    const auto breach = put(tried);
    disks_.take_back(tried.moves.size());
    if (!breach) {
      wave = std::move(tried);
      return true;
    }
    if (!refused_) refused_ = {move, *breach};
  }
  return false;
}

Wave Planner::gather(std::vector<Move>& waiting, double begin_s) {
  Wave wave;
  wave.begin_s = begin_s;
  refused_.reset();
  Load load(state_);
  std::map<std::string, double> moving;
  std::vector<Move> rest;
  for (Move& move : waiting) {
    const Partition& partition = state_.partitions[move.partition];
    double& topic_moving = moving[partition.topic];
    if (!fits_beside(wave, load, move, topic_moving)) {
      rest.push_back(std::move(move));
      continue;
    }
    Load with = load;
    with.add(move, begin_s);
    const auto duration = with.duration_s(limits_);
    if (duration && join(wave, move, *duration)) {
      racks_->goes(move);
      load = std::move(with);
      topic_moving += partition.bytes();
    } else {
      rest.push_back(std::move(move));
    }
  }
  waiting = std::move(rest);
  return wave;
}

Result<Plan> Planner::in_waves(std::vector<Move> moves) {
  FRESHET_ASSERT(limits_.moves_per_broker > 0);
  FRESHET_TRY(check_speed(moves));
  order(moves);
  racks_.emplace(state_, moves);
  std::vector<Wave> waves;
  double now_s = 0, waits_s = 0;
  while (!moves.empty()) {
    Wave wave = gather(moves, now_s);
    if (wave.moves.empty()) {
      FRESHET_ASSERT(refused_.has_value());  // one alone is held back by nothing but a disk
      const auto next = disks_.next_gone_s(now_s);
      if (!next) return tl::unexpected(refusal(refused_->first, refused_->second, "can't be moved"));
      waits_s += *next - now_s;
      now_s = *next;
      continue;
    }
    wave.waits_s = std::exchange(waits_s, 0);
    const auto breach = put(wave);
    FRESHET_ASSERT(!breach);
    now_s = wave.begin_s + wave.duration_s;
    waves.push_back(std::move(wave));
  }
  return finish(std::move(waves));
}

Result<Plan> Planner::at_once(std::vector<Move> moves) {
  FRESHET_TRY(check_speed(moves));
  Load load(state_);
  for (const Move& move : moves) load.add(move, 0);
  const auto duration = load.duration_s(limits_);
  if (!duration)
    return fail(Code::kConflict, fmt::format("all at once never catches up at {} a broker: more comes in than that",
                                             rate_text(limits_.throttle_bytes_per_s)));
  Wave wave;
  wave.moves = std::move(moves);
  wave.duration_s = *duration;
  if (wave.moves.empty()) return Plan{};
  if (const auto breach = put(wave)) {
    const auto into =
        std::find_if(wave.moves.begin(), wave.moves.end(), [&](const Move& move) { return move.to == breach->place; });
    return tl::unexpected(refusal(into == wave.moves.end() ? wave.moves.front() : *into, *breach,
                                  "can't be moved at once with the others"));
  }
  return finish({std::move(wave)});
}

// Dirs of earlier waves go on growing while later ones run, so all are looked at once more.
Result<Plan> Planner::finish(std::vector<Wave> waves) const {
  Plan plan;
  plan.peaks = disks_.peaks();
  for (const DirPeak& peak : plan.peaks) {
    if (peak.used_bytes <= peak.limit_bytes) continue;
    FRESHET_ASSERT(!waves.empty());
    return tl::unexpected(refusal(waves.back().moves.front(), peak, "comes too late"));
  }
  std::map<size_t, std::vector<int32_t>> replicas;  // of the partitions that move, as they become
  for (Wave& wave : waves) {
    plan.duration_s = wave.begin_s + wave.duration_s;
    for (Move& move : wave.moves) {
      const Partition& partition = state_.partitions[move.partition];
      std::vector<int32_t>& now = replicas[move.partition];
      if (now.empty())
        for (const Replica& replica : partition.replicas) now.push_back(replica.place.broker);
      std::replace(now.begin(), now.end(), move.from.broker, move.to.broker);
      move.replicas = now;
      if (!move.is_within_broker()) plan.network_bytes += partition.bytes_at(wave.begin_s);
    }
  }
  plan.waves = std::move(waves);
  return plan;
}

Error Planner::refusal(const Move& move, const DirPeak& breach, const char* what) const {
  const Partition& partition = state_.partitions[move.partition];
  const LogDir& dir = state_.dir_of(breach.place);
  return {Code::kConflict,
          fmt::format(
              "{} of {} {} from broker {} to {}: {} of broker {} would have {} at second {:.0f}, {} over the {} that "
              "it may have (of {}, of which {} are used today). More room there, a shorter retention, a smaller "
              "reserve or fewer moves would help.",
              partition.name(), bytes_text(partition.bytes()), what, move.from.broker, move.to.broker, dir.path,
              breach.place.broker, bytes_text(breach.used_bytes), breach.at_s,
              bytes_text(breach.used_bytes - breach.limit_bytes), bytes_text(breach.limit_bytes),
              bytes_text(dir.total_bytes), bytes_text(dir.used_bytes))};
}

}  // namespace

std::vector<Move> moves_of(const State& state, const Target& target) {
  FRESHET_ASSERT(target.size() == state.partitions.size());
  std::vector<Move> moves;
  for (size_t p = 0; p < target.size(); ++p) {
    const Partition& partition = state.partitions[p];
    FRESHET_ASSERT(target[p].size() == partition.replicas.size());
    for (size_t i = 0; i < target[p].size(); ++i)
      if (target[p][i] != partition.replicas[i].place)
        moves.push_back({p, partition.replicas[i].place, target[p][i], {}});
  }
  return moves;
}

Result<Plan> plan_waves(const State& state, std::vector<Move> moves, const Limits& limits) {
  if (moves.size() > limits.moves_max)
    return fail(Code::kInvalid,
                fmt::format("{} moves are more than {}: do it in parts", moves.size(), limits.moves_max));
  return Planner(state, limits).in_waves(std::move(moves));
}

Result<Plan> plan_at_once(const State& state, std::vector<Move> moves, const Limits& limits) {
  return Planner(state, limits).at_once(std::move(moves));
}

Result<double> least_rate_of(const State& state, const std::vector<Move>& moves, const Limits& limits, double share) {
  constexpr int kSteps = 10;  // the range is halved so often
  FRESHET_TRY(plan_at_once(state, moves, limits));
  const auto holds = [&](double rate) {
    Limits slower = limits;
    slower.throttle_bytes_per_s = rate;
    return plan_at_once(state, moves, slower).has_value();
  };
  double good = limits.throttle_bytes_per_s, bad = good * std::clamp(share, 0.001, 1.0);
  if (holds(bad)) return bad;
  // Slower is longer, and longer is fuller: between the two there is one rate from which on it holds.
  for (int i = 0; i < kSteps; ++i) {
    const double middle = std::sqrt(good * bad);
    (holds(middle) ? good : bad) = middle;
  }
  return good;
}

double converging_rate(const State& state, const std::vector<Move>& moves) {
  Load load(state);
  for (const Move& move : moves) load.add(move, 0);
  return load.converging_rate();
}

std::optional<double> duration_of(const State& state, const std::vector<Move>& moves, const Limits& limits,
                                  double begin_s) {
  Load load(state);
  for (const Move& move : moves) load.add(move, begin_s);
  return load.duration_s(limits);
}

}  // namespace freshet::fleet::rebalance
