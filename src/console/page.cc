// Serves the page. Its policy allows nothing that is not in these three files, so a text that came
// from a sender and shows up in the page can't run.

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
                      // The page belongs to the binary: after an upgrade a browser must not go on
                      // with the old one.
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
