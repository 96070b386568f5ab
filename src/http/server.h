// An HTTP/1.1 server on Boost.Beast: bounded connections, headers, bodies and time, so that a slow or hostile client
// costs its own connection only. Knows nothing of what it serves.
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

struct Request {
  std::string method;                                        // upper case
  std::string path;                                          // before '?', still percent-encoded
  std::string query;                                         // after '?', still percent-encoded
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // as sent (not decompressed)
  std::string remote;                                        // address of the peer

  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;  // "" if absent
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false;
};

// Call exactly once, from any thread, now or later. Dropping it uncalled answers 500.
using Respond = std::function<void(Response)>;
// Called on a server thread: do not block it.
using Handler = std::function<void(Request, Respond)>;

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // host:port; port 0 picks one
  uint32_t threads = 1;
  size_t body_bytes_max = 1u << 20;     // more: 413, answered before the body is read to its end
  size_t header_bytes_max = 16u << 10;  // more: 431
  uint32_t connections_max = 4096;      // more: the new one gets 503 and is closed
  uint32_t request_timeout_s = 30;      // for a whole request to arrive; 408
  uint32_t idle_timeout_s = 75;
  // While it is true, requests wait before the handler gets them, each for at most hold_ms: senders are slowed down,
  // not refused. Called often, from server threads. Absent: none ever waits.
  std::function<bool()> holds_back;
  uint32_t hold_ms = 2000;
  std::string tls_cert;  // PEM files; both or none
  std::string tls_key;
};

class Server {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler);
  virtual ~Server() = default;
  [[nodiscard]] virtual uint16_t port() const = 0;
  // Stops accepting, lets requests under way finish for up to `grace_ms`, then closes. Idempotent; blocks.
  virtual void stop(uint32_t grace_ms) = 0;
};

// "a%20b+c" -> "a b+c"; '+' becomes a blank only in queries. Malformed escapes are kInvalid.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text, bool query);
// Decoded parameters of a query string in order; malformed ones are kInvalid.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);
// Inflates gzip or zlib; stops with kInvalid when the output would pass `bytes_max` (zip bombs) or the data is damaged.
[[nodiscard]] Result<std::string> gunzip(std::string_view body, size_t bytes_max);

// A small client for our own commands (import, deadletters, load): keeps its connection, one request at a time.
class Client {
 public:
  // url: http://host:port
  [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const std::string& url, uint32_t timeout_s = 30);
  virtual ~Client() = default;
  // Reconnects if the server closed an idle connection. kRetry: not reachable or broken off; the request may have been
  // done.
  [[nodiscard]] virtual Result<Response> send(const Request& request) = 0;
};

}  // namespace freshet::http
