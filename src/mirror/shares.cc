#include "mirror/shares.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/assert.h"
#include "base/mutant.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::mirror {
namespace {

using cluster::OffsetAt;
using cluster::PartitionRef;

constexpr env::TimeUs kLearnAgainUs = 500'000;
constexpr env::TimeUs kReadAgainUs = 5'000'000;

std::string text_of(const PartitionRef& of) { return fmt::format("{}[{}]", of.topic, of.partition); }

}  // namespace

Shares::Shares(const Config& config, Topics& topics, cluster::Membership& group, cluster::Admin& source, Lanes& lanes,
               env::Clock& clock)
    : config_(config), topics_(topics), group_(group), source_(source), lanes_(lanes), clock_(clock) {}

Share* Shares::find(uint32_t id) {
  const auto found = shares_.find(id);
  return found == shares_.end() ? nullptr : &found->second;
}

Status Shares::follow_group() {
  FRESHET_ASSIGN(const cluster::GroupChange change, group_.poll(0));
  for (const PartitionRef& progress : change.revoked) take(progress);
  for (const PartitionRef& progress : std::exchange(untaken_, {})) give(progress);
  for (const PartitionRef& progress : change.assigned) give(progress);
  return {};
}

void Shares::give(const PartitionRef& progress) {
  const auto name = source_of_progress(config_, progress.topic);
  Topic* const topic = name ? topics_.find(*name) : nullptr;
  if (topic == nullptr || static_cast<uint32_t>(progress.partition) >= topic->source_partitions) {
    untaken_.push_back(progress);  // The next look at the topics may bring it.
    return;
  }
  Share& share = shares_[next_id_];
  share.id = next_id_++;
  share.source = {*name, progress.partition};
  share.progress = progress;
  share.topic = topic;
}

void Shares::take(const PartitionRef& progress) {
  std::erase(untaken_, progress);
  for (auto share = shares_.begin(); share != shares_.end();) {
    if (share->second.progress == progress) {
      lanes_.stop(share->second);
      share = shares_.erase(share);
    } else {
      ++share;
    }
  }
}

void Shares::rewind() {
  if (FRESHET_MUTANT(kMirrorNoRewind)) return;
  for (auto& [id, share] : shares_) {
    lanes_.stop(share);
    share.known = share.unsaid = share.wrote = share.lettered = false;
    share.twin.reset();
  }
  std::erase_if(shares_, [](const auto& one) { return one.second.second; });
}

void Shares::halt(Share& share, const std::string& why) {
  lanes_.stop(share);
  share.halted = why;
  log::error("mirror {}: {} is not mirrored any further than {}: {}", config_.name, text_of(share.source), share.next,
             why);
}

Status Shares::learn() {
  std::vector<Share*> unknown;
  for (auto& [id, share] : shares_)
    if (!share.known && share.topic->refused.empty()) unknown.push_back(&share);
  const env::TimeUs now = clock_.monotonic_us();
  if (!unknown.empty() && now >= learn_at_) {
    const Status learned = learn_of(unknown);
    if (!learned && learned.error().code != Code::kRetry) return learned;
    // Offsets of a dead owner's transaction are known when the brokers have ended it.
    if (!learned) learn_at_ = now + kLearnAgainUs;
    if (!learned) log::info("mirror {}: waiting for positions: {}", config_.name, learned.error().message);
  }
  return {};
}

Status Shares::start() {
  const env::TimeUs now = clock_.monotonic_us();
  for (auto& [id, share] : shares_) {
    const Topic& topic = *share.topic;
    const bool waits = share.waits_turn || !topic.refused.empty() || !topic.away.empty() || now < topic.again_us;
    if (waits) lanes_.stop(share);
    if (!waits && !share.reading && share.may_read() && now >= share.again_us) FRESHET_TRY(lanes_.start(share));
  }
  return {};
}

Status Shares::learn_of(const std::vector<Share*>& unknown) {
  std::vector<PartitionRef> of;
  for (const Share* share : unknown) of.push_back(share->progress);
  FRESHET_ASSIGN(const auto places, group_.committed(of));
  FRESHET_ASSERT(places.size() == of.size());
  std::vector<Share*> fresh;
  for (size_t i = 0; i < unknown.size(); ++i) {
    Share& share = *unknown[i];
    share.committed = share.next = places[i].next;
    if (places[i].next < 0) {
      fresh.push_back(&share);
      continue;
    }
    share.note = decode_note(places[i].note);
    if (share.note.seen == 0) share.note.seen = share.topic->source_partitions;
    share.known = true;
    if (share.note.until_ms > 0) begin_switch(share, share.note.moved, share.note.until_ms);
  }
  return fresh.empty() ? Status{} : begin_fresh(fresh);
}

// A partition that was never mirrored goes on from its beginning, whatever that is by now.
Status Shares::begin_fresh(const std::vector<Share*>& fresh) {
  std::vector<PartitionRef> of;
  for (const Share* share : fresh) of.push_back(share->source);
  const auto from = FRESHET_MUTANT(kMirrorAddedFromEnd) ? OffsetAt::Kind::kLatest : OffsetAt::Kind::kEarliest;
  FRESHET_ASSIGN(const auto firsts, offsets_of(source_, of, from));
  for (size_t i = 0; i < fresh.size(); ++i) {
    Share& share = *fresh[i];
    FRESHET_ASSIGN(share.note, note_for(share));
    share.next = firsts[i];
    share.unsaid = true;
    share.known = true;
    if (share.note.until_ms > 0) begin_switch(share, share.next, share.note.until_ms);
  }
  return {};
}

void Shares::unknown(Share& share, const Error& error) {
  lanes_.stop(share);
  share.reading = false;
  share.again_us = clock_.monotonic_us() + kReadAgainUs;
  log::warn("mirror {}: {}; trying again", config_.name, error.message);
}

// The source is asked, and not what was read last: that may be the end of an aborted transaction.
Status Shares::missing(Share& share) {
  static telemetry::Counter& lost = telemetry::counter(
      "freshet_mirror_lost_records_total", "Offsets that the source had deleted before they were mirrored.");
  share.reading = false;
  FRESHET_ASSIGN(const auto first, offsets_of(source_, {share.source}, OffsetAt::Kind::kEarliest));
  FRESHET_ASSIGN(const auto last, offsets_of(source_, {share.source}, OffsetAt::Kind::kLatest));
  if (share.next > last[0]) {
    halt(share,
         fmt::format("the source ends at {}, before what was mirrored: was the topic deleted and made anew?", last[0]));
  } else if (share.next < first[0]) {
    const std::string what = fmt::format("offsets {} to {} were deleted from the source before they were mirrored",
                                         share.next, first[0] - 1);
    lost.add(static_cast<uint64_t>(first[0] - share.next));
    if (share.topic->rule.on_loss == OnLoss::kStop) {
      halt(share, what + "; on_loss: skip goes on behind them");
    } else {
      log::error("mirror {}: {}: {}; going on behind them", config_.name, text_of(share.source), what);
      share.next = first[0];
      share.unsaid = true;
    }
  }
  return {};
}

}  // namespace freshet::mirror
