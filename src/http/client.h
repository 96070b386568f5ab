// A small client, for our own commands (import, deadletters, load) and for webhooks. It keeps its connection and has
// one request at a time; one thread uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace freshet::http {

struct ClientOptions {
  uint32_t timeout_s = 30;  // of connecting, and of each step of a request
  std::string ca_file;
  uint64_t body_bytes_max = 256u << 20;  // of an answer
  // An answer whose head has come counts, also if its body is longer, or breaks off, or never ends; the body is what
  // has come of it, and the connection is closed.
  bool cut_body = false;
};

class Client {
 public:
  // `url` is http://host:port or https://host:port. With TLS the server must prove to be that host: to the authorities
  // of options.ca_file (PEM), or without one of the system. kInvalid: the address or the file can't be used, or the
  // server has another certificate. kRetry: it can't be reached.
  [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const std::string& url,
                                                               const ClientOptions& options = {});
  virtual ~Client() = default;
  // Connects again if the server closed an idle connection. kRetry: the server is not reachable or
  // broke off; the request may have been done.
  [[nodiscard]] virtual Result<Response> send(const Request& request) = 0;
};

}  // namespace freshet::http
