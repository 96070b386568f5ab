// Spans as OpenTelemetry collectors take them: OTLP over HTTP with Protobuf bodies (proto/foreign).
// Both functions are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "app/otlp_conventions.h"
#include "telemetry/trace.h"

namespace freshet::app {

// Whose spans they are. These become attributes of the resource.
struct TracedProcess {
  std::string instance;  // service.instance.id
  std::string version;   // service.version
  std::string roles;     // freshet.roles
  ConventionFacts facts = {};
};

// Makes the body of POST /v1/traces.
[[nodiscard]] std::string encode_spans(const TracedProcess& process, std::span<const telemetry::Span> spans);
// How many spans the collector did not want, as the body of its 200 says. nullopt: it is no such
// body.
[[nodiscard]] std::optional<uint64_t> rejected_spans(std::string_view body);

}  // namespace freshet::app
