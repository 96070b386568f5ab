// A small client for our own commands (import, deadletters, load). It keeps its connection and has
// one request at a time; one thread uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace freshet::http {

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
