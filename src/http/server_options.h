// What an HTTP server serves with, and its bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "http/message.h"

namespace freshet::http {

// Called on a server thread, which serves many connections: do not block it.
using Handler = std::function<void(Request, Respond)>;

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // host:port; port 0 picks one
  uint32_t threads = 1;
  size_t body_bytes_max = 1u << 20;     // a larger one gets 413, before it is read to its end
  size_t header_bytes_max = 16u << 10;  // larger ones get 431
  uint32_t connections_max = 4096;      // one more gets 503 and is closed
  uint32_t request_timeout_s = 30;      // a request that is not whole by then gets 408
  uint32_t idle_timeout_s = 75;
  // While it returns true, requests wait before the handler gets them, each for at most hold_ms:
  // senders are slowed down, not refused. It is called often, from server threads. If it is absent,
  // no request ever waits.
  std::function<bool()> holds_back;
  uint32_t hold_ms = 2000;
  std::string tls_cert;  // PEM files; both are given or neither
  std::string tls_key;
};

}  // namespace freshet::http
