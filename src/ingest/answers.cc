#include "ingest/answers.h"

#include <algorithm>

#include "base/text.h"

namespace freshet::ingest {
namespace {

constexpr std::string_view kUsualHeaders = "authorization, content-type, content-encoding, anonymousid, traceparent";
constexpr size_t kAskedBytesMax = 4096;

// Names of headers with commas between them. What a browser asks for is echoed, so it may hold nothing else.
bool is_list_of_names(std::string_view text) {
  return !text.empty() && text.size() <= kAskedBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
    return is_name_char(c) || std::string_view("!#$%&'*+-.^`|~, \t").find(c) != std::string_view::npos;
  });
}

// "https://shop.example:8443", or "null" of a page without an origin.
bool is_origin(std::string_view text) {
  return !text.empty() && text.size() <= 512 && text != "*" && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',';
  });
}

}  // namespace

http::Response common_refusal(int status, std::string_view code, std::string_view message) {
  return json_response(status, [&](JsonWriter& json) {
    json.member("success", false).key("error").begin_object();
    json.member("code", code).member("message", message).end_object();
    json.member("code", code).member("message", message);
  });
}

http::Response verdicts(const Parsed& parsed) {
  return json_response(200, [&](JsonWriter& json) {
    json.member("accepted", parsed.item_count - parsed.rejected.size()).key("rejected").begin_array();
    for (const Rejection& rejection : parsed.rejected) {
      json.begin_object().member("index", rejection.index).member("code", rejection.code);
      json.member("message", rejection.message).end_object();
    }
    json.end_array();
  });
}

http::Response preflight(const http::Request& request) {
  http::Response response;
  response.status = 204;
  // Error tracing, APM and a page's own wrappers add headers to every request, and a browser drops the request unless
  // each of them is allowed. A star would not do: it is no star where credentials go along.
  const std::string_view asked = trim(request.header("access-control-request-headers"));
  const std::string_view headers = is_list_of_names(asked) ? asked : kUsualHeaders;
  // A browser may keep this answer for a day, so it asks once and not before each event.
  response.headers = {{"Access-Control-Allow-Methods", "GET, POST, PATCH, OPTIONS"},
                      {"Access-Control-Allow-Headers", std::string(headers)},
                      {"Access-Control-Max-Age", "86400"}};
  if (lower_case(trim(request.header("access-control-request-private-network"))) == "true")
    response.headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  allow_origin(request, response);
  // What is kept in between must not be given to a page that asks for something else.
  response.headers.emplace_back("Vary", "Access-Control-Request-Headers, Access-Control-Request-Private-Network");
  return response;
}

// Beacons and some wrappers send with credentials, and then a browser takes no star for an origin. The credentials
// themselves count for nothing here: who sends is said by a key.
void allow_origin(const http::Request& request, http::Response& response) {
  // Without this a page's library does not see when it is to come again.
  if (response.status == 429 || response.status == 503)
    response.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After, X-RateLimit-Reset");
  const std::string_view origin = request.header("origin");
  if (!is_origin(origin)) return void(response.headers.emplace_back("Access-Control-Allow-Origin", "*"));
  response.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  response.headers.emplace_back("Vary", "Origin");
}

}  // namespace freshet::ingest
