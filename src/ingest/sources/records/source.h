// POST /v1/records as a source: docs/sources/records.md.
#pragma once

#include "ingest/source.h"

namespace freshet::ingest {

[[nodiscard]] const Source& records_source();

}  // namespace freshet::ingest
