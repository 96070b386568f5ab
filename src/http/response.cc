// Writes responses. Beast's own serializer would copy the body; here it is sent from where it lies.

#include "http/response.h"

#include <boost/beast/http/status.hpp>

#include "base/assert.h"
#include "base/json_writer.h"

namespace freshet::http {
namespace {

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  for (const char c : value) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  }
  out += "\r\n";
}

}  // namespace

Response error_response(int status, std::string_view code, std::string_view message) {
  Response response;
  response.status = status;
  JsonWriter(response.body)
      .begin_object()
      .key("error")
      .begin_object()
      .member("code", code)
      .member("message", message)
      .end_object()
      .end_object();
  response.body += '\n';
  return response;
}

bool status_has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string response_head(const Response& response, Framing framing) {
  FRESHET_ASSERT(response.status >= 100 && response.status <= 999);
  std::string out;
  out.reserve(256);
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(static_cast<unsigned>(response.status)));
  out.append(reason.data(), reason.size());
  out += "\r\n";
  if (status_has_body(response.status)) {
    // A body that is not there has no type.
    if (!response.body.empty()) append_header(out, "Content-Type", response.content_type);
    append_header(out, "Content-Length", std::to_string(response.body.size()));
  }
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  if (!framing.keep_alive) {
    out += "Connection: close\r\n";
    // HTTP/1.0 closes unless somebody says otherwise, HTTP/1.1 the other way round (RFC 9112, section
    // 9.3).
  } else if (framing.http_1_0) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  return out;
}

}  // namespace freshet::http
