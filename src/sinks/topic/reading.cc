#include "sinks/topic/reading.h"

#include <algorithm>
#include <map>
#include <utility>

#include "cluster/stream/scan.h"
#include "sinks/topic/target.h"
#include "telemetry/log.h"

namespace freshet::sinks {
namespace {

constexpr env::TimeUs kReadSilenceUs = 30'000'000;
constexpr env::TimeUs kReadSettleUs = 60'000'000;  // a writer that died leaves a transaction for 15 s
constexpr int64_t kReadOffsets = 5'000;
constexpr size_t kStatesBytes = 8u << 20;

// The states of a run of records, the last of each profile.
class StatesInTurn {
 public:
  StatesInTurn(const std::string& topic, StatesRead& counts,
               const std::function<Status(std::vector<ProfileState>)>& take)
      : topic_(topic), counts_(counts), take_(take) {}

  void add(int32_t partition, const cluster::Record& record) {
    if (!status_) return;
    auto state = read_state(record);
    if (!state) {
      log::warn("partition {} of topic {}: {}: it is passed over", partition, topic_, state.error().message);
      ++counts_.foreign;
      return;
    }
    if (!*state) {
      ++counts_.set_aside;
      states_.erase(std::string(*record.key));
      return;
    }
    bytes_ += (*state)->document.ByteSizeLong();
    states_.insert_or_assign(std::string(*record.key), std::move(**state));
    if (bytes_ >= kStatesBytes) status_ = hand_over();
  }

  // REQUIRES: no add() is under way.
  [[nodiscard]] Status hand_over() {
    FRESHET_TRY(status_);
    if (states_.empty()) return {};
    std::vector<ProfileState> states;
    states.reserve(states_.size());
    for (auto& [key, state] : states_) states.push_back(std::move(state));
    states_.clear();
    bytes_ = 0;
    return take_(std::move(states));
  }

 private:
  const std::string& topic_;
  StatesRead& counts_;
  const std::function<Status(std::vector<ProfileState>)>& take_;
  std::map<std::string, ProfileState> states_;  // by key
  size_t bytes_ = 0;
  Status status_;
};

}  // namespace

Result<StatesRead> read_states(cluster::Admin& admin, cluster::Reader& reader, const std::string& topic,
                               env::Clock& clock, const std::function<Status(std::vector<ProfileState>)>& take,
                               const std::function<void(uint64_t, uint64_t)>& progress) {
  StatesRead counts;
  FRESHET_ASSIGN(const uint32_t partitions, look_for_state_topic(admin, topic));
  const auto of = cluster::partitions_of(topic, partitions);
  FRESHET_ASSIGN(const auto firsts, cluster::offsets_of(admin, of, cluster::OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(const auto ends, cluster::settled_ends(admin, of, clock, kReadSettleUs));
  uint64_t total = 0, done = 0;
  for (uint32_t p = 0; p < partitions; ++p) total += static_cast<uint64_t>(ends[p] - firsts[p]);
  StatesInTurn states(topic, counts, take);
  for (uint32_t p = 0; p < partitions; ++p) {
    for (int64_t first = firsts[p]; first < ends[p]; first += kReadOffsets) {
      const cluster::Range range{static_cast<int32_t>(p), first, std::min(ends[p], first + kReadOffsets)};
      FRESHET_TRY(
          cluster::scan(reader, topic, {range}, kReadSilenceUs,
                        [&](int32_t partition, const cluster::Record& record) { states.add(partition, record); }));
      FRESHET_TRY(states.hand_over());
      done += static_cast<uint64_t>(range.end - range.first);
      progress(done, total);
    }
  }
  return counts;
}

}  // namespace freshet::sinks
