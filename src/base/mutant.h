// Planted faults, for the simulator's own build of the libraries (FRESHET_MUTANTS): it must find each of them
// (docs/simulator.md). Everywhere else FRESHET_MUTANT(name) is `false` and costs nothing.
#pragma once

#include <cstdint>

namespace freshet {

enum class Mutant : uint8_t {
  kNone,
  // identity: the breaks of the protocol's model
  kRedirectBeforeAbsorbed,
  kOrderByCreationTime,
  kRankFromCurrentRules,
  kIdWithoutGeneration,
  kNoUnlinkOnRefusal,
  kDedupAtApply,
  kApplyWhileLeaving,
  kChunksLeftBehind,
  kJoinFollowsRedirect,
  kUnlinkIgnoresUse,
  kDropWithoutFree,
  kRepointUnconfirmed,
  kConfirmNeverClaims,
  kJoinForDropped,
  kNoTombstone,
  kLastArrivalWins,
  kErasedSurvivorRevives,
  // identity: more
  kRedirectNotFollowed,
  kAbsorbTwice,
  kJoinFlipped,
  kHeldForgotten,
  kEraseWithoutSuppress,
  kMergeOverLimit,
  kEveryClaimVerified,
  kVerifiedMovesNothing,
  kLoneRecordIsUse,
  kTieIsUse,
  kPersonWithoutLimit,
  kAudienceNotReplayed,
  kMergedNotJudged,
  kLoserStaysInAudience,
  // state and commit
  kOffsetBeforeState,
  kSeenNotPersisted,
  kSeenBeforeCommit,
  kFlushBeforeCommit,
  kReplaySpeaks,
  kAbortIgnored,
  kAbortKeepsMemory,
  kGapNotReplayed,
  kStandbyStaysSilent,
  // computed values
  kSumAsDouble,
  kFirstSeenOfSurvivor,
  kSessionByArrival,
  kSubscriptionByArrival,
  kSubscriptionEventUnheard,
  // push tokens
  kTokenJoinsDevices,
  kTokenMoveUntold,
  kTokenFirstListed,
  kUninstallByArrival,
  kUninstallStaysBehind,
  // reaction and documents
  kCoalescerReorders,
  kLowWaterTooHigh,
  kCommitBeforeSync,
  kRetryForgotten,
  kStaleWriteWins,
  kTombstoneForgotten,
  // profiles read from the state
  kReadUncommitted,
  kReadWhileReplaying,
  kReadOfMerged,
  kReadStopsAtRedirect,
  // ingest
  kPhoneAsSent,
  kAnswerBeforeDurable,
  kOverflowOvertaken,
  kDrainForgetsWaiting,
  kDrainTellsNobody,
  // mirrors
  kMirrorOffsetsApart,
  kMirrorMarkAhead,
  kMirrorFenceOfNow,
  kMirrorNoSwitchWait,
  kMirrorSwitchForgotten,
  kMirrorNoRewind,
  kMirrorMuteIsDone,
  kMirrorAddedFromEnd,
  kMirrorMarksWhileBusy,
  kMirrorMarkOfSecond,
  kMirrorRefusedDropped,
  // captures
  kCapturePositionApart,
  kCaptureMuteIsDone,
  kCaptureFromSnapshotsEnd,
  kCaptureDropUnheard,
  kCaptureAbortIgnored,
  kCaptureAnewUnswept,
  kCaptureStalePosition,
  // sinks
  kSinkPlaceAhead,
  kSinkBeginsAtLog,
  kSinkLetterDropped,
  kFilesPlanIgnored,
  kFilesManifestFirst,
  kHookGoesOn,
  kSqlPlaceApart,
  kSqlNotFenced,
  kErasureNotNoted,
  kStateTableFirst,
  kStateTopicUnread,
  kStateGapFolded,
  kStateLossUnasked,
  kRemovedUnsaid,
};

#ifdef FRESHET_MUTANTS
inline Mutant planted_mutant = Mutant::kNone;  // NOLINT: one process plants one
#define FRESHET_MUTANT(name) (::freshet::planted_mutant == ::freshet::Mutant::name)
// A bound that the simulator makes small, so that its short runs get across it.
#define FRESHET_BOUND(usual, simulated) (simulated)
#else
#define FRESHET_MUTANT(name) false
#define FRESHET_BOUND(usual, simulated) (usual)
#endif

}  // namespace freshet
