#include "ingest/sources/logs/logs.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "ingest/sources/logs/log_lines.h"
#include "ingest/sources/logs/otlp_logs.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {
namespace {

using eventlog::Produce;
using eventlog::Topic;

std::vector<Produce> frame_logs(const std::vector<LogEntry>& entries, uint32_t partitions) {
  std::map<uint32_t, eventlog::RecordBatch> batches;
  for (const LogEntry& entry : entries) batches[partition_of(entry.key, partitions)].add(entry.key, entry.value);
  std::vector<Produce> produces;
  for (auto& [partition, batch] : batches) produces.push_back({{Topic::kLogs, partition}, std::move(batch)});
  return produces;
}

void count_logs(const std::string& tenant, const Parsed& outcome) {
  FRESHET_ASSERT(outcome.rejected.size() <= outcome.item_count);
  if (const size_t taken = outcome.item_count - outcome.rejected.size(); taken > 0)
    telemetry::counter("freshet_logs_records_total", "Log records accepted.", {{"tenant", tenant}}).add(taken);
  std::map<std::string, uint64_t> codes;
  for (const Rejection& rejection : outcome.rejected) ++codes[rejection.code];
  for (const auto& [code, n] : codes)
    telemetry::counter("freshet_logs_rejected_total", "Log records rejected, by reason.",
                       {{"tenant", tenant}, {"code", code}})
        .add(n);
}

}  // namespace

Refusal logs_are_full() {
  return {429, "too_many_requests", "nothing was taken: logs come faster than they are written; send it again later"};
}

Logs::Logs(eventlog::EventLog& log, env::Clock& clock, const LogsOptions& options)
    : log_(log),
      clock_(clock),
      options_(options),
      bodies_(std::make_shared<http::SharedBodyBudget>(kLogsBodiesBytesMax, options.bodies_of_an_address)) {
  FRESHET_ASSERT(options.inflight_bytes_max > 0 && options.bytes_per_s > 0);
  FRESHET_ASSERT(options.bodies_of_an_address >= 2 * kLogsBodyBytesMax);
  under_way_->allowed_bytes = static_cast<int64_t>(options.bytes_per_s);
  under_way_->refilled_us = clock.monotonic_us();
}

void Logs::refill() {
  const env::TimeUs now_us = clock_.monotonic_us();
  // Bounded, as the product is to be; an hour pays every debt.
  const env::TimeUs passed_us = std::min<env::TimeUs>(now_us - under_way_->refilled_us, 3'600'000'000);
  const auto rate = static_cast<int64_t>(options_.bytes_per_s);
  const auto more = static_cast<int64_t>(static_cast<double>(rate) * static_cast<double>(passed_us) / 1e6);
  under_way_->allowed_bytes = std::min(rate, under_way_->allowed_bytes + more);
  under_way_->refilled_us = now_us;
}

bool Logs::has_room(const std::string& tenant) {
  const std::lock_guard lock(under_way_->mutex);
  refill();
  const auto found = under_way_->of_tenant.find(tenant);
  return under_way_->allowed_bytes > 0 && under_way_->bytes < options_.inflight_bytes_max &&
         (found == under_way_->of_tenant.end() || found->second < options_.inflight_bytes_max / 2);
}

// What is over the second's worth is let in once, and paid for by those who come after: a request that is larger than
// the bound would otherwise never be taken.
bool Logs::reserve(const std::string& tenant, size_t bytes) {
  const std::lock_guard lock(under_way_->mutex);
  const auto found = under_way_->of_tenant.find(tenant);
  const size_t own = found == under_way_->of_tenant.end() ? 0 : found->second;
  refill();
  if (under_way_->allowed_bytes <= 0) return false;
  if (under_way_->bytes > 0 && under_way_->bytes + bytes > options_.inflight_bytes_max) return false;
  if (own > 0 && own + bytes > options_.inflight_bytes_max / 2) return false;
  under_way_->allowed_bytes -= static_cast<int64_t>(bytes);
  under_way_->bytes += bytes;
  under_way_->of_tenant[tenant] += bytes;
  return true;
}

void Logs::release(UnderWay& under_way, const std::string& tenant, size_t bytes) {
  const std::lock_guard lock(under_way.mutex);
  const auto found = under_way.of_tenant.find(tenant);
  FRESHET_ASSERT(found != under_way.of_tenant.end() && found->second >= bytes && under_way.bytes >= bytes);
  under_way.bytes -= bytes;
  found->second -= bytes;
  if (found->second == 0) under_way.of_tenant.erase(found);
}

void Logs::append(const std::string& tenant, std::string_view call, const http::Request& request, Done done) {
  static telemetry::Counter& refused =
      telemetry::counter("freshet_logs_refused_total", "Requests with logs that were told to come again later (429).");
  FRESHET_ASSERT(done != nullptr);
  const int64_t now_us = clock_.now_us();
  auto parsed = call == "otlp" ? parse_otlp_logs(request.body, otlp_encoding(request), tenant, now_us)
                               : parse_log_lines(request.body, tenant, now_us);
  if (!parsed) return done(tl::unexpected(std::move(parsed).error()));
  FRESHET_ASSERT(parsed->entries.size() + parsed->outcome.rejected.size() == parsed->outcome.item_count);
  std::vector<Produce> produces = frame_logs(parsed->entries, std::max(1u, log_.partitions(Topic::kLogs)));
  if (produces.empty()) {
    count_logs(tenant, parsed->outcome);
    return done(std::move(parsed->outcome));
  }
  size_t bytes = 0;
  for (const Produce& produce : produces) bytes += produce.records.bytes();
  if (!reserve(tenant, bytes)) {
    refused.add();
    return done(tl::unexpected(logs_are_full()));
  }
  log_.append(std::move(produces), [under_way = under_way_, tenant, bytes, outcome = std::move(parsed->outcome),
                                    done = std::move(done)](Status status) mutable {
    release(*under_way, tenant, bytes);
    if (!status) {
      refused.add();
      if (status.error().code == Code::kRetry) return done(tl::unexpected(logs_are_full()));
      return done(tl::unexpected(Refusal{503, "unavailable", "nothing was accepted: " + status.error().message}));
    }
    count_logs(tenant, outcome);
    done(std::move(outcome));
  });
}

}  // namespace freshet::ingest
