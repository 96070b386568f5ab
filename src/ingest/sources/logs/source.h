// /v1/logs and /v1/logs/lines as a source: docs/sources/logs.md.
#pragma once

#include "ingest/source.h"

namespace freshet::ingest {

[[nodiscard]] const Source& logs_source();

}  // namespace freshet::ingest
