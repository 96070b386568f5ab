// Posts each record to an address as JSON, signed. docs/sinks.md has the request and what answers mean.
#pragma once

#include <memory>

#include "sinks/sink.h"

namespace freshet::sinks {

// kInvalid: the secret can't be had.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_webhook(const Around& around);

}  // namespace freshet::sinks
