// All records of a poll share one transaction, so their spans begin together and end together.
#include "action/process_spans.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/saturated.h"
#include "telemetry/exemplar.h"
#include "telemetry/metrics.h"

namespace freshet::action {

using telemetry::tracer;

namespace {

// Where a sender has all of its records traced, finding the histogram must not cost each of them.
constexpr size_t kExemplarsMost = 16;

void describe_record(telemetry::Span& span, uint32_t partition, const TracedRecord& record) {
  const telemetry::TracedSystems& systems = tracer().systems();
  span.set("messaging.system", systems.log);
  span.set("messaging.operation.name", "process");
  span.set("messaging.operation.type", "process");
  span.set("messaging.destination.name", systems.topic_prefix + "actions");
  span.set("messaging.destination.partition.id", std::to_string(partition));
  if (systems.log == "kafka") span.set("messaging.kafka.offset", record.offset);
  span.set("freshet.partition", int64_t{partition});
  span.set("freshet.offset", record.offset);
  span.set("freshet.outcome", record.outcome);
}

}  // namespace

void ProcessSpans::begin() {
  spans_.clear();
  untraced_.clear();
  lines_.reset();
  if (tracer().on()) began_us_ = clock_.now_us();
}

void ProcessSpans::add(uint32_t partition, std::vector<TracedRecord> traced, std::vector<TracedRecord> untraced) {
  if (!tracer().on()) return;
  for (TracedRecord& record : untraced) untraced_.emplace_back(partition, std::move(record));
  for (TracedRecord& record : traced) {
    if (!lines_) lines_.emplace(record.parent.trace_id);
    telemetry::Span span = tracer().begin("process", telemetry::SpanKind::kConsumer, record.parent, began_us_);
    span.set("freshet.tenant", record.tenant);
    describe_record(span, partition, record);
    spans_.push_back({std::move(span), std::move(record.tenant), record.received_at_us});
  }
}

void ProcessSpans::end(const std::string& error, bool readable) {
  lines_.reset();
  if (spans_.empty() && untraced_.empty()) return;
  const env::TimeUs now_us = clock_.now_us();
  const size_t exemplars = readable && error.empty() ? std::min(spans_.size(), kExemplarsMost) : 0;
  for (size_t i = 0; i < exemplars; ++i)
    telemetry::exemplify(
        telemetry::histogram("freshet_freshness_us", "From the receipt of a record until the profile could be read.",
                             {{"tenant", spans_[i].tenant}}),
        saturated_difference(now_us, spans_[i].received_at_us), spans_[i].span.context.trace_id, now_us);
  for (Open& open : spans_) {
    open.span.error = error;
    if (!error.empty()) open.span.set("error.type", error);
    tracer().end(std::move(open.span), now_us);
  }
  spans_.clear();
  // What was aborted is processed again, and may be slow then.
  if (error.empty()) end_late(now_us);
  untraced_.clear();
}

// A span that begins with the poll and says how long the record had waited before: nobody knew then that it would be
// late.
void ProcessSpans::end_late(env::TimeUs now_us) {
  for (auto& [partition, record] : untraced_) {
    const bool set_aside = std::strcmp(record.outcome, "dead_letter") == 0;
    if (!set_aside && !tracer().is_slow(saturated_difference(now_us, record.received_at_us))) continue;
    auto span =
        tracer().begin_late("process", telemetry::SpanKind::kConsumer, record.tenant, record.received_at_us, began_us_);
    if (!span) continue;
    describe_record(*span, partition, record);
    span->set("freshet.waited_ms", saturated_difference(began_us_, record.received_at_us) / 1000);
    span->set("freshet.sampled_by", set_aside ? telemetry::kByError : telemetry::kBySlow);
    if (set_aside) {
      span->error = "dead_letter";
      span->set("error.type", span->error);
    }
    tracer().end(*std::move(span), now_us);
  }
}

}  // namespace freshet::action
