// The data API as a source: docs/sources/data-api.md.
#pragma once

#include "ingest/source.h"

namespace freshet::ingest {

[[nodiscard]] const Source& data_api_source();

}  // namespace freshet::ingest
