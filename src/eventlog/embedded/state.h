// What the threads of the embedded log share: marks, newest chunks and committed offsets, all of them durable already:
// whoever read what is not synced could act on a record that a power cut takes back.
//
// Thread safety: the writer thread alone changes it, under the mutex (so it reads without), and everyone else reads it
// under the mutex. The mutex is held for pointers only, never for I/O.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/embedded/rows.h"
#include "kv/store.h"
#include "telemetry/metrics.h"

namespace freshet::eventlog::embedded {

// Consecutive records of one partition that were written together. Immutable once published; the records lie in the
// buffers in which they were appended, so nothing is copied between append() and the consumers.
struct Chunk {
  Offset base = 0;
  ChunkHeader header;
  std::vector<std::string> pieces;  // whole records each
  size_t bytes = 0;                 // of the stored row's value

  [[nodiscard]] Offset end() const { return base + static_cast<Offset>(header.count); }
  [[nodiscard]] size_t memory() const;
};
using ChunkRef = std::shared_ptr<const Chunk>;

// Offsets [begin, end) that no record has, because the log lost what they had.
struct Gap {
  Offset begin = 0;
  Offset end = 0;
};

// Invariants: segments ascend and begin below mark.high; the chunks of the tail follow one another without a gap.
struct Partition {
  TopicPartition of;
  Mark mark;
  std::deque<Segment> segments;  // kept ones, oldest first; empty: no chunk is kept
  std::vector<Gap> gaps;         // ascending
  std::deque<ChunkRef> tail;     // the newest chunks, without a gap up to mark.high
  Offset reclaimed = 0;          // of the housekeeper
  size_t pending = kNone;        // of the writer: its place in the cycle
  static constexpr size_t kNone = SIZE_MAX;
};

// A topic that was created, with its partitions.
struct TopicState {
  TopicState(Topic topic, const TopicOptions& options);
  void set_options(const TopicOptions& options);  // under the mutex

  TopicOptions options;
  std::vector<Partition> partitions;  // never resized
  std::atomic<uint64_t> segment_bytes{0};
  std::atomic<env::TimeUs> segment_us{0};
  telemetry::Counter& appended;
};

// A consumer that may wait for records.
struct Waiter {
  uint32_t topics = 0;  // bits
  bool waits = false;
  std::condition_variable condition;
};

// The log as a whole.
struct LogState {
  std::mutex mutex;
  std::array<std::atomic<TopicState*>, kTopics> topics{};  // set once
  std::vector<std::unique_ptr<TopicState>> owned;
  std::map<std::string, std::map<TopicPartition, Offset>, std::less<>> committed;
  std::deque<Partition*> tail_order;  // whose chunk is the oldest in memory
  size_t tail_bytes = 0;
  std::vector<Waiter*> waiters;
  std::atomic<bool> closed{false};
  Error why;  // when closed

  [[nodiscard]] TopicState* topic(Topic t) const {
    return topics[static_cast<size_t>(t)].load(std::memory_order_acquire);
  }
  [[nodiscard]] Result<Partition*> find(TopicPartition of) const;  // kNotFound with a message
  [[nodiscard]] Status open();                                     // kFatal when closed
  void close(Error error);

  // REQUIRES, for these: the mutex is held.
  [[nodiscard]] std::optional<Offset> committed_offset(std::string_view group, TopicPartition of) const;
  // Records from there on are held by a group that still has to read them.
  [[nodiscard]] Offset held_from(const TopicOptions& options, const Partition& partition) const;
  void add_to_tail(Partition& partition, std::vector<ChunkRef> chunks);
  void replace_in_tail(Partition& partition, const ChunkRef& chunk);  // the one with its base, if it is there
  void evict_tail(size_t bytes_max);
  void wake(uint32_t topic_bits);
};

[[nodiscard]] std::string to_string(TopicPartition of);  // actions/3
[[nodiscard]] inline uint32_t bit_of(Topic topic) { return 1u << static_cast<unsigned>(topic); }

// Reads topics, marks, segments and committed offsets of an existing log.
[[nodiscard]] Status load(kv::Store& store, LogState& state);
// After records were lost: no partition gives an offset below `to` away again, since others may still know it. What is
// left stays where it is, with a gap behind it. REQUIRES: load() was called, and nobody uses the state yet.
[[nodiscard]] Status skip_ahead(kv::Store& store, LogState& state, Offset to);
// The end of the gap in which `from` lies; nullopt: it lies in none. Under the mutex.
[[nodiscard]] std::optional<Offset> end_of_gap(const Partition& partition, Offset from);

}  // namespace freshet::eventlog::embedded
