// That a broker was away is seen by looking while its command runs, or afterwards by the epochs of what it led: a
// leader that goes is always followed by a higher epoch. A command that returns without having restarted anything is
// found so, and the next broker is not touched.
#include "fleet/restart/follower.h"

#include <fmt/core.h>

#include <algorithm>

namespace freshet::fleet::restart {
namespace {

// Whether something shows that the broker is away now, or was since `led` was read.
bool was_away(const State& now, int32_t broker, const std::vector<Partition>& led) {
  if (!is_back(now, broker)) return true;
  return std::ranges::any_of(led, [&](const Partition& before) {
    return std::ranges::any_of(now.partitions, [&](const Partition& partition) {
      return partition.index == before.index && partition.topic == before.topic &&
             partition.leader_epoch > before.leader_epoch;
    });
  });
}

double seconds_of(env::TimeUs us) { return static_cast<double>(us) / 1e6; }

}  // namespace

// A cluster may not answer for a moment while a broker goes: the others are asked again.
Result<State> Follower::look() {
  const env::TimeUs until_us = clock_.monotonic_us() + options_.ready_max_us;
  while (true) {
    Result<State> state = port_.look();
    if (state && state->cluster_id != journal_.cluster_id)
      return fail(Code::kInvalid,
                  fmt::format("the journal is of cluster {}, and the brokers are of {}: nothing was done",
                              journal_.cluster_id, state->cluster_id));
    if (state || state.error().code != Code::kRetry || clock_.monotonic_us() >= until_us) return state;
    clock_.sleep_us(options_.poll_us);
  }
}

// What is in the way is told once for each reason, not at every look.
Result<State> Follower::wait_until_ready(int32_t ours) {
  const env::TimeUs until_us = clock_.monotonic_us() + options_.ready_max_us;
  std::string told;
  while (true) {
    FRESHET_ASSIGN(State state, look());
    const std::string why = unready(state, ours);
    if (why.empty()) return state;
    if (clock_.monotonic_us() >= until_us)
      return fail(Code::kConflict,
                  fmt::format("not ready after {:.0f} s: {}. No broker is taken away from such a cluster",
                              seconds_of(options_.ready_max_us), why));
    if (why != told) options_.tell("waiting: " + why);
    told = why;
    clock_.sleep_us(options_.poll_us);
  }
}

// The journal is saved as stopped also where something failed, so that --status tells what a person left behind.
Status Follower::run() {
  journal_.outcome = Outcome::kRunning;
  FRESHET_TRY(save());
  for (JournalBroker& next : journal_.brokers) {
    if (next.stage == Stage::kDone) continue;
    if (options_.stops()) {
      journal_.outcome = Outcome::kStopped;
      return save();
    }
    if (const Status done = one(next); !done) {
      journal_.outcome = Outcome::kStopped;
      // What went wrong is told, whatever becomes of the journal.
      (void)save();
      return done;
    }
    if (options_.settle_us > 0 && journal_.done() < journal_.brokers.size()) clock_.sleep_us(options_.settle_us);
  }
  journal_.outcome = Outcome::kDone;
  return save();
}

// Nothing for a broker that can be spared.
Status Follower::check_spared(int32_t broker, const Cost& cost) const {
  if (!cost.stops_something() || options_.may_stop_writes) return {};
  const auto named = [](const std::string& first) { return first.empty() ? first : " (" + first + ")"; };
  return fail(
      Code::kConflict,
      fmt::format("without broker {} {} partitions can't be read or written{}, and {} refuse writes{}: "
                  "--allow-outage takes it away all the same",
                  broker, cost.offline, named(cost.first_offline), cost.read_only, named(cost.first_read_only)));
}

Status Follower::one(JournalBroker& journalled) {
  // One that is away by our own doing is what the cluster lacks, and may lack.
  const int32_t id = journalled.broker.id;
  const bool again = journalled.stage == Stage::kAway;
  FRESHET_ASSIGN(const State state, wait_until_ready(again ? id : -1));
  const Broker* const up = state.find(id);
  if (up == nullptr && !again)
    return fail(Code::kConflict, fmt::format("broker {} is down, and not by us: it is left alone", id));
  const Cost cost = cost_of(state, id);
  if (!again) FRESHET_TRY(check_spared(id, cost));
  if (up != nullptr) journalled.broker = *up;
  Before before;
  for (const Partition& partition : state.partitions) {
    if (partition.leader == id) before.led.push_back(partition);
  }
  journalled.stage = Stage::kAway;
  FRESHET_TRY(save());
  options_.tell(fmt::format("broker {}: restarting; {} partitions get another leader", id, cost.leads));
  FRESHET_TRY(run_command(journalled.broker, before));
  FRESHET_TRY(wait_until_back(id, before));
  journalled.stage = Stage::kDone;
  options_.tell(
      fmt::format("broker {}: back and in sync; {} of {} done", id, journal_.done(), journal_.brokers.size()));
  return save();
}

// While the command runs the cluster is looked at, too: a broker that leads nothing shows only then that it was away.
Status Follower::run_command(const Broker& broker, Before& before) {
  FRESHET_TRY(port_.begin(broker));
  const env::TimeUs until_us = clock_.monotonic_us() + options_.back_max_us;
  while (true) {
    FRESHET_ASSIGN(const std::optional<int> status, port_.ended());
    if (status && *status == 0) return {};
    if (status)
      return fail(Code::kFatal, fmt::format("broker {}: the command ended with status {}; no other broker is touched. "
                                            "--resume runs it again",
                                            broker.id, *status));
    if (clock_.monotonic_us() >= until_us)
      return fail(Code::kFatal, fmt::format("broker {}: the command does not end", broker.id));
    if (const auto state = port_.look(); state)
      before.seen_away = before.seen_away || was_away(*state, broker.id, before.led);
    clock_.sleep_us(options_.poll_us);
  }
}

// Being back is not enough: it must have been away first, else a command that restarts in the background would be taken
// for done while its broker still has to go.
Status Follower::wait_until_back(int32_t broker, Before& before) {
  const env::TimeUs begin_us = clock_.monotonic_us();
  while (true) {
    FRESHET_ASSIGN(const State state, look());
    const env::TimeUs waited_us = clock_.monotonic_us() - begin_us;
    before.seen_away = before.seen_away || was_away(state, broker, before.led);
    // What leads nothing leaves no trace: it may have been away between two looks.
    const bool is_done = before.seen_away || (before.led.empty() && waited_us >= options_.seen_max_us);
    if (is_done && unready(state, -1).empty() && is_back(state, broker)) {
      std::vector<Partition> preferred;
      for (const Partition& partition : state.partitions) {
        if (!partition.replicas.empty() && partition.replicas.front() == broker && partition.leader != broker)
          preferred.push_back(partition);
      }
      return preferred.empty() ? Status() : port_.elect(preferred);
    }
    if (!before.seen_away && !before.led.empty() && waited_us >= options_.seen_max_us)
      return fail(Code::kFatal, fmt::format("broker {}: its command ended, and {:.0f} s later it was never away: it "
                                            "restarts nothing. No other broker is touched",
                                            broker, seconds_of(waited_us)));
    if (waited_us >= options_.back_max_us) {
      const std::string why = unready(state, -1);
      return fail(Code::kFatal,
                  fmt::format("broker {} is not back after {:.0f} s: {}. No other broker is touched", broker,
                              seconds_of(waited_us), state.find(broker) == nullptr ? "it is down" : why));
    }
    clock_.sleep_us(options_.poll_us);
  }
}

}  // namespace freshet::fleet::restart
