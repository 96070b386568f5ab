// A step is prepare, gather, commit. Whatever fails in it ends in an aborted transaction and a look at what the target
// has committed; the records come again from there, so no step has to know how far another one came.
#include "mirror/loop.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/mutant.h"
#include "base/saturated.h"
#include "telemetry/log.h"

namespace freshet::mirror {
namespace {

using cluster::OffsetAt;

// Of one transaction; what it has is in memory until it is committed.
constexpr size_t kBatchBytes = 8u << 20;
constexpr size_t kBatchRecords = FRESHET_BOUND(50'000, 60);
constexpr env::TimeUs kIdleUs = 100'000;
constexpr env::TimeUs kAgainUs = 200'000;  // After a failure that may pass.
constexpr uint32_t kRefusedMost = 3;
constexpr env::TimeUs kLookForLeadersUs = 2'000'000;

struct Counters {
  telemetry::Counter& records = telemetry::counter("freshet_mirror_records_total", "Records that were mirrored.");
  telemetry::Counter& bytes =
      telemetry::counter("freshet_mirror_bytes_total", "Keys and values of records that were mirrored.");
  telemetry::Counter& left_out =
      telemetry::counter("freshet_mirror_left_out_total", "Records that a topic's `where` leaves out.");
  telemetry::Counter& loops =
      telemetry::counter("freshet_mirror_loops_total", "Records that came from the target, and are not sent back.");
  telemetry::Counter& letters =
      telemetry::counter("freshet_mirror_set_aside_total", "Records in the dead letters, not in their topic.");
  telemetry::Counter& commits = telemetry::counter("freshet_mirror_commits_total", "Transactions that were committed.");
  telemetry::Counter& aborts =
      telemetry::counter("freshet_mirror_aborts_total", "Transactions that were not, and whose records came again.");
  telemetry::Histogram& latency = telemetry::histogram(
      "freshet_mirror_latency_us", "From the timestamp of a transaction's oldest record until it was committed.");
};
Counters& counters() {
  static Counters all;
  return all;
}

// Names, and what a header costs on the wire.
size_t size_with_headers(const cluster::Record& record) {
  size_t size = record.bytes();
  for (const cluster::Header& header : record.headers)
    size += header.name.size() + (header.value ? header.value->size() : 0) + 4;
  return size;
}

}  // namespace

Loop::Loop(Parts parts)
    : parts_(std::move(parts)),
      config_(parts_.config),
      lanes_(parts_.open_reader, parts_.clock),
      shares_(config_, parts_.topics, parts_.group, parts_.source, lanes_, parts_.clock),
      records_most_(kBatchRecords) {}

// Blocks for a poll at most, but where brokers are away.
Status Loop::step() {
  if (const env::TimeUs left = calm_at_ - parts_.clock.monotonic_us(); left > 0) parts_.clock.sleep_us(left);
  Batch batch;
  if (const Status ready = prepare(); !ready) return try_again(ready.error());
  if (const Status gathered = gather(batch); !gathered) return recover(gathered.error(), batch);
  if (const Status done = commit(batch); !done) return recover(done.error(), batch);
  return {};
}

// All that may wait for brokers happens here, before a transaction is open.
Status Loop::prepare() {
  FRESHET_TRY(parts_.writer.settle());
  FRESHET_TRY(refresh());
  FRESHET_TRY(shares_.follow_group());
  FRESHET_TRY(shares_.go_over());
  FRESHET_TRY(shares_.learn());
  records_most_ = refusals_.take_turns(shares_.all(), kBatchRecords);
  FRESHET_TRY(shares_.start());
  make_marks();
  const env::TimeUs now = parts_.clock.monotonic_us();
  if (now >= heartbeat_at_) {
    heartbeat_at_ = now + config_.heartbeat_us;
    heartbeat_.clear();
    JsonWriter json(heartbeat_);
    json.begin_object().member("source", config_.source.name).member("target", config_.target.name);
    json.member("instance", config_.instance).member("at_ms", parts_.clock.now_us() / 1000);
    json.member("partitions", shares_.all().size()).end_object();
  }
  return {};
}

// A look that fails changes nothing: what is mirrored goes on.
Status Loop::refresh() {
  const env::TimeUs now = parts_.clock.monotonic_us();
  if (now < refresh_at_) return {};
  refresh_at_ = now + config_.refresh_us;
  if (const Status looked = parts_.topics.refresh(); !looked) {
    if (parts_.topics.all().empty()) {
      refresh_at_ = 0;  // Nothing is written before its own topics are there.
      return looked;
    }
    log::warn("mirror {}: looking for new topics: {}", config_.name, looked.error().message);
    return {};
  }
  if (parts_.topics.any_away()) refresh_at_ = now + std::min(config_.refresh_us, kLookForLeadersUs);
  parts_.writer.limit_batches(parts_.topics.batch_bytes_max());
  FRESHET_TRY(parts_.writer.settle());
  std::vector<std::string> progress;
  for (const auto& [name, topic] : parts_.topics.all())
    if (topic->refused.empty()) progress.push_back(topic->progress);
  if (progress.empty() || progress == subscribed_) return {};
  FRESHET_TRY(parts_.group.subscribe(progress));
  subscribed_ = std::move(progress);
  return {};
}

// The end of the target is asked for while nothing of ours is open: what a share has from its position on will be
// written at or above it. Of a share that is read twice the first reading's position counts: from where the second one
// is, some is written already. Where it fails, the next time will do.
void Loop::make_marks() {
  const env::TimeUs now = parts_.clock.monotonic_us();
  if (now < marks_at_) return;
  marks_at_ = now + config_.offset_sync_us;
  marks_.clear();
  std::map<std::string_view, std::vector<Share*>> due;  // by topic
  for (auto& [id, share] : shares_.all())
    if (share.known && !share.second && share.topic->away.empty()) due[share.topic->name].push_back(&share);
  const int64_t now_ms = parts_.clock.now_us() / 1000;
  for (auto& [name, shares] : due) {
    const Topic* const topic = shares.front()->topic;
    const auto ends =
        offsets_of(parts_.target, cluster::partitions_of(topic->to, topic->target_partitions), OffsetAt::Kind::kLatest);
    if (!ends) {
      log::warn("mirror {}: marks of {}: {}", config_.name, topic->to, ends.error().message);
      continue;
    }
    for (Share* share : shares) {
      Mark mark{share->next, *ends, now_ms};
      if (FRESHET_MUTANT(kMirrorMarkOfSecond)) mark.source = shares_.whole_below(*share);
      if (mark.source == share->marked.source && mark.target == share->marked.target) continue;
      if (FRESHET_MUTANT(kMirrorMarksWhileBusy) && mark.source == share->marked.source) continue;
      const auto count = [&](int64_t ms) {
        return static_cast<uint64_t>(ms / std::max<int64_t>(config_.offset_sync_us / 1000, 1));
      };
      marks_.push_back({share->id, mark, mark_key(count(now_ms), count(share->marked.made_ms)), encode(mark)});
    }
  }
}

// Until the time is over, enough is there, or nothing has come for a while.
Status Loop::gather(Batch& batch) {
  env::TimeUs end = parts_.clock.monotonic_us() + kIdleUs;
  bool first = true;
  while (!is_full(batch)) {
    const env::TimeUs left = end - parts_.clock.monotonic_us();
    if (left <= 0) break;
    batch.polled.records.clear();
    lanes_.poll(left, batch.polled);
    if (first && !batch.polled.records.empty()) {
      end = parts_.clock.monotonic_us() + config_.commit_us;
      first = false;
    }
    for (const cluster::Record& record : batch.polled.records) {
      if (records_most_ < kBatchRecords && is_full(batch)) {
        put_back(record);
      } else {
        FRESHET_TRY(take(record, batch));
      }
    }
    FRESHET_TRY(heed(batch.polled));
  }
  return {};
}

bool Loop::is_full(const Batch& batch) const { return batch.records >= records_most_ || batch.bytes >= kBatchBytes; }

// It is read again: the next step starts its partition where it is.
void Loop::put_back(const cluster::Record& record) {
  Share* const share = shares_.find(record.from);
  if (share != nullptr && record.offset >= share->next) lanes_.stop(*share);
}

Status Loop::heed(cluster::Polled& polled) {
  for (const cluster::ReadProblem& problem : std::exchange(polled.problems, {})) {
    Share* const share = shares_.find(problem.from);
    if (share == nullptr) continue;
    share->reading = false;
    if (problem.kind == cluster::ReadProblem::Kind::kOutOfRange) {
      FRESHET_TRY(shares_.missing(*share));
    } else if (problem.error.code == Code::kNotFound) {
      shares_.unknown(*share, problem.error);
    } else {
      shares_.halt(*share, problem.error.message);
    }
  }
  for (const auto& [id, offset] : std::exchange(polled.ends, {})) {
    Share* const share = shares_.find(id);
    if (share == nullptr || offset <= share->next || !share->reading) continue;
    share->next = offset;
    share->unsaid = true;
  }
  return {};
}

Status Loop::take(const cluster::Record& record, Batch& batch) {
  Share* const share = shares_.find(record.from);
  // What was read ahead of a partition that is not read any more comes again.
  if (share == nullptr || !share->reading || record.offset < share->next) return {};
  if (share->bound && record.offset >= *share->bound) {
    share->next = std::max(share->next, *share->bound);
    share->unsaid = true;
    lanes_.stop(*share);
    return {};
  }
  FRESHET_TRY(mirror(record, *share, batch));
  if (!share->reading) return {};
  share->next = record.offset + 1;
  share->newest_ms = record.timestamp_ms;
  if (record.timestamp_ms > 0 && (batch.oldest_ms == 0 || record.timestamp_ms < batch.oldest_ms))
    batch.oldest_ms = record.timestamp_ms;
  share->unsaid = true;
  return {};
}

Status Loop::mirror(const cluster::Record& record, Share& share, Batch& batch) {
  Topic& topic = *share.topic;
  if (config_.loops == Loops::kMarked && came_from(record.headers, config_.target.name)) {
    counters().loops.add();
    return {};
  }
  if (!record.key && share.second) return {};
  if (record.key && topic.rule.follows_keys() && !belongs(record, share)) return {};
  cluster::Outgoing out;
  out.value = record.value;
  if (record.value && !topic.transform.is_identity()) {
    std::string made;
    const Fate fate = topic.transform.apply(*record.value, made);
    if (fate == Fate::kPoison) return set_aside(record, share, "the value is not a JSON object", batch);
    if (fate == Fate::kLeftOut) counters().left_out.add();
    if (fate == Fate::kLeftOut) return {};
    if (!topic.rule.fields.empty()) out.value = batch.values.emplace_back(std::move(made));
  }
  const auto to = place(topic.rule, share.source.partition, topic.target_partitions, record.key);
  if (!to && topic.rule.keyless == Keyless::kStop) {
    shares_.halt(share, fmt::format("the record at {} has no key, which decides the partition: `keyless: spread` or "
                                    "`set_aside` would take it",
                                    record.offset));
    return {};
  }
  if (!to) return set_aside(record, share, "it has no key, which decides the partition", batch);
  if (size_with_headers(record) > topic.record_bytes_max)
    return set_aside(record, share,
                     fmt::format("it is larger than the {} bytes that {} takes", topic.record_bytes_max, topic.to),
                     batch);
  if (const auto* refused = refusals_.find(share.source, record.offset))
    return set_aside_refused(record, share, *refused, batch);
  out.topic = parts_.writer.topic(topic.to);
  out.partition = *to;
  out.timestamp_ms = record.timestamp_ms;
  out.key = record.key;
  headers_ = record.headers;
  if (config_.loops == Loops::kMarked) headers_.push_back({kRouteHeader, config_.source.name});
  out.headers = headers_;
  return write_record(out, record, share, false, batch);
}

// False: it is not to be written now, or not by this reading.
bool Loop::belongs(const cluster::Record& record, Share& share) {
  const Shares::Home home = shares_.home_of(share, murmur2(*record.key) & 0x7fffffffu, record.offset);
  if (home == Shares::Home::kLater) {
    lanes_.stop(share);
    refresh_at_ = 0;
  } else if (home == Shares::Home::kNone) {
    shares_.halt(share, fmt::format("Java's producers would put the record at {} into another partition, by its key: "
                                    "`producers: any` mirrors it, without the order of keys while partitions are added",
                                    record.offset));
  }
  return home == Shares::Home::kHere;
}

// A target that takes nothing of a partition is not as it must be: what comes next would be refused as well.
Status Loop::set_aside_refused(const cluster::Record& record, Share& share, const Refusals::Refused& refused,
                               Batch& batch) {
  if (FRESHET_MUTANT(kMirrorRefusedDropped)) return {};
  if (refused.in_a_row <= Refusals::kInARowMost)
    return set_aside(record, share, "the target refuses it: " + refused.why, batch);
  shares_.halt(share, fmt::format("the target refuses one record after the other, that at {} as well as {} before it, "
                                  "which are in the dead letters: {}",
                                  record.offset, Refusals::kInARowMost, refused.why));
  return {};
}

// Whole, with where it came from and why, so that it can be looked at and sent again. Its time is that of now: the
// target may be refusing the record's own, and deletes by it.
Status Loop::set_aside(const cluster::Record& record, Share& share, const std::string& why, Batch& batch) {
  const auto* refused = refusals_.find(share.source, record.offset);
  if (refused != nullptr && refused->letter) {
    shares_.halt(share, fmt::format("the dead letters do not take the record at {}: {}", record.offset, refused->why));
    return {};
  }
  counters().letters.add();
  log::warn("mirror {}: {}[{}]@{} is set aside: {}", config_.name, share.source.topic, share.source.partition,
            record.offset, why);
  const std::string partition = std::to_string(share.source.partition), offset = std::to_string(record.offset);
  headers_ = record.headers;
  headers_.push_back({"freshet.mirror.reason", why});
  headers_.push_back({"freshet.mirror.topic", share.source.topic});
  headers_.push_back({"freshet.mirror.partition", partition});
  const std::string timestamp = std::to_string(record.timestamp_ms);
  headers_.push_back({"freshet.mirror.timestamp", timestamp});
  headers_.push_back({"freshet.mirror.offset", offset});
  cluster::Outgoing out;
  out.topic = parts_.writer.topic(letters_topic(config_));
  out.key = record.key;
  out.value = record.value;
  out.headers = headers_;
  return write_record(out, record, share, true, batch);
}

Status Loop::write_record(const cluster::Outgoing& out, const cluster::Record& record, Share& share, bool letter,
                          Batch& batch) {
  batch.last = {share.id, record.offset, letter};
  (letter ? share.lettered : share.wrote) = true;
  return write(out, batch);
}

Status Loop::write(const cluster::Outgoing& out, Batch& batch) {
  if (!batch.open) {
    FRESHET_TRY(parts_.writer.begin());
    batch.open = true;
  }
  ++batch.records;
  batch.bytes += (out.key ? out.key->size() : 0) + (out.value ? out.value->size() : 0);
  return parts_.writer.write(out);
}

// ---- committing -----------------------------------------------------------------------------------------------------

Status Loop::write_own(Batch& batch) {
  for (const NewMark& mark : marks_) {
    const Share* const share = shares_.find(mark.share);
    if (share == nullptr) continue;
    cluster::Outgoing out;
    out.topic = parts_.writer.topic(share->progress.topic);
    out.partition = share->progress.partition;
    out.key = mark.key;
    out.value = mark.value;
    FRESHET_TRY(write(out, batch));
  }
  if (heartbeat_.empty()) return {};
  cluster::Outgoing out;
  out.topic = parts_.writer.topic(heartbeat_topic(config_));
  const std::string key = config_.name + "/" + config_.instance;
  out.key = key;
  out.value = heartbeat_;
  return write(out, batch);
}

// First readings, where these or their second ones have gone on, or which have a mark: only with a position the brokers
// look who commits, and the mark of a process that was given up would say of what others have written that it comes.
bool Loop::has_unsaid(std::vector<uint32_t>& ids) {
  for (auto& [id, share] : shares_.all()) {
    if (!share.known || share.second) continue;
    const bool twins = share.twin && shares_.all().at(*share.twin).unsaid;
    const bool marked =
        std::ranges::any_of(marks_, [own = share.id](const NewMark& mark) { return mark.share == own; });
    if (share.unsaid || twins || marked) ids.push_back(id);
  }
  return !ids.empty();
}

// A member that is none any more commits nothing: without one the brokers would not check who commits.
Status Loop::commit(Batch& batch) {
  std::vector<uint32_t> ids;
  const size_t records = batch.records, bytes = batch.bytes;
  if (!has_unsaid(ids) && marks_.empty() && heartbeat_.empty()) return {};
  if (FRESHET_MUTANT(kMirrorMarkAhead) && batch.open && !marks_.empty()) {
    marks_at_ = 0;
    make_marks();
    for (NewMark& mark : marks_) {
      mark.mark.source = std::min(mark.mark.source, std::max<int64_t>(shares_.all().at(mark.share).committed, 0));
      mark.value = encode(mark.mark);
    }
  }
  FRESHET_TRY(write_own(batch));
  batch.records = records;
  batch.bytes = bytes;
  if (!batch.open) FRESHET_TRY(parts_.writer.begin());
  batch.open = true;
  if (FRESHET_MUTANT(kMirrorFenceOfNow)) FRESHET_TRY(parts_.group.poll(0));
  const auto member = parts_.group.member();
  if (member == nullptr && !ids.empty())
    return fail(Code::kConflict, "the group has given this process's partitions to somebody else");
  std::vector<cluster::Place> places;
  for (const uint32_t id : ids) {
    const Share& share = shares_.all().at(id);
    places.push_back({share.progress, share.next, encode(shares_.note_of(share))});
  }
  if (FRESHET_MUTANT(kMirrorOffsetsApart)) {
    FRESHET_TRY(parts_.writer.commit({}, member.get()));
    FRESHET_TRY(parts_.writer.begin());
  }
  const Status done = parts_.writer.commit(places, member.get());
  if (!done && !(FRESHET_MUTANT(kMirrorMuteIsDone) && done.error().code == Code::kRetry)) return done;
  committed(ids, batch);
  return {};
}

void Loop::committed(const std::vector<uint32_t>& ids, const Batch& batch) {
  counters().commits.add();
  counters().records.add(batch.records);
  counters().bytes.add(batch.bytes);
  ++commits_;
  refused_in_a_row_ = 0;
  for (auto& [id, share] : shares_.all())
    if (share.wrote) share.topic->pause_us = 0;
  refusals_.committed(shares_.all());
  for (const uint32_t id : ids) {
    Share& share = shares_.all().at(id);
    share.committed = share.next;
    share.unsaid = false;
    if (!share.twin) continue;
    Share& second = shares_.all().at(*share.twin);
    second.committed = second.next;
    second.unsaid = false;
  }
  for (const uint32_t id : ids) {
    const Share& share = shares_.all().at(id);
    refusals_.forget_below(share.source, shares_.whole_below(share));
  }
  for (const NewMark& mark : marks_)
    if (Share* share = shares_.find(mark.share)) share->marked = mark.mark;
  marks_.clear();
  heartbeat_.clear();
  if (batch.records > 0 && batch.oldest_ms > 0)
    counters().latency.record(
        std::max<int64_t>(saturated_difference(parts_.clock.now_us(), us_of_ms(batch.oldest_ms)), 1));
}

// Whatever was written is gone, or will be decided by settle(): everything is read again from what is committed.
Status Loop::recover(const Error& error, Batch& batch) {
  counters().aborts.add(batch.open ? 1 : 0);
  const auto refusal = batch.open ? parts_.writer.refusal() : std::nullopt;
  const bool searching = refusals_.is_searching();
  const bool heeded = refusal && heed_refusal(*refusal, batch);
  if (batch.open) parts_.writer.abort();
  shares_.rewind();
  marks_.clear();
  marks_at_ = heartbeat_at_ = 0;
  // A topic of the target may take less now than it did, or have no leader: the next look learns it.
  if ((error.code == Code::kInvalid || refusal) && !searching) refresh_at_ = 0;
  if (heeded) return {};
  if (error.code == Code::kInvalid && batch.open && ++refused_in_a_row_ < kRefusedMost)
    return try_again({Code::kRetry, error.message});
  return try_again(error);
}

// False: it is no record that was mirrored.
bool Loop::heed_refusal(const cluster::Refusal& refusal, const Batch& batch) {
  if (refusal.away) return parts_.topics.hold(refusal, parts_.clock.monotonic_us());
  if (!refusals_.is_searching())
    log::warn("mirror {}: {}; looking for the record at fault among {}", config_.name, refusal.why, batch.records);
  const bool letters = refusal.topic == letters_topic(config_);
  return refusals_.refused(shares_.all(), refusal.topic, letters, batch.records, batch.last, refusal.why);
}

Status Loop::try_again(const Error& error) {
  if (error.code == Code::kFenced || error.code == Code::kFatal || error.code == Code::kInvalid)
    return tl::unexpected(error);
  log::warn("mirror {}: {}; going on from what is committed", config_.name, error.message);
  calm_at_ = parts_.clock.monotonic_us() + kAgainUs;
  return {};
}

std::vector<Standing> Loop::standings() {
  std::vector<Standing> out;
  const int64_t now_ms = parts_.clock.now_us() / 1000;
  for (auto& [id, share] : shares_.all()) {
    if (share.second) continue;
    Standing& one = out.emplace_back();
    one.of = share.source;
    one.halted = share.halted.empty() ? share.topic->refused : share.halted;
    const int64_t end = lanes_.end_of(share);
    if (!share.known || end < 0) continue;
    one.lag_records = std::max<int64_t>(end - std::min(share.committed, shares_.whole_below(share)), 0);
    if (one.lag_records > 0 && share.newest_ms > 0)
      one.lag_seconds = static_cast<double>(std::max<int64_t>(saturated_difference(now_ms, share.newest_ms), 0)) / 1000;
  }
  // No process has partitions of a topic that was never mirrored.
  for (const auto& [name, topic] : parts_.topics.all())
    if (!topic->refused.empty()) out.push_back({{name, -1}, 0, 0, topic->refused});
  return out;
}

}  // namespace freshet::mirror
