// An HTTP/1.1 server on Boost.Beast (RFC 9110, 9112). Connections, headers, bodies and time are
// bounded, so that a slow or hostile client costs only its own connection. It knows nothing of what
// it serves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet::http {

// A whole request, as it was sent.
struct Request {
  std::string method;                                        // upper case
  std::string path;                                          // before '?', still percent-encoded
  std::string query;                                         // after '?', still percent-encoded
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // as sent (not decompressed)
  std::string remote;                                        // address of the peer

  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;  // "" if absent
};

// An answer. Content-Length and Connection are written by the server.
struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false;
};

// The handler's way to answer. Call it exactly once, from any thread, now or later. If all copies
// are dropped uncalled, the answer is 500, so that no client waits for ever.
using Respond = std::function<void(Response)>;
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

// A running server. Its methods may be called from any thread but the server's own.
class Server {
 public:
  // Binds, then starts the threads. kInvalid: the options or the address can't be used, and why.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  virtual ~Server() = default;
  // The port that it listens on, which matters where the options say 0.
  [[nodiscard]] virtual uint16_t port() const = 0;
  // Stops accepting, lets requests under way finish for up to `grace_ms`, then closes. It blocks; a
  // second call does nothing.
  virtual void stop(uint32_t grace_ms) = 0;
};

// Undoes percent-encoding: "a%20b+c" becomes "a b+c". '+' becomes a blank only in queries. A
// malformed escape is kInvalid.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool query);
// The decoded parameters of a query string, in their order. A malformed one is kInvalid.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);
// Inflates gzip or zlib. It stops with kInvalid when the output would pass `bytes_max` (a zip bomb)
// or the data is damaged.
[[nodiscard]] Result<std::string> gunzip(std::string_view body, size_t bytes_max);

// A small client for our own commands (import, deadletters, load). It keeps its connection and has
// one request at a time; one thread uses it.
class Client {
 public:
  // `url` is http://host:port.
  [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const std::string& url, uint32_t timeout_s = 30);
  virtual ~Client() = default;
  // Connects again if the server closed an idle connection. kRetry: the server is not reachable or
  // broke off; the request may have been done.
  [[nodiscard]] virtual Result<Response> send(const Request& request) = 0;
};

}  // namespace freshet::http
