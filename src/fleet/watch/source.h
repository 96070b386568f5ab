// Where looks come from: a living cluster (live_source.h), or what a test makes up.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "fleet/topology.h"
#include "fleet/watch/look.h"

namespace freshet::fleet {

// One cluster. For one thread.
class LookSource {
 public:
  virtual ~LookSource() = default;
  // Blocks while brokers are asked, and ends within a bounded time. What fails is tried anew by the next look.
  [[nodiscard]] virtual Result<Look> look() = 0;
};

// Of this cluster of the topology. Called on any thread; a failure is tried again.
using OpenLookSource = std::function<Result<std::unique_ptr<LookSource>>(Index cluster)>;

}  // namespace freshet::fleet
