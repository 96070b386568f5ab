// AppsFlyer's Push API 2: a JSON object, or the same names in a query.
#pragma once

#include "ingest/sources/attribution/attribution.h"

namespace freshet::ingest {

[[nodiscard]] Outcome read_appsflyer(Item& item, Fields& fields, Report& report);

}  // namespace freshet::ingest
