// Branch's webhooks: a JSON object; or a query whose names the customer chose, which are those of the object here.
#pragma once

#include "ingest/sources/attribution/attribution.h"

namespace freshet::ingest {

[[nodiscard]] Outcome read_branch(Item& item, Fields& fields, Report& report);

}  // namespace freshet::ingest
