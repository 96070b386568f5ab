// What probes of load balancers ask of the ingest listener.
#pragma once

#include "ingest/source.h"

namespace freshet::ingest {

[[nodiscard]] const Source& health_source();

}  // namespace freshet::ingest
