// OTLP's JSON: Protobuf's, but that trace and span ids are hexadecimal and that members nobody knows are passed over.
// Protobuf's own parser can do neither.
#pragma once

#include <foreign/otlp_logs.pb.h>

#include <map>
#include <string_view>

#include "base/result.h"
#include "ingest/sources/logs/log_record.h"

namespace freshet::ingest {

// What is wrong with a record, or with the resource of records, by its message: they stand in their places all the
// same, as whoever sent them counts them.
using OtlpFaults = std::map<const google::protobuf::MessageLite*, LogFault>;

// kInvalid: it is no JSON outside of its records, or not in the shape of an ExportLogsServiceRequest. A record that is
// no JSON, or a member of which can't be read, is in `faults`.
[[nodiscard]] Status read_otlp_json(std::string_view body, foreign::otlp_logs::ExportLogsRequest& out,
                                    OtlpFaults& faults);

}  // namespace freshet::ingest
