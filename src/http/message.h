// Requests and responses, for both ends.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freshet::http {

// A whole request, as it was sent.
struct Request {
  std::string method;                                        // upper case
  std::string path;                                          // before '?', still percent-encoded
  std::string query;                                         // after '?', still percent-encoded
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // as sent (not decompressed)
  std::string remote;                                        // address of the peer
  std::shared_ptr<const void> judged = {};                   // HeaderVerdict::found

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

}  // namespace freshet::http
