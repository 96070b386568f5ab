#include "ingest/sources/data_api/answers.h"

#include "ingest/answers.h"

namespace freshet::ingest {
namespace {

// The names of error types that the data API's clients know.
std::string_view data_api_type(int status, std::string_view code) {
  if (status == 401) return "AuthenticationError";
  if (status == 403) return "AuthorizationError";
  if (status == 413) return "PayloadTooLargeError";
  if (status == 415) return "UnsupportedMediaTypeError";
  if (status == 429) return "RateLimitExceededError";
  if (status >= 500) return "ServiceUnavailableError";
  return code.starts_with("missing_") ? "MissingAttributeError" : "InvalidAttributeError";
}

}  // namespace

http::Response data_api_refusal(const Refusal& refusal, std::string_view request_id) {
  return json_response(refusal.status, [&](JsonWriter& json) {
    json.member("status", "fail").key("error").begin_object();
    json.member("attribute", refusal.attribute).member("message", refusal.message);
    json.member("type", data_api_type(refusal.status, refusal.code)).member("request_id", request_id).end_object();
  });
}

http::Response data_api_success(size_t accepted, std::string_view request_id) {
  return json_response(200, [&](JsonWriter& json) {
    json.member("status", "success");
    json.member("message", "Your request has been accepted: " + std::to_string(accepted) + " processed.");
    json.member("request_id", request_id);
  });
}

}  // namespace freshet::ingest
