#include "mutants.h"

#include <algorithm>

namespace freshet::sim {
namespace {

constexpr MutantInfo kMutants[] = {
    {Mutant::kRedirectBeforeAbsorbed, "redirect-before-absorbed",
     "the loser redirects at once instead of leaving and holding its messages"},
    {Mutant::kOrderByCreationTime, "order-by-creation-time",
     "the survivor is who had the identifier first, not the first by (rank of root type, id)"},
    {Mutant::kRankFromCurrentRules, "rank-from-current-rules",
     "ranks are those of the partition's current rules, not of the reference"},
    {Mutant::kIdWithoutGeneration, "id-without-generation", "ids are hashes of the root identifier alone"},
    {Mutant::kNoUnlinkOnRefusal, "no-unlink-on-refusal", "a refused join tells the claimant nothing"},
    {Mutant::kDedupAtApply, "dedup-at-apply", "duplicates are dropped where a record is applied, not where it enters"},
    {Mutant::kApplyWhileLeaving, "apply-while-leaving",
     "a leaving entity goes on applying records to the state it has already sent"},
    {Mutant::kChunksLeftBehind, "chunks-left-behind",
     "a survivor that leaves does not pass on the chunks it had gathered"},
    {Mutant::kJoinFollowsRedirect, "join-follows-redirect",
     "a join that finds its loser merged away is not decided anew by the identifier's home"},
    {Mutant::kUnlinkIgnoresUse, "unlink-ignores-use",
     "a holder lets a shared identifier go although it has used it later than the taker"},
    {Mutant::kDropWithoutFree, "drop-without-free",
     "an entity that drops an identifier does not tell the identifier's home"},
    {Mutant::kRepointUnconfirmed, "repoint-unconfirmed",
     "after a repoint nobody asks the survivor whether it still holds the identifier"},
    {Mutant::kConfirmNeverClaims, "confirm-never-claims",
     "asked so, a survivor that holds the identifier says nothing instead of claiming it"},
    {Mutant::kJoinForDropped, "join-for-dropped",
     "a join is done although the loser no longer holds the identifier that it was asked for"},
    {Mutant::kNoTombstone, "no-tombstone", "unset forgets the time of the attribute"},
    {Mutant::kLastArrivalWins, "last-arrival-wins",
     "attributes take the last write to arrive, not the last by (time, message id)"},
    {Mutant::kErasedSurvivorRevives, "erased-survivor-revives",
     "an absorb that reaches an erased survivor revives the loser"},
    {Mutant::kRedirectNotFollowed, "redirect-not-followed", "what arrives for a merged entity is dropped"},
    {Mutant::kAbsorbTwice, "absorb-twice", "the loser's state is added twice"},
    {Mutant::kJoinFlipped, "join-flipped", "the survivor and the loser change places"},
    {Mutant::kHeldForgotten, "held-forgotten", "what a leaving entity held is dropped"},
    {Mutant::kEraseWithoutSuppress, "erase-without-suppress",
     "erasing frees unique identifiers instead of suppressing them"},
    {Mutant::kMergeOverLimit, "merge-over-limit", "joins are done over the limits of identifiers"},
    {Mutant::kEveryClaimVerified, "every-claim-verified",
     "claims by a key of web pages count for as much as those by a server key"},
    {Mutant::kVerifiedMovesNothing, "verified-moves-nothing",
     "an address stays with a stranger who claimed it first, although a server key says whose it is"},
    {Mutant::kPersonWithoutLimit, "person-without-limit", "the limits of a person's events are not kept"},
    {Mutant::kAudienceNotReplayed, "audience-not-replayed",
     "audiences are not judged in a replay, so that who entered before a crash enters again"},
    {Mutant::kMergedNotJudged, "merged-not-judged", "a merge is no reason to judge a profile's audiences"},
    {Mutant::kLoserStaysInAudience, "loser-stays-in-audience",
     "nobody hears that a merged profile has left its audiences"},
    {Mutant::kOffsetBeforeState, "offset-before-state", "the offset is written before the state that it stands for"},
    {Mutant::kSeenNotPersisted, "seen-not-persisted", "message ids that were seen are not flushed"},
    {Mutant::kSeenBeforeCommit, "seen-before-commit", "a message id is durable before the message is committed"},
    {Mutant::kFlushBeforeCommit, "flush-before-commit", "a version that is not committed is made durable"},
    {Mutant::kReplaySpeaks, "replay-speaks", "outputs are not suppressed in a replay"},
    {Mutant::kAbortIgnored, "abort-ignored", "an aborted transaction is taken for a committed one"},
    {Mutant::kAbortKeepsMemory, "abort-keeps-memory",
     "after an aborted transaction the records are processed again on top of themselves"},
    {Mutant::kGapNotReplayed, "gap-not-replayed",
     "a worker goes on at the committed offset, though its state stands for an earlier one"},
    {Mutant::kStandbyStaysSilent, "standby-stays-silent", "a standby that takes over goes on without outputs"},
    {Mutant::kSumAsDouble, "sum-as-double", "sums are doubles"},
    {Mutant::kFirstSeenOfSurvivor, "first-seen-of-survivor",
     "a merge keeps the survivor's first_seen although the loser was seen sooner"},
    {Mutant::kSessionByArrival, "session-by-arrival", "an event that is late belongs to no session"},
    {Mutant::kSubscriptionByArrival, "subscription-by-arrival",
     "of an opt-in and an opt-out the last one to arrive counts"},
    {Mutant::kCoalescerReorders, "coalescer-reorders",
     "two waiting changes of an entity are folded in the wrong order"},
    {Mutant::kLowWaterTooHigh, "low-water-too-high", "reaction commits offsets whose changes are not written yet"},
    {Mutant::kCommitBeforeSync, "commit-before-sync", "reaction commits without syncing the store"},
    {Mutant::kRetryForgotten, "retry-forgotten", "a write that is to be tried again counts as done"},
    {Mutant::kStaleWriteWins, "stale-write-wins", "a change is applied to a newer document"},
    {Mutant::kTombstoneForgotten, "tombstone-forgotten", "a removed document is empty instead"},
    {Mutant::kReadUncommitted, "read-uncommitted", "a reader is shown what is not committed yet"},
    {Mutant::kReadWhileReplaying, "read-while-replaying",
     "a reader is shown a state that has not replayed to where it was committed"},
    {Mutant::kReadOfMerged, "read-of-merged", "a profile that was merged away can still be read"},
    {Mutant::kReadStopsAtRedirect, "read-stops-at-redirect",
     "a look-up that comes to a profile that was merged away finds nobody"},
    {Mutant::kAnswerBeforeDurable, "answer-before-durable", "ingest answers before the log has the records"},
    {Mutant::kOverflowOvertaken, "overflow-overtaken",
     "a tenant's records go straight in while earlier ones wait in overflow"},
    {Mutant::kDrainForgetsWaiting, "drain-forgets-waiting",
     "the drain commits past lanes whose records are not moved yet"},
    {Mutant::kDrainTellsNobody, "drain-tells-nobody",
     "how far the lanes ahead of the slowest are is not written, so a successor moves their records again"},
};

}  // namespace

std::span<const MutantInfo> mutants() { return kMutants; }

const MutantInfo* find_mutant(std::string_view name) {
  const auto* const at =
      std::find_if(std::begin(kMutants), std::end(kMutants), [&](const MutantInfo& m) { return m.name == name; });
  return at == std::end(kMutants) ? nullptr : at;
}

}  // namespace freshet::sim
