// The one list of kinds of sinks.
#pragma once

#include <memory>

#include "sinks/sink.h"

namespace freshet::sinks {

// Opens the sink of this kind. kRetry: its target is away. kInvalid: it can't be as it is configured, and why; that may
// be mended at the target, so it is worth another attempt.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_sink(const Around& around);

}  // namespace freshet::sinks
