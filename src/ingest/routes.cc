#include "ingest/routes.h"

#include <array>
#include <string>

#include "http/text.h"

namespace freshet::ingest {
namespace {

using Kind = Route::Kind;

constexpr Route kRoutes[] = {
    {"POST", "/v1/batch", Kind::kSegment, "batch", "/v1/batch"},
    {"POST", "/v1/b", Kind::kSegment, "batch", "/v1/batch"},
    {"POST", "/v1/import", Kind::kSegment, "batch", "/v1/import"},
    {"POST", "/v1/track", Kind::kSegment, "track", "/v1/track"},
    {"POST", "/v1/t", Kind::kSegment, "track", "/v1/track"},
    {"POST", "/v1/identify", Kind::kSegment, "identify", "/v1/identify"},
    {"POST", "/v1/i", Kind::kSegment, "identify", "/v1/identify"},
    {"POST", "/v1/page", Kind::kSegment, "page", "/v1/page"},
    {"POST", "/v1/p", Kind::kSegment, "page", "/v1/page"},
    {"POST", "/v1/screen", Kind::kSegment, "screen", "/v1/screen"},
    {"POST", "/v1/s", Kind::kSegment, "screen", "/v1/screen"},
    {"POST", "/v1/group", Kind::kSegment, "group", "/v1/group"},
    {"POST", "/v1/g", Kind::kSegment, "group", "/v1/group"},
    {"POST", "/v1/alias", Kind::kSegment, "alias", "/v1/alias"},
    {"POST", "/v1/a", Kind::kSegment, "alias", "/v1/alias"},
    {"POST", "/v1/records", Kind::kRecords, "records", "/v1/records"},
    {"POST", "/v1/customer/merge", Kind::kDataApi, "merge", "/v1/customer/merge"},
    {"POST", "/v1/customer/delete", Kind::kDataApi, "delete", "/v1/customer/delete"},
    {"POST", "/v1/customer/{app_id}", Kind::kDataApi, "customer", "/v1/customer"},
    {"POST", "/v1/event/{app_id}", Kind::kDataApi, "event", "/v1/event"},
    {"POST", "/v1/device/{app_id}", Kind::kDataApi, "device", "/v1/device"},
    {"POST", "/v1/transition/{app_id}", Kind::kDataApi, "transition", "/v1/transition"},
    {"POST", "/v1/imports", Kind::kImports, "start", "/v1/imports"},
    {"GET", "/v1/imports", Kind::kImports, "list", "/v1/imports"},
    {"GET", "/v1/imports/{id}", Kind::kImports, "show", "/v1/imports"},
    {"PATCH", "/v1/imports/{id}", Kind::kImports, "take", "/v1/imports"},
    {"DELETE", "/v1/imports/{id}", Kind::kImports, "delete", "/v1/imports"},
    {"GET", "/v1/projects/{key}/settings", Kind::kSettings, "", "/v1/projects/settings"},
    {"GET", "/sourceConfig", Kind::kSourceConfig, "", "/sourceConfig"},
};

// "POST /v1/batch, /v1/b, …; GET /v1/imports, …; PATCH …; DELETE …"
std::string by_method() {
  std::string out;
  for (const std::string_view method : {"POST", "GET", "PATCH", "DELETE"}) {
    std::string_view before = " ";
    out.append(out.empty() ? "" : "; ").append(method);
    for (const Route& route : kRoutes) {
      if (route.method != method) continue;
      out.append(before).append(route.path);
      before = ", ";
    }
  }
  return out;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

http::Match<Route> find_route(std::string_view method, std::string_view path) {
  return http::find_route(routes(), method, path);
}

const Route& route_of_endpoint(std::string_view endpoint) {
  static constexpr Route kNowhere;
  for (const Route& route : kRoutes)
    if (endpoint == route.endpoint) return route;
  return kNowhere;
}

std::string_view known_routes() {
  static const std::string text = by_method();
  return text;
}

}  // namespace freshet::ingest
