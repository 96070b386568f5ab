// Ingest over the wire, and nothing else: what takes requests is the server's own listener.
#pragma once

#include "intake/node.h"

namespace freshet::bench {

// Prints {"port":N} and serves on 127.0.0.1 with node.cores threads until SIGTERM or SIGINT. kInvalid: the directory or
// the port can't be used.
[[nodiscard]] Status serve(const NodeOptions& node);

}  // namespace freshet::bench
