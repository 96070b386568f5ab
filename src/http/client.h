// A small client for our own commands (import, deadletters, load): keeps its connection, one request at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace freshet::http {

class Client {
 public:
  // url: http://host:port
  [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const std::string& url, uint32_t timeout_s = 30);
  virtual ~Client() = default;
  // Reconnects if the server closed an idle connection. kRetry: not reachable or broken off; the request may have been done.
  [[nodiscard]] virtual Result<Response> send(const Request& request) = 0;
};

}  // namespace freshet::http
