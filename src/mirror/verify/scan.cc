#include "mirror/verify/scan.h"

#include <fmt/format.h>

#include "mirror/shares.h"

namespace freshet::mirror {
namespace {

constexpr size_t kScanAtOnce = 1024;
constexpr env::TimeUs kScanWaitUs = 500'000;
constexpr env::TimeUs kSettleUs = 100'000;

}  // namespace

// A range is done when a record at or behind its end is seen, or nothing is left below.
Status scan(cluster::Reader& reader, const std::string& topic, const std::vector<Range>& ranges, env::TimeUs silence_us,
            const std::function<void(int32_t partition, const cluster::Record&)>& on_record) {
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
    cluster::Polled polled;
    reader.poll(kScanAtOnce, kScanWaitUs, polled);
    silent_us = polled.records.empty() && polled.ends.empty() ? silent_us + kScanWaitUs : 0;
    for (const cluster::Record& record : polled.records) {
      if (!open[record.from]) continue;
      const Range& range = ranges[record.from];
      if (record.offset < range.end) on_record(range.partition, record);
      if (record.offset + 1 >= range.end) done(record.from);
    }
    for (const auto& [id, offset] : polled.ends)
      if (offset >= ranges[id].end) done(id);
    for (const cluster::ReadProblem& problem : polled.problems) return tl::unexpected(problem.error);
    if (silent_us > silence_us) return fail(Code::kRetry, fmt::format("reading {}: the brokers do not answer", topic));
  }
  return {};
}

Result<std::vector<int64_t>> settled_ends(cluster::Admin& admin, const std::vector<cluster::PartitionRef>& of,
                                          env::Clock& clock, env::TimeUs most_us) {
  using cluster::OffsetAt;
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

}  // namespace freshet::mirror
