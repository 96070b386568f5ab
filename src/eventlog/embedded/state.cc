// Loading the state of a log from its rows, and the bookkeeping of what is in memory. Records themselves are not read
// at the start: marks and segments say where they are, and the tail fills with what is appended.
#include "eventlog/embedded/state.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::eventlog::embedded {
namespace {

constexpr uint64_t kSegmentBytes = 4u << 20;
constexpr uint64_t kSegmentParts = 8;  // Segments go as a whole, so retention is kept to within an eighth.
// Trims take whole segments. With short ones what action needs no more is soon in no row, also if little comes in.
constexpr env::TimeUs kSegmentUs = 15'000'000;
constexpr Offset kSkippedMin = 1ll << 32;  // More records than could be lost with one write-ahead log.

Status corrupt(std::string_view what) {
  return fail(Code::kCorrupt, "embedded log: damaged row: " + std::string(what) +
                                  "; see docs/format/embedded-log.md, restore the log's directory from a copy");
}

Status load_topics(kv::Store& store, LogState& state) {
  Status result;
  FRESHET_TRY(store.scan("t", "u", [&](std::string_view key, std::string_view value) {
    const auto options = decode_topic_options(value);
    if (key.size() != 2 || static_cast<unsigned char>(key[1]) >= kTopics || !options) {
      result = corrupt("topic options");
      return false;
    }
    const auto topic = static_cast<Topic>(key[1]);
    state.owned.push_back(std::make_unique<TopicState>(topic, *options));
    state.topics[static_cast<size_t>(topic)] = state.owned.back().get();
    return true;
  }));
  return result;
}

// Calls take(partition, base, value) for every row of a kind.
template <class Take>
Status load_partitions(kv::Store& store, LogState& state, char kind, const char* name, Take take) {
  Status result;
  const std::string begin(1, kind);
  const std::string end(1, static_cast<char>(kind + 1));
  FRESHET_TRY(store.scan(begin, end, [&](std::string_view key, std::string_view value) {
    const auto at = decode_partition_key(key);
    Partition* partition = at ? state.find(at->of).value_or(nullptr) : nullptr;
    if (partition == nullptr || !take(*partition, at->base, value)) {
      result = corrupt(name);
      return false;
    }
    return true;
  }));
  return result;
}

// Committed offsets of partitions that no topic has stay: the topic may be created later in this start.
Status load_groups(kv::Store& store, LogState& state) {
  Status result;
  FRESHET_TRY(store.scan("g", "h", [&](std::string_view key, std::string_view value) {
    const auto at = decode_group_key(key);
    const auto offset = decode_offset(value);
    if (!at || !offset) {
      result = corrupt("committed offset");
      return false;
    }
    state.committed[at->group][at->of] = *offset;
    return true;
  }));
  return result;
}

}  // namespace

size_t Chunk::memory() const {
  size_t sum = sizeof(Chunk);
  for (const std::string& piece : pieces) sum += piece.capacity();
  return sum;
}

TopicState::TopicState(Topic topic, const TopicOptions& wanted)
    : partitions(wanted.partitions),
      appended(telemetry::counter("freshet_log_appended_records_total", "Records appended, durable.",
                                  {{"topic", std::string(name_of(topic))}})) {
  for (uint32_t i = 0; i < wanted.partitions; ++i) partitions[i].of = {topic, i};
  set_options(wanted);
}

// Segments are a part of what is kept, so that a small retention does not keep eight times as much.
void TopicState::set_options(const TopicOptions& wanted) {
  options = wanted;
  segment_bytes =
      wanted.retention_bytes == 0 ? kSegmentBytes : std::min(kSegmentBytes, wanted.retention_bytes / kSegmentParts);
  segment_us = wanted.retention_us == 0
                   ? kSegmentUs
                   : std::min(kSegmentUs, wanted.retention_us / static_cast<env::TimeUs>(kSegmentParts));
}

Result<Partition*> LogState::find(TopicPartition of) const {
  TopicState* state = static_cast<size_t>(of.topic) < kTopics ? topic(of.topic) : nullptr;
  if (state == nullptr) return fail(Code::kNotFound, "embedded log: topic " + to_string(of) + " was not created");
  if (of.partition >= state->partitions.size()) {
    return fail(Code::kNotFound, "embedded log: no partition " + to_string(of) + ", the topic has " +
                                     std::to_string(state->partitions.size()));
  }
  return &state->partitions[of.partition];
}

Status LogState::open() {
  if (!closed.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex);
  return tl::unexpected<Error>(why);
}

// After a write that failed nobody knows what is on the disk: the log answers nothing more until it is opened again
// and has read what is there. To go on could give an offset away twice.
void LogState::close(Error error) {
  const std::lock_guard lock(mutex);
  if (closed) return;
  why = Error{Code::kFatal, "embedded log: closed after a failed write, start again once its cause is mended: " +
                                std::move(error.message)};
  closed.store(true, std::memory_order_release);
  wake(UINT32_MAX);
}

std::optional<Offset> LogState::committed_offset(std::string_view group, TopicPartition of) const {
  const auto found = committed.find(group);
  if (found == committed.end()) return std::nullopt;
  const auto position = found->second.find(of);
  if (position == found->second.end()) return std::nullopt;
  return position->second;
}

// A group that has committed nothing yet holds everything: it may be about to start.
Offset LogState::held_from(const TopicOptions& options, const Partition& partition) const {
  Offset held = partition.mark.high;
  for (const std::string& group : options.consumers) {
    held = std::min(held, committed_offset(group, partition.of).value_or(partition.mark.low));
  }
  return held;
}

void LogState::add_to_tail(Partition& partition, std::vector<ChunkRef> chunks) {
  // Memory for what no group of ours reads (`events`) would only push out what is about to be read.
  if (partition.tail.empty() && topic(partition.of.topic)->options.consumers.empty()) return;
  for (ChunkRef& chunk : chunks) {
    FRESHET_ASSERT(partition.tail.empty() || partition.tail.back()->end() == chunk->base);
    tail_bytes += chunk->memory();
    partition.tail.push_back(std::move(chunk));
    tail_order.push_back(&partition);
  }
}

void LogState::replace_in_tail(Partition& partition, const ChunkRef& chunk) {
  for (ChunkRef& known : partition.tail) {
    if (known->base != chunk->base) continue;
    FRESHET_ASSERT(known->end() == chunk->end() && tail_bytes >= known->memory());
    tail_bytes = tail_bytes - known->memory() + chunk->memory();
    known = chunk;
  }
}

void LogState::evict_tail(size_t bytes_max) {
  while (tail_bytes > bytes_max) {
    FRESHET_ASSERT(!tail_order.empty());  // The sum is that of the chunks.
    Partition& oldest = *tail_order.front();
    FRESHET_ASSERT(!oldest.tail.empty() && tail_bytes >= oldest.tail.front()->memory());
    tail_bytes -= oldest.tail.front()->memory();
    oldest.tail.pop_front();
    tail_order.pop_front();
  }
}

// Wakes those that wait for one of these topics, and nobody else.
void LogState::wake(uint32_t topic_bits) {
  for (Waiter* waiter : waiters) {
    if (waiter->waits && (waiter->topics & topic_bits) != 0) waiter->condition.notify_all();
  }
}

std::string to_string(TopicPartition of) {
  const std::string topic = static_cast<size_t>(of.topic) < kTopics ? std::string(name_of(of.topic))
                                                                    : "#" + std::to_string(static_cast<int>(of.topic));
  return topic + "/" + std::to_string(of.partition);
}

// Topics come first: a row of a partition that no topic has is damage.
Status load(kv::Store& store, LogState& state) {
  FRESHET_TRY(load_topics(store, state));
  FRESHET_TRY(load_partitions(store, state, 'm', "mark", [](Partition& partition, Offset, std::string_view value) {
    const auto mark = decode_mark(value);
    if (mark) partition.mark = *mark;
    return mark.has_value();
  }));
  FRESHET_TRY(
      load_partitions(store, state, 's', "segment", [](Partition& partition, Offset base, std::string_view value) {
        const auto segment = decode_segment(base, value);
        if (segment) partition.segments.push_back(*segment);
        return segment.has_value() && base < partition.mark.high;
      }));
  FRESHET_TRY(load_partitions(store, state, 'x', "gap", [](Partition& partition, Offset begin, std::string_view value) {
    const auto end = decode_offset(value);
    if (end) partition.gaps.push_back({begin, *end});
    return end.has_value() && begin < *end && *end <= partition.mark.high;
  }));
  return load_groups(store, state);
}

Status skip_ahead(kv::Store& store, LogState& state, Offset to) {
  kv::WriteBatch batch;
  for (const auto& topic : state.owned) {
    for (Partition& partition : topic->partitions) {
      Mark& mark = partition.mark;
      const Gap gap{mark.high, std::max(to, mark.high + kSkippedMin)};
      // Where nothing is left nobody reads, so there the log simply begins later.
      if (partition.segments.empty()) {
        mark.low = gap.end;
      } else {
        batch.put(gap_key(partition.of, gap.begin), encode_offset(gap.end));
        partition.gaps.push_back(gap);
      }
      mark.high = gap.end;
      batch.put(mark_key(partition.of), encode(mark));
    }
  }
  return batch.count() == 0 ? Status{} : store.write(batch, kv::Durability::kSynced);
}

std::optional<Offset> end_of_gap(const Partition& partition, Offset from) {
  for (const Gap& gap : partition.gaps) {
    if (gap.begin <= from && from < gap.end) return gap.end;
  }
  return std::nullopt;
}

}  // namespace freshet::eventlog::embedded
