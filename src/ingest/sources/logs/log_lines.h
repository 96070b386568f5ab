// POST /v1/logs/lines: one JSON object a line, as most programs write their logs. docs/sources/logs.md.
#pragma once

#include <string_view>

#include "ingest/sources/logs/log_record.h"

namespace freshet::ingest {

// Each line that is not blank is a record; one that is no JSON object is rejected alone.
[[nodiscard]] LogsResult parse_log_lines(std::string_view body, std::string_view tenant, int64_t received_at_us);

}  // namespace freshet::ingest
