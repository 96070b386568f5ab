// Adjust's callbacks: a query whose names the customer chose; these are the ones of Adjust's placeholders.
#pragma once

#include "ingest/sources/attribution/attribution.h"

namespace freshet::ingest {

[[nodiscard]] Outcome read_adjust(Item& item, Fields& fields, Report& report);

}  // namespace freshet::ingest
