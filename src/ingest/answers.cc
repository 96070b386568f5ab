#include "ingest/answers.h"

#include <array>

namespace freshet::ingest {

http::Response common_refusal(int status, std::string_view code, std::string_view message) {
  return json_response(status, [&](JsonWriter& json) {
    json.member("success", false).key("error").begin_object();
    json.member("code", code).member("message", message).end_object();
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

http::Response preflight(const http::Request&) {
  http::Response response;
  response.status = 204;
  // A browser may keep this answer for a day, so it asks once and not before each event.
  response.headers = {
      {"Access-Control-Allow-Methods", "GET, POST, PATCH, OPTIONS"},
      {"Access-Control-Allow-Headers", "authorization, content-type, content-encoding, anonymousid, traceparent"},
      {"Access-Control-Max-Age", "86400"}};
  allow_all_origins(response);
  return response;
}

void allow_all_origins(http::Response& response) { response.headers.emplace_back("Access-Control-Allow-Origin", "*"); }

}  // namespace freshet::ingest
