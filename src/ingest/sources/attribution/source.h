// /v1/attribution as a source: docs/sources/attribution.md.
#pragma once

#include "ingest/source.h"

namespace freshet::ingest {

[[nodiscard]] const Source& attribution_source();

}  // namespace freshet::ingest
