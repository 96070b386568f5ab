// All records of a poll share one transaction, so their spans begin together and end together.
#include "action/process_spans.h"

#include <utility>

namespace freshet::action {

using telemetry::tracer;

void ProcessSpans::begin() {
  spans_.clear();
  if (tracer().on()) began_us_ = clock_.now_us();
}

void ProcessSpans::add(uint32_t partition, std::vector<TracedRecord> records) {
  if (!tracer().on()) return;
  for (TracedRecord& record : records) {
    telemetry::Span span = tracer().begin("process", telemetry::SpanKind::kConsumer, record.parent, began_us_);
    span.set("freshet.tenant", std::move(record.tenant));
    span.set("freshet.partition", int64_t{partition});
    span.set("freshet.offset", record.offset);
    span.set("freshet.outcome", record.outcome);
    spans_.push_back(std::move(span));
  }
}

void ProcessSpans::end(const std::string& error) {
  if (spans_.empty()) return;
  const env::TimeUs now_us = clock_.now_us();
  for (telemetry::Span& span : spans_) {
    span.error = error;
    tracer().end(std::move(span), now_us);
  }
  spans_.clear();
}

}  // namespace freshet::action
