#include "cluster/stream/scan.h"

#include <fmt/core.h>

#include "base/assert.h"

namespace freshet::cluster {
namespace {

constexpr size_t kScanAtOnce = 1024;
constexpr env::TimeUs kScanWaitUs = 500'000;
constexpr env::TimeUs kSettleUs = 100'000;

}  // namespace

std::vector<PartitionRef> partitions_of(const std::string& topic, uint32_t count) {
  std::vector<PartitionRef> out;
  for (uint32_t p = 0; p < count; ++p) out.push_back({topic, static_cast<int32_t>(p)});
  return out;
}

Result<std::vector<int64_t>> offsets_of(Admin& admin, const std::vector<PartitionRef>& of, OffsetAt::Kind at) {
  FRESHET_ASSIGN(const auto answers, admin.offsets(of, {at, 0}));
  FRESHET_ASSERT(answers.size() == of.size());
  std::vector<int64_t> out;
  for (const OffsetAnswer& answer : answers) {
    if (!answer.offset)
      return fail(Code::kRetry,
                  fmt::format("{}[{}]: no offset is known: {}", answer.of.topic, answer.of.partition, answer.error));
    out.push_back(*answer.offset);
  }
  return out;
}

// A range is done when a record at or behind its end is seen, or nothing is left below.
Status scan(Reader& reader, const std::string& topic, const std::vector<Range>& ranges, env::TimeUs silence_us,
            const std::function<void(int32_t partition, const Record&)>& on_record) {
  std::vector<bool> open(ranges.size(), false);
  size_t left = 0;
  const auto done = [&](uint32_t id) {
    if (!open[id]) return;
    open[id] = false;
    --left;
    reader.stop(id);
  };
  for (uint32_t id = 0; id < ranges.size(); ++id) {
    if (ranges[id].first >= ranges[id].end) continue;
    FRESHET_TRY(reader.start(id, {topic, ranges[id].partition}, ranges[id].first));
    open[id] = true;
    ++left;
  }
  env::TimeUs silent_us = 0;
  while (left > 0) {
    Polled polled;
    reader.poll(kScanAtOnce, kScanWaitUs, polled);
    silent_us = polled.records.empty() && polled.ends.empty() ? silent_us + kScanWaitUs : 0;
    for (const Record& record : polled.records) {
      FRESHET_ASSERT(record.from < ranges.size());
      if (!open[record.from]) continue;
      const Range& range = ranges[record.from];
      if (record.offset < range.end) on_record(range.partition, record);
      if (record.offset + 1 >= range.end) done(record.from);
    }
    for (const auto& [id, offset] : polled.ends) {
      FRESHET_ASSERT(id < ranges.size());
      if (offset >= ranges[id].end) done(id);
    }
    for (const ReadProblem& problem : polled.problems) return tl::unexpected(problem.error);
    if (silent_us > silence_us) return fail(Code::kRetry, fmt::format("reading {}: the brokers do not answer", topic));
  }
  return {};
}

// Others' transactions end within their timeouts, so this waits for them and no longer.
Result<std::vector<int64_t>> settled_ends(Admin& admin, const std::vector<PartitionRef>& of, env::Clock& clock,
                                          env::TimeUs most_us) {
  FRESHET_ASSIGN(auto ends, offsets_of(admin, of, OffsetAt::Kind::kLatest));
  const env::TimeUs last = clock.monotonic_us() + most_us;
  while (true) {
    FRESHET_ASSIGN(const auto seen, offsets_of(admin, of, OffsetAt::Kind::kLatestStable));
    size_t settled = 0;
    while (settled < ends.size() && seen[settled] >= ends[settled]) ++settled;
    if (settled == ends.size()) return ends;
    if (clock.monotonic_us() > last)
      return fail(Code::kRetry,
                  fmt::format("{}[{}]: a transaction is open for too long", of[settled].topic, of[settled].partition));
    clock.sleep_us(kSettleUs);
  }
}

}  // namespace freshet::cluster
