// The addresses of the ingest listener: one row for each operation of docs/api/ingest.yaml.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "http/routes.h"

namespace freshet::ingest {

struct Route {
  enum class Kind : uint8_t {
    kNone,     // there is nothing at this address
    kSegment,  // call: batch, identify, …
    kDataApi,  // call: customer, event, device, transition, merge, delete
    kRecords,
    kImports,       // call: start, list, show, take
    kSettings,      // what the browser library of Segment asks for
    kSourceConfig,  // what the browser library of RudderStack asks for
  };
  std::string_view method;
  std::string_view path;  // http/routes.h
  Kind kind = Kind::kNone;
  std::string_view call;
  std::string_view endpoint;  // without keys and ids: for metrics and dead letters
};

[[nodiscard]] std::span<const Route> routes();
[[nodiscard]] http::Match<Route> find_route(std::string_view method, std::string_view path);
// The route of a dead letter's endpoint; of kind kNone if there is none.
[[nodiscard]] const Route& route_of_endpoint(std::string_view endpoint);
// The addresses by method, for whoever asks for one that is not there.
[[nodiscard]] std::string_view known_routes();

}  // namespace freshet::ingest
