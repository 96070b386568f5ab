#include "ingest/routes.h"

#include <array>

#include "http/text.h"

namespace freshet::ingest {
namespace {

using Kind = Route::Kind;

struct Fixed {
  std::string_view path;
  Kind kind;
  std::string_view call;
  std::string_view endpoint;
};

constexpr std::array<Fixed, 20> kFixed = {{
    {"/v1/batch", Kind::kSegment, "batch", "/v1/batch"},
    {"/v1/b", Kind::kSegment, "batch", "/v1/batch"},
    {"/v1/import", Kind::kSegment, "batch", "/v1/import"},
    {"/v1/track", Kind::kSegment, "track", "/v1/track"},
    {"/v1/t", Kind::kSegment, "track", "/v1/track"},
    {"/v1/identify", Kind::kSegment, "identify", "/v1/identify"},
    {"/v1/i", Kind::kSegment, "identify", "/v1/identify"},
    {"/v1/page", Kind::kSegment, "page", "/v1/page"},
    {"/v1/p", Kind::kSegment, "page", "/v1/page"},
    {"/v1/screen", Kind::kSegment, "screen", "/v1/screen"},
    {"/v1/s", Kind::kSegment, "screen", "/v1/screen"},
    {"/v1/group", Kind::kSegment, "group", "/v1/group"},
    {"/v1/g", Kind::kSegment, "group", "/v1/group"},
    {"/v1/alias", Kind::kSegment, "alias", "/v1/alias"},
    {"/v1/a", Kind::kSegment, "alias", "/v1/alias"},
    {"/v1/records", Kind::kRecords, "records", "/v1/records"},
    {"/v1/customer/merge", Kind::kDataApi, "merge", "/v1/customer/merge"},
    {"/v1/customer/delete", Kind::kDataApi, "delete", "/v1/customer/delete"},
    {"/v1/imports", Kind::kImports, "imports", "/v1/imports"},
    {"/sourceConfig", Kind::kSourceConfig, "", "/sourceConfig"},
}};

struct Prefixed {
  std::string_view prefix;
  std::string_view suffix;
  Kind kind;
  std::string_view call;
  std::string_view endpoint;
};

constexpr std::array<Prefixed, 5> kPrefixed = {{
    {"/v1/customer/", "", Kind::kDataApi, "customer", "/v1/customer"},
    {"/v1/event/", "", Kind::kDataApi, "event", "/v1/event"},
    {"/v1/device/", "", Kind::kDataApi, "device", "/v1/device"},
    {"/v1/transition/", "", Kind::kDataApi, "transition", "/v1/transition"},
    {"/v1/projects/", "/settings", Kind::kSettings, "", "/v1/projects/settings"},
}};

}  // namespace

Route find_route(std::string_view path) {
  if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  for (const Fixed& fixed : kFixed)
    if (path == fixed.path) return {fixed.kind, fixed.call, fixed.endpoint, ""};
  for (const Prefixed& route : kPrefixed) {
    if (path.size() <= route.prefix.size() + route.suffix.size() || !path.starts_with(route.prefix) ||
        !path.ends_with(route.suffix))
      continue;
    const std::string_view middle =
        path.substr(route.prefix.size(), path.size() - route.prefix.size() - route.suffix.size());
    Result<std::string> argument = http::percent_decode(middle, false);
    if (middle.find('/') != std::string_view::npos || !argument) return {};
    return {route.kind, route.call, route.endpoint, std::move(*argument)};
  }
  if (path.starts_with("/v1/imports/")) return {Kind::kImports, "imports", "/v1/imports", ""};
  return {};
}

Route route_of_endpoint(std::string_view endpoint) {
  for (const Fixed& fixed : kFixed)
    if (endpoint == fixed.endpoint) return {fixed.kind, fixed.call, fixed.endpoint, ""};
  for (const Prefixed& route : kPrefixed)
    if (endpoint == route.endpoint) return {route.kind, route.call, route.endpoint, ""};
  return {};
}

std::string_view known_routes() {
  return "POST /v1/batch, /v1/import, /v1/identify, /v1/track, /v1/page, /v1/screen, /v1/group, /v1/alias (Segment); "
         "POST /v1/customer/{app_id}, /v1/event/{app_id}, /v1/device/{app_id}, /v1/transition/{app_id}, "
         "/v1/customer/merge, "
         "/v1/customer/delete (data API); POST /v1/records; /v1/imports; GET /v1/projects/{key}/settings, "
         "/sourceConfig";
}

}  // namespace freshet::ingest
