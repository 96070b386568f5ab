// Uploads of CSV files as a source; imports.h does the work: docs/sources/csv.md.
#pragma once

#include "ingest/source.h"

namespace freshet::ingest {

[[nodiscard]] const Source& csv_source();

}  // namespace freshet::ingest
