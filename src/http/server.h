// An HTTP/1.1 server on Boost.Beast (RFC 9110, 9112). Connections, headers, bodies and time are
// bounded, so that a slow or hostile client costs only its own connection. It knows nothing of what
// it serves.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "http/server_options.h"

namespace freshet::http {

// A running server. Its methods may be called from any thread but the server's own.
class Server {
 public:
  // Binds, then starts the threads. kInvalid: the options or the address can't be used, and why.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  virtual ~Server() = default;
  // The port that it listens on, which matters where the options say 0.
  [[nodiscard]] virtual uint16_t port() const = 0;
  // Reads certificate and key again, for connections from now on. kInvalid: they can't be used, and those before go on
  // being used. Without TLS it does nothing.
  [[nodiscard]] virtual Status reload_tls() = 0;
  // Stops accepting, lets requests under way finish for up to `grace_ms`, then closes. It blocks; a
  // second call does nothing.
  virtual void stop(uint32_t grace_ms) = 0;
};

}  // namespace freshet::http
