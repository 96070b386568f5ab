#include "console/page.h"

#include <string>

namespace freshet::console {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

http::Response asset(std::string_view body, std::string content_type) {
  http::Response response;
  response.body = body;
  response.content_type = std::move(content_type);
  response.headers = {{"Content-Security-Policy", std::string(kPolicy)},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cache-Control", "no-cache"}};
  return response;
}

}  // namespace

std::optional<http::Response> page_response(std::string_view path) {
  if (path == "/") return asset(kIndexHtml, "text/html; charset=utf-8");
  if (path == "/console.css") return asset(kConsoleCss, "text/css; charset=utf-8");
  if (path == "/console.js") return asset(kConsoleJs, "text/javascript; charset=utf-8");
  return std::nullopt;
}

}  // namespace freshet::console
