// The addresses of the ingest listener.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace freshet::ingest {

struct Route {
  enum class Kind : uint8_t {
    kNone,     // 404
    kSegment,  // call: batch, identify, …
    kDataApi,  // call: customer, event, device, transition, merge, delete
    kRecords,
    kImports,       // /v1/imports and below
    kSettings,      // GET /v1/projects/KEY/settings
    kSourceConfig,  // GET /sourceConfig
  };
  Kind kind = Kind::kNone;
  std::string_view call;      // literal
  std::string_view endpoint;  // literal, without keys: for metrics and dead letters
  std::string argument;       // app_id or key, decoded
};

// A slash at the end does not count.
[[nodiscard]] Route find_route(std::string_view path);
// The route of a dead letter's endpoint.
[[nodiscard]] Route route_of_endpoint(std::string_view endpoint);
// What there is, for 404.
[[nodiscard]] std::string_view known_routes();

}  // namespace freshet::ingest
