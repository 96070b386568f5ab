// A new source is one line in kSources.

#include "ingest/sources.h"

#include <algorithm>
#include <array>
#include <string>

#include "ingest/sources/attribution/source.h"
#include "ingest/sources/csv/source.h"
#include "ingest/sources/data_api/source.h"
#include "ingest/sources/health/source.h"
#include "ingest/sources/logs/source.h"
#include "ingest/sources/records/source.h"
#include "ingest/sources/segment/source.h"

namespace freshet::ingest {
namespace {

std::vector<SourceRoute> all_routes() {
  std::vector<SourceRoute> rows;
  for (const Source* const source : sources())
    for (const Route& route : source->routes()) rows.push_back({route, source});
  return rows;
}

// "POST /v1/batch, /v1/b, …; GET /v1/imports, …; PATCH …"
std::string by_method() {
  std::vector<std::string_view> methods;
  for (const SourceRoute& route : routes())
    if (std::find(methods.begin(), methods.end(), route.method) == methods.end()) methods.push_back(route.method);
  std::string out;
  for (const std::string_view method : methods) {
    std::string_view before = " ";
    out.append(out.empty() ? "" : "; ").append(method);
    for (const SourceRoute& route : routes()) {
      if (route.method != method) continue;
      out.append(before).append(route.path);
      before = ", ";
    }
  }
  return out;
}

}  // namespace

std::span<const Source* const> sources() {
  static const std::array<const Source*, 7> kSources = {&segment_source(),     &records_source(), &data_api_source(),
                                                        &attribution_source(), &csv_source(),     &logs_source(),
                                                        &health_source()};
  return kSources;
}

std::span<const SourceRoute> routes() {
  static const std::vector<SourceRoute> rows = all_routes();
  return rows;
}

http::Match<SourceRoute> find_route(std::string_view method, std::string& path) {
  const auto both = [](char a, char b) { return a == '/' && b == '/'; };
  const auto end = std::unique(path.begin(), path.end(), both);
  const bool too_many = end != path.end();
  path.erase(end, path.end());
  auto match = http::find_route(routes(), method, path);
  if (too_many && match.row != nullptr && !match.row->source->forgives_slashes()) return {};
  return match;
}

const SourceRoute* route_of_endpoint(std::string_view endpoint) {
  for (const SourceRoute& route : routes())
    if (endpoint == route.endpoint) return &route;
  return nullptr;
}

size_t body_bytes_max() {
  size_t most = 0;
  for (const Source* const source : sources()) most = std::max(most, source->body_bytes_max());
  return most;
}

std::string_view known_routes() {
  static const std::string text = by_method();
  return text;
}

}  // namespace freshet::ingest
