// Reading. A consumer that keeps up finds its chunks in memory; one that is behind reads the store. What comes from
// the disk is checked, and damage is an error that names the offset: a record that was skipped in silence would be
// missing for ever.
#include "eventlog/embedded/reader.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::eventlog::embedded {
namespace {

tl::unexpected<Error> damaged(TopicPartition of, Offset at, const std::string& what) {
  return fail(Code::kCorrupt, "embedded log: " + to_string(of) + " at offset " + std::to_string(at) + ": " + what +
                                  "; restore the log's directory from a copy");
}

constexpr size_t kRecordBytesMin = 2;  // An empty key and an empty value, a byte of size each.

// A count that the bytes can't hold is damage, and nobody may reserve memory for it.
ChunkRef decode_chunk(Offset base, std::string_view value) {
  const auto header = decode_chunk_header(value);
  if (!header || header->count > (value.size() - kChunkHeaderBytes) / kRecordBytesMin) return nullptr;
  auto chunk = std::make_shared<Chunk>();
  chunk->base = base;
  chunk->header = *header;
  chunk->pieces.emplace_back(value.substr(kChunkHeaderBytes));
  chunk->bytes = value.size();
  return chunk;
}

// The last chunk that begins at or before `from`.
Result<ChunkRef> find_chunk(kv::Store& store, TopicPartition of, Offset from) {
  ChunkRef found;
  bool readable = true;
  FRESHET_TRY(
      store.scan_back(chunk_key(of, 0), chunk_key(of, from + 1), [&](std::string_view key, std::string_view value) {
        const auto at = decode_partition_key(key);
        if (at) found = decode_chunk(at->base, value);
        readable = found != nullptr;
        return false;
      }));
  if (!readable) return damaged(of, from, "unreadable chunk");
  if (found == nullptr || found->end() <= from) return damaged(of, from, "its chunk is missing");
  return found;
}

}  // namespace

Status check_position(const Partition& partition, Offset from) {
  const Mark& mark = partition.mark;
  if (from < mark.low) {
    return fail(Code::kNotFound, "embedded log: offset " + std::to_string(from) + " of " + to_string(partition.of) +
                                     " is no longer kept: the oldest is " + std::to_string(mark.low));
  }
  if (from > mark.high) {
    return fail(Code::kCorrupt, "embedded log: offset " + std::to_string(from) + " of " + to_string(partition.of) +
                                    " lies past its end, " + std::to_string(mark.high) +
                                    ": the log lost records, or the position belongs to another log");
  }
  return {};
}

// The tail has no gap, so what is not before its first chunk is in it.
bool take_from_tail(const Partition& partition, Offset from, size_t bytes_max, std::vector<ChunkRef>& chunks) {
  FRESHET_ASSERT(from >= partition.mark.low && from < partition.mark.high);
  const auto& tail = partition.tail;
  if (tail.empty() || from < tail.front()->base) return false;
  auto chunk = std::upper_bound(tail.begin(), tail.end(), from,
                                [](Offset offset, const ChunkRef& c) { return offset < c->base; });
  --chunk;
  FRESHET_ASSERT((*chunk)->base <= from && from < (*chunk)->end());
  size_t bytes = 0;
  do {
    bytes += (*chunk)->bytes;
    chunks.push_back(*chunk++);
  } while (chunk != tail.end() && bytes < bytes_max);
  return true;
}

Status take_from_store(kv::Store& store, TopicPartition of, Offset from, Offset high, size_t bytes_max,
                       std::vector<ChunkRef>& chunks) {
  FRESHET_ASSERT(from >= 0 && from < high);
  FRESHET_ASSIGN(auto first, find_chunk(store, of, from));
  chunks.push_back(std::move(first));
  size_t bytes = chunks.back()->bytes;
  Offset next = chunks.back()->end();
  if (bytes >= bytes_max || next >= high) return {};
  Status result;
  FRESHET_TRY(store.scan(chunk_key(of, next), chunk_key(of, high), [&](std::string_view key, std::string_view value) {
    const auto at = decode_partition_key(key);
    if (!at || at->base != next) return false;  // Retention has taken it meanwhile: the next call will say so.
    ChunkRef chunk = decode_chunk(next, value);
    if (chunk == nullptr) {
      result = damaged(of, next, "unreadable chunk");
      return false;
    }
    bytes += chunk->bytes;
    next = chunk->end();
    chunks.push_back(std::move(chunk));
    return bytes < bytes_max;
  }));
  return result;
}

Result<Fetched> view_records(TopicPartition of, Offset from, std::vector<ChunkRef> chunks) {
  FRESHET_ASSERT(!chunks.empty() && chunks.front()->base <= from && from < chunks.front()->end());
  Fetched out;
  out.from = of;
  out.next = chunks.back()->end();
  out.records.reserve(static_cast<size_t>(out.next - from));
  for (const ChunkRef& chunk : chunks) {
    Offset offset = chunk->base;
    bool corrupt = false;
    for (const std::string& piece : chunk->pieces) {
      std::string_view data = piece;
      RecordView record;
      while (next_record(data, record.key, record.value, &corrupt)) {
        record.offset = offset++;
        if (record.offset >= from) out.records.push_back(record);
      }
    }
    if (corrupt || offset != chunk->end()) return damaged(of, chunk->base, "damaged chunk");
  }
  // Each offset is there once: none was skipped where one chunk ends and the next begins.
  FRESHET_ASSERT(out.records.size() == static_cast<size_t>(out.next - from));
  if (chunks.size() == 1) {
    out.hold = std::move(chunks.front());
  } else {
    out.hold = std::make_shared<const std::vector<ChunkRef>>(std::move(chunks));
  }
  return out;
}

}  // namespace freshet::eventlog::embedded
