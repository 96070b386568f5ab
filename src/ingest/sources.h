// The list of all sources, and what follows from it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/routes.h"
#include "ingest/source.h"

namespace freshet::ingest {

// A route with its source. It has what http::find_route() asks of a row.
struct SourceRoute : Route {
  const Source* source = nullptr;
};

[[nodiscard]] std::span<const Source* const> sources();
// Of all sources, in their order.
[[nodiscard]] std::span<const SourceRoute> routes();
// Takes slashes too many out of `path`; with them, only what forgives them is there.
[[nodiscard]] http::Match<SourceRoute> find_route(std::string_view method, std::string& path);
// The route that dead letters of this endpoint came by; nullptr: no source has it.
[[nodiscard]] const SourceRoute* route_of_endpoint(std::string_view endpoint);
// The largest body that any of them takes.
[[nodiscard]] size_t body_bytes_max();
// The addresses by method, for whoever asks for one that is not there.
[[nodiscard]] std::string_view known_routes();

}  // namespace freshet::ingest
