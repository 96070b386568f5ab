// What an HTTP server serves with, and its bounds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "http/body_budget.h"
#include "http/message.h"

namespace freshet::http {

// Called on a server thread, which serves many connections: do not block it.
using Handler = std::function<void(Request, Respond)>;

// What is to become of a request whose header is there and whose body is not.
struct HeaderVerdict {
  // If there is one, it is the answer, and the handler is not called: a body of up to 16 KiB is read and passed over;
  // of any other no byte is kept, and the connection closes.
  std::optional<Response> refuse;
  // A larger body gets 413. More than ServerOptions::body_bytes_max is no more than that.
  size_t body_bytes_max = SIZE_MAX;
  // The header proves that its sender may send: a key was in it and is right. What others send is read from a budget of
  // its own, and their connections are the first to be closed for newcomers.
  bool trusted = false;
  // What ServerOptions::holds_back says does not count for it: it goes another way.
  bool never_held = false;
  // What the judge has found out, for the handler: Request::judged.
  std::shared_ptr<const void> found = {};
  // If it is there, the memory for the body comes from it and not from what the listener has for all. No body is larger
  // than an address's part of it.
  std::shared_ptr<SharedBodyBudget> bodies = {};
};

// Judges a request by its header: method, path, query, headers (names in lower case) and remote are as the handler will
// see them, `body` is empty. It is called once for each request, on a server thread, before any of the body is read and
// before the handler: no blocking, and nothing that costs more than comparing a key. A request that is not refused
// reaches the handler as a whole; the handler must not rely on the verdict's trust, as it is not told.
using OnHeader = std::function<HeaderVerdict(const Request& head)>;

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // host:port; port 0 picks one
  std::string name = "http";              // of the listener, in metrics and messages
  uint32_t threads = 1;
  OnHeader on_header;                   // absent: nothing is refused, and everybody is trusted
  size_t body_bytes_max = 1u << 20;     // a larger one gets 413, before it is read to its end
  size_t header_bytes_max = 16u << 10;  // larger ones get 431
  // Memory for all bodies under way, from their first byte to their answer; for requests that are trusted, and for
  // others. A request that finds none gets 503. Of each one address has a part: bodies_of_an_address(), which is a
  // quarter of it or more. REQUIRES: that part of bodies_bytes_max >= body_bytes_max
  uint64_t bodies_bytes_max = 256u << 20;
  uint64_t strangers_bodies_bytes_max = 32u << 20;
  // For one more, one goes that no request of is being worked on: the first are those that were never trusted, longest
  // idle first, of the address that has most. If all are busy, the newcomer gets 503.
  uint32_t connections_max = 4096;
  uint32_t connections_per_address = 0;  // as above, for one address (of IPv6: a /64); 0: a quarter of connections_max
  uint32_t request_timeout_s = 30;       // a request that is not whole by then gets 408
  uint32_t idle_timeout_s = 75;
  // While it returns true, requests wait before the handler gets them, each for at most hold_ms:
  // senders are slowed down, not refused. It is called often, from server threads. If it is absent,
  // no request ever waits.
  std::function<bool()> holds_back;
  uint32_t hold_ms = 2000;
  std::string tls_cert;  // PEM files; both are given or neither
  std::string tls_key;
};

[[nodiscard]] inline uint32_t connections_of_an_address(const ServerOptions& options) {
  const uint32_t given = options.connections_per_address;
  return std::min(given > 0 ? given : std::max(options.connections_max / 4, 1u), options.connections_max);
}
// Of a budget for bodies one address may hold as large a part as of the connections, but a quarter at least.
[[nodiscard]] inline uint64_t bodies_of_an_address(const ServerOptions& options, uint64_t budget) {
  const double part = static_cast<double>(connections_of_an_address(options)) / std::max(options.connections_max, 1u);
  return std::max<uint64_t>(static_cast<uint64_t>(static_cast<double>(budget) * std::clamp(part, 0.25, 1.0)), 1);
}
// Beyond connections_max, for those that are being told so or being closed for a newcomer.
[[nodiscard]] inline uint32_t spare_connections(uint32_t connections_max) {
  return std::clamp(connections_max / 4, 1u, 64u);
}

}  // namespace freshet::http
