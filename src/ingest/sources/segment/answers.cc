#include "ingest/sources/segment/answers.h"

#include "ingest/answers.h"

namespace freshet::ingest {

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

}  // namespace freshet::ingest
