// What a run went through: a counter for every fault and for the rare branches that a simulator is for. A probe that is
// never hit over many seeds means that the simulator does not test what it claims to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace freshet::sim {

enum class Probe : uint8_t {
  kCrashIngest,
  kCrashWorker,
  kCrashReactor,
  kCrashStore,
  kCrashMidPersist,
  kCrashMidCommit,
  kCrashAfterCommit,
  kUnsyncedLost,
  kUnsyncedKept,
  kStateLost,
  kOlderState,
  kStandbyTakeOver,
  kFollowed,
  kFollowerTookOver,
  kRebalance,
  kRebalanceInBatch,
  kZombie,
  kZombieFenced,
  kAborted,
  kUnknownCommitted,
  kUnknownAborted,
  kReplayed,
  kAppendRefused,
  kLateAppend,
  kRequestLost,
  kAnswerLost,
  kDuplicateRequest,
  kDuplicateRecord,
  kSkewedClock,
  kRulesChanged,
  kIngestRulesChanged,
  kStoreSlow,
  kStoreFailed,
  kStoreFailedButWrote,
  kStorePartlyFailed,
  kStorePoisoned,
  kClockJump,
  kMerged,
  kRefused,
  kErased,
  kErasedMessage,
  kLimitHit,
  kRejectedItem,
  kCount
};
inline constexpr size_t kProbes = static_cast<size_t>(Probe::kCount);
[[nodiscard]] std::string_view name_of(Probe probe);

class Probes {
 public:
  void hit(Probe probe, uint64_t times = 1) { counts_[static_cast<size_t>(probe)] += times; }
  [[nodiscard]] uint64_t of(Probe probe) const { return counts_[static_cast<size_t>(probe)]; }
  void add(const Probes& other) {
    for (size_t i = 0; i < kProbes; ++i) counts_[i] += other.counts_[i];
  }
  [[nodiscard]] size_t hit_count() const {
    size_t n = 0;
    for (const uint64_t count : counts_) n += count > 0 ? 1 : 0;
    return n;
  }

 private:
  std::array<uint64_t, kProbes> counts_{};
};

}  // namespace freshet::sim
