// Numbers are big-endian in keys and in values: so the store's order of keys is the order of offsets, and a row reads
// the same in a dump as in the specification.
#include "eventlog/embedded/rows.h"

#include <concepts>
#include <limits>
#include <type_traits>

#include "base/assert.h"
#include "base/big_endian.h"

namespace freshet::eventlog::embedded {
namespace {

template <std::integral T>
void put(std::string& out, T value) {
  append_big_endian(out, static_cast<std::make_unsigned_t<T>>(value));
}

// Takes fixed-size numbers off the front. After the first failure everything fails, so a caller asks once, at the end.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}

  template <class T>
  T take() {
    if (data_.size() < sizeof(T)) {
      ok_ = false;
      return T{};
    }
    const auto value = read_big_endian<std::make_unsigned_t<T>>(data_);
    data_.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }

  std::string_view take_bytes(size_t size) {
    if (data_.size() < size) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes = data_.substr(0, size);
    data_.remove_prefix(size);
    return bytes;
  }

  TopicPartition take_topic_partition() {
    const auto topic = take<uint8_t>();
    ok_ = ok_ && topic < kTopics;
    return {static_cast<Topic>(topic), take<uint32_t>()};
  }

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool ended() const { return ok_ && data_.empty(); }

 private:
  std::string_view data_;
  bool ok_ = true;
};

// A row that was written under a topic that is none could never be read again.
std::string partition_key(char kind, TopicPartition of) {
  FRESHET_ASSERT(static_cast<size_t>(of.topic) < kTopics);
  std::string key(1, kind);
  key.reserve(14);
  put(key, static_cast<uint8_t>(of.topic));
  put(key, of.partition);
  return key;
}

}  // namespace

std::string chunk_key(TopicPartition of, Offset base) {
  FRESHET_ASSERT(base >= 0);  // A negative one would come after all others.
  std::string key = partition_key('c', of);
  put(key, base);
  return key;
}

std::string segment_key(TopicPartition of, Offset base) {
  FRESHET_ASSERT(base >= 0);
  std::string key = partition_key('s', of);
  put(key, base);
  return key;
}

std::string gap_key(TopicPartition of, Offset base) {
  FRESHET_ASSERT(base >= 0);
  std::string key = partition_key('x', of);
  put(key, base);
  return key;
}

std::string mark_key(TopicPartition of) { return partition_key('m', of); }

std::string topic_key(Topic topic) { return {'t', static_cast<char>(topic)}; }

// The NUL ends the name: without it, partition 1 of group "a" and of a group whose name begins with "a" could share a
// key.
std::string group_key(std::string_view group, TopicPartition of) {
  FRESHET_ASSERT(!group.empty() && group.find('\0') == std::string_view::npos);
  std::string key = "g";
  key.append(group);
  key.push_back('\0');
  put(key, static_cast<uint8_t>(of.topic));
  put(key, of.partition);
  return key;
}

std::string encode(const ChunkHeader& header) {
  FRESHET_ASSERT(header.count > 0);
  std::string out;
  put(out, header.count);
  put(out, header.appended_at_us);
  return out;
}

std::string encode(const Mark& mark) {
  FRESHET_ASSERT(mark.low >= 0 && mark.low <= mark.high);
  std::string out;
  out.reserve(32);
  put(out, mark.low);
  put(out, mark.high);
  put(out, mark.bytes);
  put(out, mark.appended_at_us);
  return out;
}

// The base of a segment is in its key.
std::string encode(const Segment& segment) {
  std::string out;
  put(out, segment.appended_at_us);
  put(out, segment.previous_us);
  put(out, segment.bytes_before);
  return out;
}

std::string encode(const TopicOptions& options) {
  FRESHET_ASSERT(options.consumers.size() <= std::numeric_limits<uint16_t>::max());
  std::string out;
  put(out, options.partitions);
  put(out, options.retention_bytes);
  put(out, options.retention_us);
  put(out, static_cast<uint16_t>(options.consumers.size()));
  for (const std::string& group : options.consumers) {
    put(out, static_cast<uint16_t>(group.size()));
    out += group;
  }
  return out;
}

std::string encode_offset(Offset offset) {
  FRESHET_ASSERT(offset >= 0);
  std::string out;
  put(out, offset);
  return out;
}

// Decoders take nothing on trust: a number that makes no sense is damage here, and not a surprise somewhere else.
std::optional<PartitionKey> decode_partition_key(std::string_view key) {
  Reader in(key);
  const auto kind = in.take<char>();
  PartitionKey out;
  out.of = in.take_topic_partition();
  if (kind != 'm') out.base = in.take<Offset>();
  if (!in.ended() || out.base < 0 || (kind != 'c' && kind != 's' && kind != 'm' && kind != 'x')) return std::nullopt;
  return out;
}

std::optional<GroupKey> decode_group_key(std::string_view key) {
  const size_t nul = key.find('\0');
  if (!key.starts_with('g') || nul == std::string_view::npos) return std::nullopt;
  Reader in(key.substr(nul + 1));
  GroupKey out{std::string(key.substr(1, nul - 1)), in.take_topic_partition()};
  if (!in.ended()) return std::nullopt;
  return out;
}

std::optional<ChunkHeader> decode_chunk_header(std::string_view value) {
  Reader in(value);
  ChunkHeader out;
  out.count = in.take<uint32_t>();
  out.appended_at_us = in.take<env::TimeUs>();
  if (!in.ok() || out.count == 0) return std::nullopt;
  return out;
}

std::optional<Mark> decode_mark(std::string_view value) {
  Reader in(value);
  Mark out;
  out.low = in.take<Offset>();
  out.high = in.take<Offset>();
  out.bytes = in.take<uint64_t>();
  out.appended_at_us = in.take<env::TimeUs>();
  if (!in.ended() || out.low < 0 || out.low > out.high) return std::nullopt;
  return out;
}

std::optional<Segment> decode_segment(Offset base, std::string_view value) {
  Reader in(value);
  Segment out;
  out.base = base;
  out.appended_at_us = in.take<env::TimeUs>();
  out.previous_us = in.take<env::TimeUs>();
  out.bytes_before = in.take<uint64_t>();
  if (!in.ended()) return std::nullopt;
  return out;
}

std::optional<TopicOptions> decode_topic_options(std::string_view value) {
  Reader in(value);
  TopicOptions out;
  out.partitions = in.take<uint32_t>();
  out.retention_bytes = in.take<uint64_t>();
  out.retention_us = in.take<env::TimeUs>();
  const auto consumers = in.take<uint16_t>();
  for (uint16_t i = 0; i < consumers && in.ok(); ++i) out.consumers.emplace_back(in.take_bytes(in.take<uint16_t>()));
  if (!in.ended()) return std::nullopt;
  return out;
}

std::optional<Offset> decode_offset(std::string_view value) {
  Reader in(value);
  const auto out = in.take<Offset>();
  if (!in.ended() || out < 0) return std::nullopt;
  return out;
}

}  // namespace freshet::eventlog::embedded
