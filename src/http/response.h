// What a response looks like on the wire (RFC 9112).
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace freshet::http {

// The body is {"error":{"code":…,"message":…}}. REQUIRES: both texts are valid UTF-8.
[[nodiscard]] Response error_response(int status, std::string_view code, std::string_view message);

// How the message of this connection ends.
struct Framing {
  bool http_1_0 = false;
  bool keep_alive = true;
};

// The status line and the headers, up to the empty line. Control characters in header values are
// left out, so that no value can start a header of its own (response splitting).
[[nodiscard]] std::string response_head(const Response& response, Framing framing);

// Returns false for a status whose response has neither body nor Content-Length (RFC 9110, section
// 6.4.1 and 8.6).
[[nodiscard]] bool status_has_body(int status);

}  // namespace freshet::http
