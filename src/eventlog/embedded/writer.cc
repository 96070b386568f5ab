// A cycle of the writer: trims, records and committed positions of all requests become rows of one batch. What changes
// is kept beside the shared state (Pending) until the batch is on the disk, and is published after that, so that a
// write which fails has changed nothing that anybody has seen.
#include "eventlog/embedded/writer.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "base/assert.h"
#include "env/thread.h"

namespace freshet::eventlog::embedded {

using telemetry::counter;
using telemetry::gauge;
using telemetry::histogram;

Writer::Writer(kv::Store& store, env::Clock& clock, LogState& state, const EmbeddedLogOptions& options)
    : store_(store),
      state_(state),
      clock_(clock),
      options_(options),
      appended_bytes_(counter("freshet_log_append_bytes_total", "Bytes of records appended, durable.")),
      refused_(counter("freshet_log_refused_total", "Appends refused because the log's queue was full.")),
      queue_gauge_(gauge("freshet_log_queue_bytes", "Bytes of appends and commits that wait or are being written.")),
      cycle_records_(gauge("freshet_log_commit_batch_records", "Records of the last group commit.")),
      sync_us_(histogram("freshet_log_sync_us", "Time of a group commit's write and sync.")),
      thread_([this] {
        env::name_thread("log-writer");
        run();
      }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    condition_.notify_all();
  }
  thread_.join();
}

// One request is taken even if it alone is larger than the queue: refused, it would never get in.
void Writer::submit(Request request, bool bounded) {
  FRESHET_ASSERT(request.done != nullptr);
  size_t bytes = 0;
  Status taken = state_.open();
  for (const Produce& output : request.outputs) {
    bytes += output.records.bytes();
    if (auto found = state_.find(output.to); !found && taken) taken = tl::unexpected<Error>(std::move(found).error());
  }
  if (taken) {
    const std::lock_guard lock(mutex_);
    if (bounded && queue_bytes_ > 0 && queue_bytes_ + bytes > options_.queue_bytes_max) {
      taken = fail(Code::kRetry, "embedded log: its queue of " + std::to_string(options_.queue_bytes_max) +
                                     " bytes is full; try again when the disk has caught up");
    } else {
      queue_bytes_ += bytes;
      waiting_.push_back({std::move(request), bytes});
      hurries_ = hurries_ || !bounded;
      const bool enough = gathers_ && (hurries_ || queue_bytes_ >= kGatheredBytes);
      if (std::exchange(idle_, false) || enough) condition_.notify_one();
      return;
    }
  }
  if (taken.error().code == Code::kRetry) refused_.add();
  request.done(std::move(taken));
}

// For commits and trims, whose callers have nothing to do until they are done. They are not bounded: each worker has
// one at most.
Status Writer::submit_and_wait(Request request) {
  auto promise = std::make_shared<std::promise<Status>>();
  std::future<Status> answer = promise->get_future();
  request.done = [promise](Status status) { promise->set_value(std::move(status)); };
  submit(std::move(request), /*bounded=*/false);
  return answer.get();
}

void Writer::run() {
  while (take_cycle()) {
    if (Status open = state_.open(); !open) {
      answer(open);
      continue;
    }
    write_cycle();
  }
}

// Not after an idle moment: who sends one thing after the other would wait each time, for nobody.
void Writer::gather(std::unique_lock<std::mutex>& lock) {
  if (options_.gather_us == 0 || !follows_) return;
  gathers_ = true;
  condition_.wait_for(lock, std::chrono::microseconds(options_.gather_us),
                      [this] { return stop_ || hurries_ || queue_bytes_ >= kGatheredBytes; });
  gathers_ = false;
}

// Takes the requests of the next cycle, at least one. False: there is nothing left, and the writer is to stop.
bool Writer::take_cycle() {
  std::unique_lock lock(mutex_);
  gather(lock);
  while (waiting_.empty()) {
    if (stop_) return false;
    idle_ = true;
    condition_.wait(lock);
  }
  idle_ = false;
  size_t bytes = waiting_.front().bytes;
  size_t count = 1;
  while (count < waiting_.size() && bytes + waiting_[count].bytes <= kCycleBytesMax) bytes += waiting_[count++].bytes;
  if (count == waiting_.size()) {
    std::swap(cycle_, waiting_);
    hurries_ = false;
  } else {
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    cycle_.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
  }
  queue_gauge_.set(static_cast<double>(queue_bytes_));
  return true;
}

// Requests keep their order, as two appends of one caller must. All that a transaction of a worker said and committed
// is in this one batch, so after a crash either both are there or neither (invariant 4).
void Writer::write_cycle() {
  FRESHET_ASSERT(parts_.empty() && batch_.count() == 0);  // Nothing is left of the cycle before.
  const env::TimeUs now_us = clock_.now_us();
  for (Waiting& waiting : cycle_) {
    for (const Trim& trim : waiting.request.trims) add_trim(trim);
  }
  for (const Waiting& waiting : cycle_) {
    for (const Rewrite& rewrite : waiting.request.rewrites) put_rewrite(rewrite);
  }
  for (Waiting& waiting : cycle_) {
    for (Produce& output : waiting.request.outputs) {
      if (!output.records.empty()) add_records(**state_.find(output.to), output.records, now_us);
    }
  }
  for (Pending& part : parts_) put_partition(part);
  for (const Waiting& waiting : cycle_) {
    for (const Position& position : waiting.request.positions) {
      batch_.put(group_key(waiting.request.group, position.of), encode_offset(position.next));
    }
  }
  Status written;
  if (batch_.count() > 0) {
    const env::TimeUs begin_us = clock_.monotonic_us();
    written = store_.write(batch_, kv::Durability::kSynced);
    sync_us_.record(clock_.monotonic_us() - begin_us);
  }
  if (written) {
    publish();
  } else {
    state_.close(written.error());
    written = state_.open();
  }
  for (const Pending& part : parts_) part.partition->pending = Partition::kNone;
  parts_.clear();
  batch_.clear();
  answer(written);
}

// The place in the cycle stands in the partition itself, so that no table is searched for each append.
Writer::Pending& Writer::pending(Partition& partition) {
  if (partition.pending == Partition::kNone) {
    partition.pending = parts_.size();
    parts_.push_back({&partition, partition.mark, 0, {}, {}});
  }
  return parts_[partition.pending];
}

// Trims come before the records of the cycle, so that all segments that they may drop are published ones.
void Writer::add_trim(const Trim& trim) {
  FRESHET_ASSERT(trim.before >= 0 && trim.before <= trim.partition->mark.high);
  Pending& part = pending(*trim.partition);
  part.mark.low = std::max(part.mark.low, trim.before);
  const auto& segments = trim.partition->segments;
  while (part.segments_dropped < segments.size()) {
    const size_t next = part.segments_dropped + 1;
    const Offset end = next < segments.size() ? segments[next].base : part.mark.high;
    if (end > part.mark.low) break;
    part.segments_dropped = next;
  }
}

// Before the rows of the partitions: what is trimmed in the same cycle goes all the same. What retention took before
// must not come back.
void Writer::put_rewrite(const Rewrite& rewrite) {
  const auto& segments = rewrite.partition->segments;
  if (segments.empty() || rewrite.chunk->base < segments.front().base) return;
  const std::string header = encode(rewrite.chunk->header);
  scratch_.assign(1, header);
  scratch_.insert(scratch_.end(), rewrite.chunk->pieces.begin(), rewrite.chunk->pieces.end());
  batch_.put(chunk_key(rewrite.partition->of, rewrite.chunk->base), scratch_);
}

// The records of small requests share a chunk, so that a chunk's row is worth its keys and a reader's look-up.
void Writer::add_records(Partition& partition, RecordBatch& records, env::TimeUs now_us) {
  Pending& part = pending(partition);
  const auto count = static_cast<uint32_t>(records.count());
  const bool room = !part.chunks.empty() && part.chunks.back()->bytes + records.bytes() <= kChunkBytesMax;
  if (!room) {
    part.chunks.push_back(std::make_shared<Chunk>());
    part.chunks.back()->base = part.mark.high;
    part.chunks.back()->header.appended_at_us = now_us;
    part.chunks.back()->bytes = kChunkHeaderBytes;
  }
  Chunk& chunk = *part.chunks.back();
  chunk.header.count += count;
  chunk.bytes += records.bytes();
  chunk.pieces.push_back(records.release());
  part.mark.high += count;
}

// The rows of a partition's part of the cycle. Whole segments are removed as ranges, which costs the same for a record
// as for a million.
void Writer::put_partition(Pending& part) {
  FRESHET_ASSERT(part.segments_dropped <= part.partition->segments.size());
  const Partition& partition = *part.partition;
  const auto& segments = partition.segments;
  if (part.segments_dropped > 0) {
    const Offset begin = segments.front().base;
    const Offset end =
        part.segments_dropped < segments.size() ? segments[part.segments_dropped].base : partition.mark.high;
    batch_.remove_range(chunk_key(partition.of, begin), chunk_key(partition.of, end));
    batch_.remove_range(segment_key(partition.of, begin), segment_key(partition.of, end));
  }
  put_chunks(part);
  batch_.put(mark_key(partition.of), encode(part.mark));
}

// A segment begins where the one before it is large or old enough, so that retention can drop it without reading it.
void Writer::put_chunks(Pending& part) {
  const Partition& partition = *part.partition;
  const TopicState& topic = *state_.topic(partition.of.topic);
  const bool none_kept = part.segments_dropped == partition.segments.size();
  Segment last = none_kept ? Segment{} : partition.segments.back();
  bool begin = none_kept;
  for (const auto& chunk : part.chunks) {
    const env::TimeUs now_us = chunk->header.appended_at_us;
    if (begin || part.mark.bytes - last.bytes_before >= topic.segment_bytes ||
        now_us - last.appended_at_us >= topic.segment_us) {
      last = {chunk->base, now_us, part.mark.appended_at_us, part.mark.bytes};
      part.segments_added.push_back(last);
      batch_.put(segment_key(partition.of, last.base), encode(last));
      begin = false;
    }
    const std::string header = encode(chunk->header);
    scratch_.assign(1, header);
    scratch_.insert(scratch_.end(), chunk->pieces.begin(), chunk->pieces.end());
    batch_.put(chunk_key(partition.of, chunk->base), scratch_);
    part.mark.bytes += chunk->bytes;
    part.mark.appended_at_us = now_us;
  }
  FRESHET_ASSERT(part.chunks.empty() || part.chunks.back()->end() == part.mark.high);
}

// Shows what is on the disk now to everybody, all partitions of the cycle at once.
void Writer::publish() {
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint32_t topics = 0;
  const std::lock_guard lock(state_.mutex);
  for (Pending& part : parts_) {
    Partition& partition = *part.partition;
    // Offsets never go back: one that was given away twice would name two records.
    FRESHET_ASSERT(part.mark.low >= partition.mark.low && part.mark.high >= partition.mark.high);
    FRESHET_ASSERT(part.mark.bytes >= partition.mark.bytes);
    const auto added = static_cast<uint64_t>(part.mark.high - partition.mark.high);
    if (added > 0) {
      records += added;
      bytes += part.mark.bytes - partition.mark.bytes;
      topics |= bit_of(partition.of.topic);
      state_.topic(partition.of.topic)->appended.add(added);
    }
    partition.mark = part.mark;
    partition.segments.erase(partition.segments.begin(),
                             partition.segments.begin() + static_cast<std::ptrdiff_t>(part.segments_dropped));
    partition.segments.insert(partition.segments.end(), part.segments_added.begin(), part.segments_added.end());
    state_.add_to_tail(partition, {part.chunks.begin(), part.chunks.end()});
  }
  for (const Waiting& waiting : cycle_) {
    for (const Rewrite& rewrite : waiting.request.rewrites) state_.replace_in_tail(*rewrite.partition, rewrite.chunk);
  }
  state_.evict_tail(options_.tail_bytes_max);
  for (const Waiting& waiting : cycle_) {
    if (waiting.request.positions.empty()) continue;
    auto& positions = state_.committed[waiting.request.group];
    for (const Position& position : waiting.request.positions) positions[position.of] = position.next;
  }
  if (topics != 0) state_.wake(topics);
  appended_bytes_.add(bytes);
  cycle_records_.set(static_cast<double>(records));
}

// The room in the queue is given back before the callers hear of it: they may append again at once.
void Writer::answer(const Status& status) {
  size_t bytes = 0;
  for (const Waiting& waiting : cycle_) bytes += waiting.bytes;
  {
    const std::lock_guard lock(mutex_);
    FRESHET_ASSERT(queue_bytes_ >= bytes);
    queue_bytes_ -= bytes;
    // Before anybody is told: who sends on only then would wait for nobody else.
    follows_ = bytes >= kBusyBytes && !waiting_.empty();
  }
  for (Waiting& waiting : cycle_) waiting.request.done(status);
  cycle_.clear();
}

}  // namespace freshet::eventlog::embedded
