// What a response is on the wire.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace freshet::http {

// {"error":{"code":…,"message":…}}. REQUIRES: valid UTF-8.
[[nodiscard]] Response error_response(int status, std::string_view code, std::string_view message);

struct Framing {
  bool http_1_0 = false;
  bool keep_alive = true;
};

// The status line and headers up to the empty line. Control characters in header values are left out, so that no value
// can start a header of its own.
[[nodiscard]] std::string response_head(const Response& response, Framing framing);

// False: a response of this status has neither body nor Content-Length.
[[nodiscard]] bool status_has_body(int status);

}  // namespace freshet::http
