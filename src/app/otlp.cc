// OTLP's messages from our spans (opentelemetry-proto, trace/v1).

#include "app/otlp.h"

#include <foreign/otlp_trace.pb.h>

#include <algorithm>
#include <utility>

namespace freshet::app {
namespace {

namespace otlp = foreign::otlp;

void set(otlp::KeyValue& out, std::string_view key, const std::string& value) {
  out.set_key(key.data(), key.size());
  out.mutable_value()->set_string_value(value);
}

void set(otlp::KeyValue& out, std::string_view key, int64_t value) {
  out.set_key(key.data(), key.size());
  out.mutable_value()->set_int_value(value);
}

void set_span(const telemetry::Span& span, otlp::Span& out) {
  const telemetry::TraceContext& context = span.context;
  out.set_trace_id(context.trace_id.data(), context.trace_id.size());
  out.set_span_id(context.span_id.data(), context.span_id.size());
  if (span.parent != telemetry::SpanId{}) out.set_parent_span_id(span.parent.data(), span.parent.size());
  out.set_name(span.name);
  out.set_kind(static_cast<otlp::Span::Kind>(span.kind));
  // OTLP's times are unsigned; a clock before 1970 is as good as none.
  out.set_start_time_unix_nano(static_cast<uint64_t>(std::max<int64_t>(span.begin_ns, 0)));
  out.set_end_time_unix_nano(static_cast<uint64_t>(std::max<int64_t>(span.end_ns, 0)));
  for (const telemetry::SpanAttribute& attribute : span.attributes)
    std::visit([&](const auto& value) { set(*out.add_attributes(), attribute.key, value); }, attribute.value);
  if (span.error.empty()) return;
  out.mutable_status()->set_code(otlp::Status::ERROR);
  out.mutable_status()->set_message(span.error);
}

}  // namespace

std::string encode_spans(const TracedProcess& process, std::span<const telemetry::Span> spans) {
  otlp::ExportTraceRequest request;
  otlp::ResourceSpans& ours = *request.add_resource_spans();
  otlp::Resource& resource = *ours.mutable_resource();
  set(*resource.add_attributes(), "service.name", std::string("freshet"));
  set(*resource.add_attributes(), "service.instance.id", process.instance);
  set(*resource.add_attributes(), "service.version", process.version);
  set(*resource.add_attributes(), "freshet.roles", process.roles);
  otlp::ScopeSpans& scope = *ours.add_scope_spans();
  scope.mutable_scope()->set_name("freshet");
  scope.mutable_scope()->set_version(process.version);
  for (const telemetry::Span& span : spans) set_span(span, *scope.add_spans());
  return request.SerializeAsString();
}

std::optional<uint64_t> rejected_spans(std::string_view body) {
  otlp::ExportTraceResponse response;
  if (!response.ParseFromArray(body.data(), static_cast<int>(body.size()))) return std::nullopt;
  // A collector that counts wrong must not make us count down.
  return static_cast<uint64_t>(std::max<int64_t>(response.partial_success().rejected_spans(), 0));
}

}  // namespace freshet::app
