// What a run went through: a counter for every fault and for the rare branches that a simulator is for. A probe that is
// never hit over many seeds means that the simulator does not test what it claims to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace freshet::sim {

// Most probes are named after the fault or the branch that they count; docs/simulator.md lists
// which fault has which.
enum class Probe : uint8_t {
  kCrashIngest,
  kCrashWorker,
  kCrashReactor,
  kCrashStore,
  // A worker dies while a state is half durable, before a commit has taken effect, or just after
  // it.
  kCrashMidPersist,
  kCrashMidCommit,
  kCrashAfterCommit,
  // What a crash did to what was written and not synced.
  kUnsyncedLost,
  kUnsyncedKept,
  // What a worker finds on its disk when it comes back.
  kStateLost,
  kOlderState,
  // Who has read a partition along takes over: with its disk, or with the state that it has open.
  kStandbyTakeOver,
  kFollowed,
  kFollowerTookOver,
  // Partitions change hands; a zombie is a member that has not heard of it yet.
  kRebalance,
  kRebalanceInBatch,
  kZombie,
  kZombieFenced,
  // How transactions end besides well.
  kAborted,
  kUnknownCommitted,
  kUnknownAborted,
  // A record of the past was read again after a crash or a take-over.
  kReplayed,
  // What goes wrong between a client and the log.
  kAppendRefused,
  kLateAppend,
  kRequestLost,
  kAnswerLost,
  kDuplicateRequest,
  kDuplicateRecord,
  kSkewedClock,
  // Rules change in the stream, or at one node.
  kRulesChanged,
  kIngestRulesChanged,
  // What the document store answers besides "done".
  kStoreSlow,
  kStoreFailed,
  kStoreFailedButWrote,
  kStorePartlyFailed,
  kStorePoisoned,
  kClockJump,
  // What readers of action's state are told.
  kReadFound,
  kReadNobody,
  kReadRedirected,
  // Records that went through overflow.
  kOverflowed,
  // Branches of identity.
  kMerged,
  kRefused,
  kErased,
  kErasedMessage,
  kLimitHit,
  kRejectedItem,
  // Of mirrors, which have a world of their own (mirror_world.h).
  kMirrorCrash,
  kMirrorCrashInTransaction,
  kMirrorCrashAfterCommit,
  kMirrorFenced,
  kMirrorHung,
  kMirrorZombie,
  kMirrorExpelled,
  kMirrorTimedOut,
  kMirrorNoAnswer,
  kMirrorCommitRefused,
  kMirrorCommitMute,
  kMirrorAside,
  kMirrorGrown,
  kMirrorMovedKey,
  kMirrorRenumbered,
  kMirrorSourceAborted,
  kMirrorRefusedRecord,
  kMirrorTrimmed,
  kMirrorGroupMoved,
  kMirrorVerified,
  // Of captures (capture_world.h).
  kCaptureCrash,
  kCaptureCrashInTransaction,
  kCaptureCrashAfterCommit,
  kCaptureFenced,
  kCaptureHung,
  kCaptureZombie,
  kCaptureTimedOut,
  kCaptureNoAnswer,
  kCaptureCommitRefused,
  kCaptureCommitMute,
  kCaptureAside,
  kCaptureCollectionChanged,
  kCaptureLarge,
  kCaptureTooLate,
  kCaptureAnew,
  // Of sinks (sink_world.h).
  kSinkCrash,
  kSinkHung,
  kSinkZombie,
  kSinkNewMember,
  kSinkNoAnswer,
  kSinkAnswerLost,
  kSinkTargetRefused,
  kSinkTableLost,
  kSinkOlderTable,
  kSinkAside,
  kSinkTrimmed,
  kSinkSaidAgain,
  kSinkMerged,
  kSinkErased,
  kSinkLetter,
  kSinkFenced,
  kCount  // how many probes there are; not one itself
};
inline constexpr size_t kProbes = static_cast<size_t>(Probe::kCount);
inline constexpr size_t kFirstProbeOfMirrors = static_cast<size_t>(Probe::kMirrorCrash);
inline constexpr size_t kFirstProbeOfCaptures = static_cast<size_t>(Probe::kCaptureCrash);
inline constexpr size_t kFirstProbeOfSinks = static_cast<size_t>(Probe::kSinkCrash);
[[nodiscard]] std::string_view name_of(Probe probe);

// Counters of one run, or the sum of many.
class Probes {
  // A probe counts how often something happened, not only that it did.
 public:
  void hit(Probe probe, uint64_t times = 1) { counts_[static_cast<size_t>(probe)] += times; }
  // Adds the counters of another run.
  [[nodiscard]] uint64_t of(Probe probe) const { return counts_[static_cast<size_t>(probe)]; }
  void add(const Probes& other) {
    for (size_t i = 0; i < kProbes; ++i) counts_[i] += other.counts_[i];
    // How many of the probes were hit at all.
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
