// What is read of a request's header. Private to the server.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <string>
#include <string_view>

#include "http/message.h"

namespace freshet::http {

using RequestHead = boost::beast::http::request_header<boost::beast::http::fields>;

// Why the request is refused with 400 although it is HTTP, or "": a header that two readers may understand in two ways
// (RFC 9112, sections 3.2, 6.1 and 6.3).
[[nodiscard]] std::string_view fault_of(const RequestHead& head);

// All but the body.
[[nodiscard]] Request to_request(const RequestHead& head, const std::string& remote);

}  // namespace freshet::http
