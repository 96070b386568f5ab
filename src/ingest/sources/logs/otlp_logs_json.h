// OTLP's JSON: Protobuf's, but that trace and span ids are hexadecimal and that members nobody knows are passed over.
// Protobuf's own parser can do neither.
#pragma once

#include <foreign/otlp_logs.pb.h>

#include <string_view>

#include "base/result.h"

namespace freshet::ingest {

// kInvalid: it is no JSON, or no ExportLogsServiceRequest. Members of a wrong shape are passed over.
[[nodiscard]] Status read_otlp_json(std::string_view body, foreign::otlp_logs::ExportLogsRequest& out);

}  // namespace freshet::ingest
