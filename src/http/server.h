// An HTTP/1.1 server on Boost.Beast: bounded connections, headers, bodies and time, so that a slow or hostile client costs
// its own connection only. Knows nothing of what it serves.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "http/server_options.h"

namespace freshet::http {

class Server {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  virtual ~Server() = default;
  [[nodiscard]] virtual uint16_t port() const = 0;
  // Stops accepting, lets requests under way finish for up to `grace_ms`, then closes. Idempotent; blocks.
  virtual void stop(uint32_t grace_ms) = 0;
};

}  // namespace freshet::http
