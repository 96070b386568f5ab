#include "fleet/rebalance/executor.h"

#include <fmt/core.h>

#include <cmath>
#include <map>
#include <set>

#include "base/saturated.h"
#include "fleet/rebalance/throttles.h"
#include "fleet/text.h"

namespace freshet::fleet::rebalance {
namespace {

constexpr const char* kLeaderReplicas = "leader.replication.throttled.replicas";
constexpr const char* kFollowerReplicas = "follower.replication.throttled.replicas";

constexpr uint32_t kSeenTries = 10;

const Partition* find_partition(const State& state, const JournalMove& move) {
  for (const Partition& partition : state.partitions)
    if (partition.index == move.partition && partition.topic == move.topic) return &partition;
  return nullptr;
}

std::vector<int32_t> brokers_of(const Partition& partition) {
  std::vector<int32_t> out;
  for (const Replica& replica : partition.replicas) out.push_back(replica.place.broker);
  return out;
}

bool has_same(std::vector<int32_t> a, std::vector<int32_t> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

bool is_of(const Moving& moving, const JournalMove& move) {
  return moving.topic == move.topic && moving.partition == move.partition;
}

// Whether what moves is what this move of ours began.
bool is_ours(const Moving& moving, const JournalMove& move) {
  if (!is_of(moving, move)) return false;
  if (move.is_within_broker()) return moving.broker == move.to && moving.dir == move.to_dir;
  return moving.adding == std::vector<int32_t>{move.to};
}

// The dir in which the replica of this broker lies; "": there is none.
std::string dir_on(const State& state, const Partition& partition, int32_t broker) {
  for (const Replica& replica : partition.replicas) {
    const Broker* const at = state.find(broker);
    if (replica.place.broker == broker && at != nullptr && replica.place.dir < at->dirs.size())
      return at->dirs[replica.place.dir].path;
  }
  return "";
}

bool is_done(const State& state, const Partition& partition, const JournalMove& move) {
  if (move.is_within_broker()) return dir_on(state, partition, move.to) == move.to_dir;
  return has_same(brokers_of(partition), move.after);
}

// By topic: partition:broker for each of these.
using ReplicaList = std::map<std::string, std::string>;
void append_replica(ReplicaList& lists, const JournalMove& move, int32_t broker) {
  std::string& list = lists[move.topic];
  list += fmt::format("{}{}:{}", list.empty() ? "" : ",", move.partition, broker);
}

// After a kill, where disks don't tell what they hold: the replicas that went away just before are on them for as long
// as their brokers say. It must not be proved with room that is not there.
Status wait_for_leaving(Port& port, env::Clock& clock, const Journal& journal, const ExecutorOptions& options) {
  FRESHET_ASSIGN(const State state, port.look());
  double longest_s = 0;
  for (const auto& wave : journal.waves)
    for (const JournalMove& move : wave)
      if (const Broker* const broker = state.find(move.from); broker != nullptr)
        longest_s = std::max(longest_s, broker->delete_delay_s);
  const double wait_s = longest_s + journal.limits.delete_slack_s;
  options.tell(fmt::format("waiting {:.0f} s: what was moved away before may still lie on the disks", wait_s));
  const env::TimeUs until_us = saturated_sum(clock.monotonic_us(), whole_number(wait_s * 1e6));
  while (clock.monotonic_us() < until_us && options.wish() == Wish::kGoOn) clock.sleep_us(options.poll_us);
  return {};
}

}  // namespace

template <class Do>
auto Executor::patiently(const Do& what) -> decltype(what()) {
  const env::TimeUs until_us = clock_.monotonic_us() + options_.away_max_us;
  while (true) {
    auto result = what();
    if (result || result.error().code != Code::kRetry || clock_.monotonic_us() >= until_us) return result;
    options_.tell(result.error().message + "; trying again");
    clock_.sleep_us(options_.poll_us);
  }
}

Status Executor::save() { return options_.save(journal_); }

Status Executor::check_cluster() {
  FRESHET_ASSIGN(const std::string id, patiently([&] { return port_.cluster_id(); }));
  if (id == journal_.cluster_id) return {};
  return fail(Code::kInvalid, fmt::format("the journal is of cluster {}, and the brokers are of {}: nothing was done",
                                          journal_.cluster_id, id));
}

Status Executor::run() {
  FRESHET_TRY(check_cluster());
  if (!journal_.is_open()) return {};
  journal_.outcome = Outcome::kRunning;
  FRESHET_TRY(save());
  Status ran = see_before();
  if (ran && options_.forgot_leaving)
    ran = patiently([&] { return wait_for_leaving(port_, clock_, journal_, options_); });
  if (ran) ran = run_waves();
  if (journal_.outcome == Outcome::kCancelled) return ran;
  const bool is_refused = !ran && (ran.error().code == Code::kConflict || ran.error().code == Code::kInvalid);
  if (!ran && !is_refused)
    return ran;  // it does not answer: nothing can be put back, and the journal says what is to be
  const Status back = patiently([&] { return put_back(); });
  if (!back) return is_refused ? ran : back;
  if (!ran || journal_.outcome == Outcome::kPaused) {
    journal_.outcome = Outcome::kPaused;
    FRESHET_TRY(save());
    return ran;
  }
  journal_.outcome = Outcome::kDone;
  return save();
}

Status Executor::run_waves() {
  while (journal_.wave < journal_.waves.size()) {
    const Wish wish = options_.wish();
    if (wish == Wish::kCancel) return cancel();
    const bool pauses = wish == Wish::kPause;
    if (is_idle_ && !pauses && clock_.now_us() < window_at_us_) {
      clock_.sleep_us(options_.poll_us);
      continue;
    }
    FRESHET_ASSIGN(const bool is_wave_done, patiently([&] { return step(!pauses); }));
    // A pause waits for what is under way, so that nothing is half moved and no throttle is needed.
    if (!is_wave_done && pauses && is_idle_) {
      journal_.outcome = Outcome::kPaused;
      return {};
    }
    if (!is_wave_done) {
      clock_.sleep_us(options_.poll_us);
      continue;
    }
    ++journal_.wave;
    options_.tell(fmt::format("wave {} of {} is done", journal_.wave, journal_.waves.size()));
    FRESHET_TRY(patiently([&] { return put_back(); }));
  }
  return patiently([&] { return elect(); });
}

Result<Executor::Standing> Executor::stand(const State& state) {
  Standing out;
  FRESHET_ASSIGN(out.moving, port_.moving());
  const std::vector<Moving>& moving = out.moving;
  const std::vector<JournalMove>& moves = journal_.waves.at(journal_.wave);
  std::set<size_t> known;
  for (const JournalMove& move : moves) {
    bool is_ours_moving = false, is_strange = false;
    for (size_t i = 0; i < moving.size(); ++i) {
      if (is_ours(moving[i], move)) {
        is_ours_moving = true;
        known.insert(i);
      } else if (is_of(moving[i], move)) {
        is_strange = true;
      }
    }
    const Partition* const partition = find_partition(state, move);
    if (is_ours_moving) {
      out.under_way.push_back(move);
    } else if (partition == nullptr) {
      out.lost.push_back(move);
    } else if (is_done(state, *partition, move)) {
      out.done.push_back(move);
    } else if (is_strange || has_same(brokers_of(*partition), move.before)) {
      out.waiting.push_back(move);
    } else {
      out.lost.push_back(move);
    }
  }
  for (size_t i = 0; i < moving.size(); ++i)
    if (!known.contains(i)) out.strange.push_back(moving[i]);
  return out;
}

void Executor::tell_strange(const Standing& standing) {
  for (const Moving& moving : standing.strange) {
    if (std::find(told_.begin(), told_.end(), moving.name()) != told_.end()) continue;
    told_.push_back(moving.name());
    options_.tell(moving.name() + " is moved by somebody else: it is left alone, and waited for");
  }
}

Result<bool> Executor::step(bool may_start) {
  FRESHET_ASSIGN(const State state, port_.look());
  FRESHET_ASSIGN(const Standing standing, stand(state));
  tell_strange(standing);
  is_idle_ = standing.under_way.empty();
  if (standing.waiting.empty() && standing.under_way.empty()) {
    for (const JournalMove& move : standing.lost)
      options_.tell(move.name() + " is gone, or was moved elsewhere by somebody else: it is left as it is");
    return true;
  }
  if (!standing.under_way.empty() && journal_.at_close == AtClose::kTakeBack && is_closed()) {
    options_.tell("the window of maintenance is over: what is under way goes back to where it was");
    FRESHET_TRY(take_back(standing.under_way));
    FRESHET_TRY(put_back());
    return false;
  }
  FRESHET_TRY(keep_copy_rate(state, standing));
  const bool may = may_start && clock_.now_us() >= window_at_us_;
  if (may && !standing.waiting.empty() && standing.strange.empty()) FRESHET_TRY(start(state, standing));
  return false;
}

// From how the cluster is now: what waits comes in whole, beside whatever lies there. A throttle that may be lowered
// makes a wave longer, so it is proved for the lowest.
Result<Executor::Proof> Executor::prove(const State& state, const Standing& standing) {
  std::vector<Move> moves;
  for (const JournalMove& move : standing.waiting) {
    const Partition* const partition = find_partition(state, move);
    const Broker* const to = state.find(move.to);
    if (to == nullptr)
      return fail(Code::kRetry, fmt::format("broker {} is down, where {} should go", move.to, move.name()));
    const auto dir = std::find_if(to->dirs.begin(), to->dirs.end(),
                                  [&](const LogDir& one) { return one.path == move.to_dir && one.is_online; });
    if (partition == nullptr || dir == to->dirs.end())
      return fail(Code::kConflict,
                  fmt::format("{} of broker {} is not there or has failed, where {} should go: plan anew", move.to_dir,
                              move.to, move.name()));
    Place from{move.from, 0};
    for (const Replica& replica : partition->replicas)
      if (replica.place.broker == move.from) from = replica.place;
    moves.push_back({static_cast<size_t>(partition - state.partitions.data()),
                     from,
                     {move.to, static_cast<uint32_t>(dir - to->dirs.begin())},
                     {}});
  }
  const double most = journal_.limits.throttle_bytes_per_s;
  const double share = journal_.copy_rate.bounds.adapts ? journal_.copy_rate.bounds.least_share : 1;
  Proof proof;
  FRESHET_ASSIGN(proof.least_rate, least_rate_of(state, moves, journal_.limits, share));
  proof.rate = std::clamp(rate(), proof.least_rate, most);
  Limits limits = journal_.limits;
  limits.throttle_bytes_per_s = proof.rate;
  FRESHET_ASSIGN(const Plan plan, plan_at_once(state, std::move(moves), limits));
  proof.duration_s = plan.duration_s;
  return proof;
}

// What was moved away before is on its way to be gone; when that is over, waiting helps no more.
Status Executor::hold_back(const State& state, const Standing& standing, const Error& refusal) {
  if (refusal.code != Code::kConflict) return tl::unexpected(refusal);
  double delay_s = 0;
  for (const Broker& broker : state.brokers) delay_s = std::max(delay_s, broker.delete_delay_s);
  const env::TimeUs now_us = clock_.monotonic_us();
  if (held_back_since_us_ == 0) {
    held_back_since_us_ = std::max<env::TimeUs>(1, now_us);
    options_.tell("the next wave waits for deleted files to go: " + refusal.message);
  }
  const bool may_help =
      !standing.under_way.empty() ||
      now_us < saturated_sum(held_back_since_us_, whole_number((delay_s + 2 * journal_.limits.delete_slack_s) * 1e6));
  return may_help ? Status{} : tl::unexpected(refusal);
}

Status Executor::start(const State& state, const Standing& standing) {
  const auto proof = prove(state, standing);
  if (!proof) return hold_back(state, standing, proof.error());
  held_back_since_us_ = 0;
  FRESHET_ASSIGN(const bool may, may_begin(proof->duration_s));
  if (!may) return {};
  journal_.copy_rate.bytes_per_s = std::floor(proof->rate);
  journal_.copy_rate.least_bytes_per_s = proof->least_rate;
  FRESHET_TRY(save());
  std::vector<JournalMove> moves = standing.under_way;
  moves.insert(moves.end(), standing.waiting.begin(), standing.waiting.end());
  FRESHET_TRY(set_throttles(state, moves));
  // Where replicas shall lie is said first, else a broker chooses the dir itself.
  std::vector<Placement> placements;
  std::map<std::pair<std::string, int32_t>, std::vector<int32_t>> replicas;
  for (const JournalMove& move : standing.waiting) {
    const Broker* const to = state.find(move.to);
    if (move.is_within_broker() || (to != nullptr && to->dirs.size() > 1))
      placements.push_back({move.topic, move.partition, move.to, move.to_dir});
    if (!move.is_within_broker()) replicas[{move.topic, move.partition}] = move.after;
  }
  if (!placements.empty()) FRESHET_TRY(port_.place(placements));
  std::vector<Assignment> assignments;
  for (const auto& [partition, after] : replicas) assignments.push_back({partition.first, partition.second, after});
  if (!assignments.empty()) FRESHET_TRY(port_.assign(assignments));
  options_.tell(fmt::format("wave {} of {}: {} begun", journal_.wave + 1, journal_.waves.size(),
                            plural(standing.waiting.size(), "move")));
  return {};
}

Status Executor::set_throttles(const State& state, const std::vector<JournalMove>& moves) {
  ReplicaList leaders, followers;
  bool between = false, within = false;
  for (const JournalMove& move : moves) {
    (move.is_within_broker() ? within : between) = true;
    if (move.is_within_broker()) continue;
    for (const int32_t broker : move.before) append_replica(leaders, move, broker);
    append_replica(followers, move, move.to);
  }
  std::vector<Change> changes = rate_changes(state, between, within, rate());
  for (const auto& [topic, list] : leaders) changes.push_back({Setting::Kind::kTopic, topic, kLeaderReplicas, list});
  for (const auto& [topic, list] : followers)
    changes.push_back({Setting::Kind::kTopic, topic, kFollowerReplicas, list});
  FRESHET_TRY(set(changes));
  rate_set_ = rate();
  return {};
}

// First what was before is saved, then ours is set: at whatever moment we are killed, the journal knows what to put
// back.
Status Executor::set(const std::vector<Change>& changes) {
  bool is_new = false;
  for (const Change& change : changes) {
    const auto same = [&](const Setting& setting) {
      return setting.kind == change.kind && setting.resource == change.resource && setting.name == change.name;
    };
    const auto known = std::find_if(journal_.settings.begin(), journal_.settings.end(), same);
    if (known != journal_.settings.end()) {
      is_new = is_new || !known->is_ours;
      known->is_ours = true;
      continue;
    }
    FRESHET_ASSIGN(auto before, port_.setting(change.kind, change.resource, change.name));
    journal_.settings.push_back({change.kind, change.resource, change.name, std::move(before), true});
    is_new = true;
  }
  if (is_new) FRESHET_TRY(save());
  return port_.change(changes);
}

Status Executor::put_back() {
  if (journal_.settings_set() == 0) return save();
  std::vector<Change> changes;
  for (const Setting& setting : journal_.settings)
    if (setting.is_ours) changes.push_back({setting.kind, setting.resource, setting.name, setting.before});
  FRESHET_TRY(port_.change(changes));
  // A broker learns of it a moment later; whoever asks it then would take our throttle for what was there before us.
  for (const Change& change : changes) FRESHET_TRY(see_put_back(change));
  for (Setting& setting : journal_.settings) setting.is_ours = false;
  return save();
}

Status Executor::see_put_back(const Change& change) {
  for (uint32_t tries = 0; tries < kSeenTries; ++tries) {
    const auto now = port_.setting(change.kind, change.resource, change.name);
    if (!now && now.error().code == Code::kNotFound) return {};  // the topic is gone, and its settings with it
    if (!now) return tl::unexpected(now.error());
    if (*now == change.value) return {};
    clock_.sleep_us(options_.poll_us);
  }
  return fail(Code::kRetry, fmt::format("{} of {} is not yet as it was before", change.name, change.resource));
}

Status Executor::elect() {
  std::map<std::pair<std::string, int32_t>, std::vector<int32_t>> last;
  for (const auto& wave : journal_.waves)
    for (const JournalMove& move : wave)
      if (!move.is_within_broker()) last[{move.topic, move.partition}] = move.after;
  FRESHET_ASSIGN(const State state, port_.look());
  std::vector<Assignment> wrong;
  for (const Partition& partition : state.partitions) {
    const bool is_moved = last.contains({partition.topic, partition.index});
    if (is_moved && !partition.replicas.empty() && partition.leader != partition.replicas[0].place.broker)
      wrong.push_back({partition.topic, partition.index, std::nullopt});
  }
  return wrong.empty() ? Status{} : port_.elect(wrong);
}

Status Executor::take_back(const std::vector<JournalMove>& moves) {
  std::vector<Assignment> assignments;
  std::vector<Placement> placements;
  for (const JournalMove& move : moves) {
    // To where it lies is nowhere: that stops a move within a broker.
    if (move.is_within_broker()) placements.push_back({move.topic, move.partition, move.from, move.from_dir});
    if (!move.is_within_broker()) assignments.push_back({move.topic, move.partition, std::nullopt});
    options_.tell(move.name() + ": its move is cancelled");
  }
  if (!placements.empty()) FRESHET_TRY(port_.place(placements));
  if (!assignments.empty()) FRESHET_TRY(port_.assign(assignments));
  return {};
}

Status Executor::cancel() {
  FRESHET_TRY(check_cluster());
  if (!journal_.is_open()) return {};
  while (journal_.wave < journal_.waves.size()) {
    FRESHET_ASSIGN(const State state, patiently([&] { return port_.look(); }));
    FRESHET_ASSIGN(const Standing standing, patiently([&] { return stand(state); }));
    if (standing.under_way.empty()) break;
    FRESHET_TRY(patiently([&] { return take_back(standing.under_way); }));
    clock_.sleep_us(options_.poll_us);
  }
  FRESHET_TRY(patiently([&] { return put_back(); }));
  journal_.outcome = Outcome::kCancelled;
  return save();
}

}  // namespace freshet::fleet::rebalance
