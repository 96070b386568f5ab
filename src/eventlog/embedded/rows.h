// Keys and values of the embedded log's rows. docs/format/embedded-log.md is the specification, rows_test.cc its test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "eventlog/event_log.h"

namespace freshet::eventlog::embedded {

inline constexpr size_t kChunkHeaderBytes = 12;
inline constexpr size_t kGroupNameMax = 256;

struct ChunkHeader {
  uint32_t count = 0;
  env::TimeUs appended_at_us = 0;
};

// Where a partition stands. The offsets of its records are [low, high).
struct Mark {
  Offset low = 0;
  Offset high = 0;
  uint64_t bytes = 0;              // of all chunks ever appended (values of 'c' rows)
  env::TimeUs appended_at_us = 0;  // of the newest chunk
};

// A run of chunks, which retention drops as a whole; goes up to the base of the next one.
struct Segment {
  Offset base = 0;
  env::TimeUs appended_at_us = 0;  // of its first chunk
  env::TimeUs previous_us = 0;     // of the chunk before it: the newest of the segment before
  uint64_t bytes_before = 0;       // Mark::bytes when it began
};

// Keys. Those of one partition and kind are ordered by offset. REQUIRES: offsets are not negative.
[[nodiscard]] std::string chunk_key(TopicPartition of, Offset base);
[[nodiscard]] std::string segment_key(TopicPartition of, Offset base);
[[nodiscard]] std::string gap_key(TopicPartition of, Offset base);
[[nodiscard]] std::string mark_key(TopicPartition of);
[[nodiscard]] std::string topic_key(Topic topic);
[[nodiscard]] std::string group_key(std::string_view group, TopicPartition of);  // REQUIRES: no NUL in group

// Values. REQUIRES: what is encoded could be decoded again, so a chunk has records and a mark does not end before it
// begins.
[[nodiscard]] std::string encode(const ChunkHeader& header);
[[nodiscard]] std::string encode(const Mark& mark);
[[nodiscard]] std::string encode(const Segment& segment);  // without base
[[nodiscard]] std::string encode(const TopicOptions& options);
[[nodiscard]] std::string encode_offset(Offset offset);

// Decoding bytes from the disk; nullopt: they are not such a row.
struct PartitionKey {
  TopicPartition of;
  Offset base = 0;  // 'c', 's' and 'x' rows
};
struct GroupKey {
  std::string group;
  TopicPartition of;
};
[[nodiscard]] std::optional<PartitionKey> decode_partition_key(std::string_view key);  // of 'c', 's', 'm' and 'x' rows
[[nodiscard]] std::optional<GroupKey> decode_group_key(std::string_view key);
[[nodiscard]] std::optional<ChunkHeader> decode_chunk_header(std::string_view value);
[[nodiscard]] std::optional<Mark> decode_mark(std::string_view value);
[[nodiscard]] std::optional<Segment> decode_segment(Offset base, std::string_view value);
[[nodiscard]] std::optional<TopicOptions> decode_topic_options(std::string_view value);
[[nodiscard]] std::optional<Offset> decode_offset(std::string_view value);

}  // namespace freshet::eventlog::embedded
