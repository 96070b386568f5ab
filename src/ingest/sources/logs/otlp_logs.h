// POST /v1/logs: OTLP over HTTP, as JSON or as Protobuf (https://opentelemetry.io/docs/specs/otlp/).
#pragma once

#include <string_view>

#include "http/message.h"
#include "ingest/sources/logs/log_record.h"

namespace freshet::ingest {

enum class OtlpEncoding : uint8_t { kJson, kProtobuf };
// By the request's Content-Type; where that says neither, by how the body begins.
[[nodiscard]] OtlpEncoding otlp_encoding(const http::Request& request);

// A record that can't be kept is rejected alone.
[[nodiscard]] LogsResult parse_otlp_logs(std::string_view body, OtlpEncoding encoding, std::string_view tenant,
                                         int64_t received_at_us);

// ExportLogsServiceResponse, with partial_success where something was rejected.
[[nodiscard]] http::Response otlp_logs_taken(OtlpEncoding encoding, const Parsed& outcome);
// google.rpc.Status. Clients send again after 429 and 503 and not after other failures.
[[nodiscard]] http::Response otlp_logs_refused(OtlpEncoding encoding, int status, std::string_view message);

}  // namespace freshet::ingest
