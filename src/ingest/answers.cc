// The bodies of answers. Their shapes are contracts of others: Segment's and RudderStack's browser
// libraries, and the data API's clients, read these very keys. So what looks unused here is read
// over there.

#include "ingest/answers.h"

#include "base/json_writer.h"

namespace freshet::ingest {
namespace {

// `write` writes the members of the body's object.
template <class Write>
http::Response json_response(int status, const Write& write) {
  http::Response response;
  response.status = status;
  JsonWriter json(response.body);
  json.begin_object();
  write(json);
  json.end_object();
  return response;
}

// The names of error types that the data API's clients know.
std::string_view data_api_type(int status, std::string_view code) {
  if (status == 401) return "AuthenticationError";
  if (status == 403) return "AuthorizationError";
  if (status == 413) return "PayloadTooLargeError";
  if (status == 415) return "UnsupportedMediaTypeError";
  if (status >= 500) return "ServiceUnavailableError";
  return code.starts_with("missing_") ? "MissingAttributeError" : "InvalidAttributeError";
}

}  // namespace

http::Response refusal(int status, std::string_view code, std::string_view message) {
  return json_response(status, [&](JsonWriter& json) {
    json.member("success", false).key("error").begin_object();
    json.member("code", code).member("message", message).end_object();
  });
}

http::Response data_api_refusal(int status, std::string_view code, std::string_view message, std::string_view attribute,
                                std::string_view request_id) {
  return json_response(status, [&](JsonWriter& json) {
    json.member("status", "fail").key("error").begin_object();
    json.member("attribute", attribute).member("message", message).member("type", data_api_type(status, code));
    json.member("request_id", request_id).end_object();
  });
}

http::Response data_api_success(size_t accepted, std::string_view request_id) {
  return json_response(200, [&](JsonWriter& json) {
    json.member("status", "success");
    json.member("message", "Your request has been accepted: " + std::to_string(accepted) + " processed.");
    json.member("request_id", request_id);
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

http::Response settings(std::string_view write_key, std::string_view host, bool https) {
  return json_response(200, [&](JsonWriter& json) {
    json.key("integrations").begin_object().key("Segment.io").begin_object().member("apiKey", write_key);
    if (!host.empty()) {
      json.member("apiHost", std::string(host) + "/v1").member("protocol", https ? "https" : "http");
    }
    json.key("unbundledIntegrations").raw("[]").member("addBundledMetadata", true);
    json.key("versionSettings").raw(R"({"componentTypes":["browser"]})").end_object().end_object();
    json.key("plan").raw(R"({"track":{"__default":{"enabled":true}},"identify":{"__default":{"enabled":true}},)"
                         R"("group":{"__default":{"enabled":true}}})");
    json.key("edgeFunction").raw("{}").member("analyticsNextEnabled", true).key("middlewareSettings").raw("{}");
    json.key("enabledMiddleware").raw("{}").key("metrics").raw(R"({"sampleRate":0})");
    json.member("legacyVideoPluginsEnabled", false).key("remotePlugins").raw("[]");
  });
}

http::Response source_config(const model::Tenant& tenant, std::string_view write_key) {
  return json_response(200, [&](JsonWriter& json) {
    json.key("source").begin_object().member("id", tenant.name).member("name", tenant.name);
    json.member("writeKey", write_key).member("workspaceId", tenant.name).member("enabled", true);
    json.key("destinations").raw("[]").key("connections").raw("[]").key("dataplanes").raw("{}").key("config");
    json.raw(R"({"statsCollection":{"errors":{"enabled":false},"metrics":{"enabled":false}}})").end_object();
    json.member("updatedAt", "1970-01-01T00:00:00.000Z");
  });
}

http::Response preflight() {
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
