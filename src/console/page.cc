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

http::Response index_html() { return asset(kIndexHtml, "text/html; charset=utf-8"); }
http::Response console_css() { return asset(kConsoleCss, "text/css; charset=utf-8"); }
http::Response console_js() { return asset(kConsoleJs, "text/javascript; charset=utf-8"); }
// RFC 9512 names this type.
http::Response openapi(std::string_view document) { return asset(document, "application/yaml"); }

}  // namespace freshet::console
