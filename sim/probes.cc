#include "probes.h"

namespace freshet::sim {

std::string_view name_of(Probe probe) {
  static constexpr std::array<std::string_view, kProbes> kNames = {"crash_ingest",
                                                                   "crash_worker",
                                                                   "crash_reactor",
                                                                   "crash_store",
                                                                   "crash_mid_persist",
                                                                   "crash_mid_commit",
                                                                   "crash_after_commit",
                                                                   "unsynced_lost",
                                                                   "unsynced_kept",
                                                                   "state_lost",
                                                                   "older_state",
                                                                   "standby_take_over",
                                                                   "followed",
                                                                   "follower_took_over",
                                                                   "rebalance",
                                                                   "rebalance_in_batch",
                                                                   "zombie",
                                                                   "zombie_fenced",
                                                                   "aborted",
                                                                   "unknown_committed",
                                                                   "unknown_aborted",
                                                                   "replayed",
                                                                   "append_refused",
                                                                   "late_append",
                                                                   "request_lost",
                                                                   "answer_lost",
                                                                   "duplicate_request",
                                                                   "duplicate_record",
                                                                   "skewed_clock",
                                                                   "rules_changed",
                                                                   "ingest_rules_changed",
                                                                   "store_slow",
                                                                   "store_failed",
                                                                   "store_failed_but_wrote",
                                                                   "store_partly_failed",
                                                                   "store_poisoned",
                                                                   "clock_jump",
                                                                   "overflowed",
                                                                   "merged",
                                                                   "refused",
                                                                   "erased",
                                                                   "erased_message",
                                                                   "limit_hit",
                                                                   "rejected_item"};
  return kNames[static_cast<size_t>(probe)];
}

}  // namespace freshet::sim
