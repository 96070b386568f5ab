// Serves the page. Its policy allows nothing that is not in these files, so a text that came
// from a sender and shows up in the page can't run.

#include "console/page.h"

#include <algorithm>
#include <string>

#include "http/response.h"

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

std::string type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  return name.ends_with(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
}

}  // namespace

// Names are compared with those that were built in, so no name leads anywhere else.
http::Response page_file(std::string_view name) {
  const auto found =
      std::find_if(kPageFiles.begin(), kPageFiles.end(), [&](const PageFile& file) { return file.name == name; });
  if (found == kPageFiles.end()) return http::error_response(404, "not_found", "the page has no such file");
  return asset(found->text, type_of(name));
}
// RFC 9512 names this type.
http::Response openapi(std::string_view document) { return asset(document, "application/yaml"); }

}  // namespace freshet::console
