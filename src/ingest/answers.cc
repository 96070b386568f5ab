// The bodies of answers. Their shapes are contracts of others: Segment's and RudderStack's browser
// libraries, and the data API's clients, read these very keys. So what looks unused here is read
// over there.

#include "ingest/answers.h"

#include "model/json.h"

namespace freshet::ingest {
namespace {

// Appends "name":"text" with a comma before it unless it is the first.
void add_member(std::string& out, std::string_view name, std::string_view text) {
  if (out.back() != '{') out += ',';
  model::append_json_string(out, name);
  out += ':';
  model::append_json_string(out, text);
}

http::Response json(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
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
  std::string body = "{\"success\":false,\"error\":{";
  add_member(body, "code", code);
  add_member(body, "message", message);
  return json(status, body + "}}");
}

http::Response data_api_refusal(int status, std::string_view code, std::string_view message, std::string_view attribute,
                                std::string_view request_id) {
  std::string body = "{\"status\":\"fail\",\"error\":{";
  add_member(body, "attribute", attribute);
  add_member(body, "message", message);
  add_member(body, "type", data_api_type(status, code));
  add_member(body, "request_id", request_id);
  return json(status, body + "}}");
}

http::Response data_api_success(size_t accepted, std::string_view request_id) {
  std::string body = "{\"status\":\"success\"";
  add_member(body, "message", "Your request has been accepted: " + std::to_string(accepted) + " processed.");
  add_member(body, "request_id", request_id);
  return json(200, body + "}");
}

http::Response verdicts(const Parsed& parsed) {
  std::string body = "{\"accepted\":" + std::to_string(parsed.item_count - parsed.rejected.size()) + ",\"rejected\":[";
  for (const Rejection& rejection : parsed.rejected) {
    if (body.back() != '[') body += ',';
    body += "{\"index\":" + std::to_string(rejection.index);
    add_member(body, "code", rejection.code);
    add_member(body, "message", rejection.message);
    body += '}';
  }
  return json(200, body + "]}");
}

http::Response settings(std::string_view write_key, std::string_view host, bool https) {
  std::string segment = "{";
  add_member(segment, "apiKey", write_key);
  if (!host.empty()) {
    add_member(segment, "apiHost", std::string(host) + "/v1");
    add_member(segment, "protocol", https ? "https" : "http");
  }
  segment +=
      ",\"unbundledIntegrations\":[],\"addBundledMetadata\":true,\"versionSettings\":{\"componentTypes\":[\"browser\"]}"
      "}";
  return json(
      200,
      "{\"integrations\":{\"Segment.io\":" + segment +
          "},\"plan\":{\"track\":{\"__default\":{\"enabled\":true}},\"identify\":{\"__default\":{\"enabled\":true}},"
          "\"group\":{\"__default\":{\"enabled\":true}}},\"edgeFunction\":{},\"analyticsNextEnabled\":true,"
          "\"middlewareSettings\":{},\"enabledMiddleware\":{},\"metrics\":{\"sampleRate\":0},"
          "\"legacyVideoPluginsEnabled\":false,\"remotePlugins\":[]}");
}

http::Response source_config(const model::Tenant& tenant, std::string_view write_key) {
  std::string source = "{";
  add_member(source, "id", tenant.name);
  add_member(source, "name", tenant.name);
  add_member(source, "writeKey", write_key);
  add_member(source, "workspaceId", tenant.name);
  source +=
      ",\"enabled\":true,\"destinations\":[],\"connections\":[],\"dataplanes\":{},"
      "\"config\":{\"statsCollection\":{\"errors\":{\"enabled\":false},\"metrics\":{\"enabled\":false}}}}";
  return json(200, "{\"source\":" + source + ",\"updatedAt\":\"1970-01-01T00:00:00.000Z\"}");
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
