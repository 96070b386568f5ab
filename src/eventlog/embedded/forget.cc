// Reads what the partition keeps, a few chunks at a time, and has the writer put those that change: it alone knows what
// retention takes meanwhile.
#include "eventlog/embedded/forget.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "eventlog/embedded/reader.h"

namespace freshet::eventlog::embedded {
namespace {

constexpr size_t kReadBytes = 4u << 20;

using Keys = std::set<std::string, std::less<>>;

// The chunk without the values of these keys; null: it has none of them. `found` is raised if it has.
Result<ChunkRef> without(TopicPartition of, const ChunkRef& chunk, const Keys& keys) {
  RecordBatch records;
  bool found = false;
  FRESHET_ASSIGN(const Fetched all, view_records(of, chunk->base, {chunk}));
  for (const RecordView& record : all.records) {
    const bool goes = !record.value.empty() && keys.contains(record.key);
    found = found || goes;
    records.add(record.key, goes ? std::string_view() : record.value);
  }
  if (!found) return ChunkRef();
  auto rewritten = std::make_shared<Chunk>();
  rewritten->base = chunk->base;
  rewritten->header = chunk->header;
  rewritten->bytes = kChunkHeaderBytes + records.bytes();
  rewritten->pieces.push_back(records.release());
  FRESHET_ASSERT(rewritten->end() == chunk->end());  // Every offset is still there.
  return ChunkRef(std::move(rewritten));
}

Status forget_in_partition(kv::Store& store, LogState& state, Writer& writer, Partition& partition, const Keys& keys,
                           const TopicOptions& options, const std::atomic<bool>& canceled) {
  Offset next = 0;
  Offset high = 0;
  Offset read = 0;
  {
    const std::lock_guard lock(state.mutex);
    next = partition.mark.low;
    high = partition.mark.high;
    read = state.held_from(options, partition);
  }
  while (next < high) {
    if (canceled) return fail(Code::kRetry, "stopped");
    std::vector<ChunkRef> chunks;
    FRESHET_TRY(take_from_store(store, partition.of, next, high, kReadBytes, chunks));
    Request request;
    for (const ChunkRef& chunk : chunks) {
      FRESHET_ASSIGN(ChunkRef rewritten, without(partition.of, chunk, keys));
      if (rewritten == nullptr) continue;
      if (chunk->end() > read)
        return fail(Code::kRetry, to_string(partition.of) + " has records of theirs that are not read yet");
      request.rewrites.push_back({&partition, std::move(rewritten)});
    }
    next = chunks.back()->end();
    if (!request.rewrites.empty()) FRESHET_TRY(writer.submit_and_wait(std::move(request)));
  }
  return {};
}

}  // namespace

Status forget_records(kv::Store& store, LogState& state, Writer& writer, const TopicState& topic, const Keys& keys,
                      const std::atomic<bool>& canceled) {
  TopicOptions options;
  {
    const std::lock_guard lock(state.mutex);
    options = topic.options;
  }
  for (const Partition& known : topic.partitions) {
    FRESHET_ASSIGN(Partition * partition, state.find(known.of));
    FRESHET_TRY(forget_in_partition(store, state, writer, *partition, keys, options, canceled));
  }
  return {};
}

}  // namespace freshet::eventlog::embedded
