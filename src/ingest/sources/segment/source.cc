#include "ingest/sources/segment/source.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "http/text.h"
#include "ingest/answers.h"
#include "ingest/sources/segment/answers.h"
#include "ingest/sources/segment/pixel.h"
#include "ingest/sources/segment/segment.h"

namespace freshet::ingest {
namespace {

// A Host header is echoed into the browser's settings, so it may hold only what a host and a port
// are made of.
bool is_host(std::string_view host) {
  return host.size() <= 255 &&
         host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") ==
             std::string_view::npos;
}

// A GET that is no question.
bool is_pixel(const Route& route) { return route.method == "GET" && route.way == Way::kItems; }

class SegmentSource final : public Source {
 public:
  std::string_view name() const override { return kSegmentSource; }
  std::span<const Route> routes() const override;
  size_t body_bytes_max() const override { return kSegmentBatchBytesMax; }
  bool forgives_slashes() const override { return true; }

  tl::expected<Sender, Refusal> authenticate(const Tenants& tenants, const Exchange& exchange) const override;
  // A body may carry the key itself, as `writeKey` beside the batch or in its first message: browsers send so, because
  // an Authorization header would cost them a preflight.
  bool takes_key_in_body() const override { return true; }
  std::optional<Sender> sender_of_body(const Tenants& tenants, std::string_view body) const override {
    return tenants.by_key(segment_write_key(body));
  }

  bool takes_items_in_query(const Route& route) const override { return is_pixel(route); }
  ParseResult parse(const Route& route, std::string_view body, const AdapterContext& context,
                    google::protobuf::Arena& arena) const override {
    if (!is_pixel(route)) return parse_segment(body, {route.call}, context, arena);
    FRESHET_ASSIGN(const auto message, pixel_message(body));
    return parse_segment(message, {route.call}, context, arena);
  }
  // A message of a batch says its own type.
  ParseResult parse_again(const Route& route, const v1::DeadLetter& letter, const AdapterContext& context,
                          google::protobuf::Arena& arena) const override {
    const std::string_view call = route.call == "batch" ? std::string_view() : route.call;
    return parse_segment(letter.body(), {call, letter.context()}, context, arena);
  }

  tl::expected<http::Response, Refusal> answer_question(const Tenants& tenants,
                                                        const Exchange& exchange) const override;
  http::Response answer(const Exchange& exchange, const Parsed& parsed) const override;
  http::Response refuse(const Exchange& exchange, const Refusal& refusal) const override;
};

std::span<const Route> SegmentSource::routes() const {
  static constexpr Route kRoutes[] = {
      {"POST", "/v1/batch", "batch", "/v1/batch"},
      {"POST", "/v1/b", "batch", "/v1/batch"},
      {"POST", "/beacon/v1/batch", "batch", "/v1/batch"},
      {"POST", "/v1/import", "batch", "/v1/import"},
      {"POST", "/v1/track", "track", "/v1/track"},
      {"POST", "/v1/t", "track", "/v1/track"},
      {"POST", "/v1/identify", "identify", "/v1/identify"},
      {"POST", "/v1/i", "identify", "/v1/identify"},
      {"POST", "/v1/page", "page", "/v1/page"},
      {"POST", "/v1/p", "page", "/v1/page"},
      {"POST", "/v1/screen", "screen", "/v1/screen"},
      {"POST", "/v1/s", "screen", "/v1/screen"},
      {"POST", "/v1/group", "group", "/v1/group"},
      {"POST", "/v1/g", "group", "/v1/group"},
      {"POST", "/v1/alias", "alias", "/v1/alias"},
      {"POST", "/v1/a", "alias", "/v1/alias"},
      {"GET", "/v1/pixel/track", "track", "/v1/pixel/track"},
      {"GET", "/v1/pixel/identify", "identify", "/v1/pixel/identify"},
      {"GET", "/v1/pixel/page", "page", "/v1/pixel/page"},
      {"GET", "/v1/pixel/screen", "screen", "/v1/pixel/screen"},
      {"GET", "/v1/pixel/group", "group", "/v1/pixel/group"},
      {"GET", "/v1/pixel/alias", "alias", "/v1/pixel/alias"},
      {"GET", "/pixel/v1/page", "page", "/pixel/v1/page"},
      {"GET", "/pixel/v1/track", "track", "/pixel/v1/track"},
      {"GET", "/v1/projects/{key}/settings", "settings", "/v1/projects/settings", Way::kQuestion},
      {"GET", "/sourceConfig", "sourceConfig", "/sourceConfig", Way::kQuestion},
  };
  return kRoutes;
}

// The query parameter writeKey, "" if there is none.
std::string key_in_query(const http::Request& request) {
  std::string key;
  if (const auto parameters = http::parse_query(request.query))
    for (const auto& [name, value] : *parameters)
      if (name == "writeKey") key = value;
  return key;
}

// Of Segment's pixel it stands in the message, which stands in the query.
std::string key_in_address(const Exchange& exchange) {
  std::string key = key_in_query(exchange.request);
  if (!key.empty() || !is_pixel(exchange.route)) return key;
  const auto message = pixel_message(exchange.request.query);
  return message ? segment_write_key(*message) : key;
}

// A beacon has no Authorization header, so RudderStack's library puts its key into the query, where a write key may
// stand, as it stands in the page; what is kept secret may not, because addresses are logged.
tl::expected<Sender, Refusal> SegmentSource::authenticate(const Tenants& tenants, const Exchange& exchange) const {
  if (const auto sender = Source::authenticate(tenants, exchange)) return *sender;
  if (const auto tenant = tenants.by_write_key(key_in_address(exchange)))
    return Sender{tenant, model::KeyScope::kWrite};
  return tl::unexpected(Refusal{401, "unauthorized",
                                "no valid write key; send it as the user name of Basic authorization, as Bearer, or as "
                                "\"writeKey\" in the body or in the query"});
}

// Each proxy adds its own at the end of a list, so the first one says what the browser spoke; the words of HTTP have no
// case.
std::string first_of(std::string_view list) { return lower_case(trim(list.substr(0, list.find(',')))); }

// A part of the header Forwarded (RFC 7239: for=…;host=…;proto=https); "" if it is not said.
std::string forwarded(const http::Request& request, std::string_view wanted) {
  const std::string first = first_of(request.header("forwarded"));
  for (std::string_view rest = first; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const size_t equals = std::min(part.find('='), part.size());
    if (trim(part.substr(0, equals)) == wanted)
      return std::string(trim(part.substr(std::min(equals + 1, part.size())), " \t\""));
  }
  return {};
}

// What proxies say of the scheme, each in its own words.
struct SchemeHeader {
  std::string_view name, https;
};
constexpr std::array<SchemeHeader, 5> kSchemeHeaders = {{{"x-forwarded-proto", "https"},
                                                         {"x-forwarded-scheme", "https"},
                                                         {"cloudfront-forwarded-proto", "https"},
                                                         {"x-forwarded-ssl", "on"},
                                                         {"front-end-https", "on"}}};

bool came_by_https(const http::Request& request) {
  for (const SchemeHeader& header : kSchemeHeaders)
    if (const std::string said = first_of(request.header(header.name)); !said.empty()) return said == header.https;
  if (const std::string said = forwarded(request, "proto"); !said.empty()) return said == "https";
  const auto of_https = [&](std::string_view name) {
    return lower_case(request.header(name).substr(0, 8)) == "https://";
  };
  return of_https("origin") || of_https("referer");
}

// Where the browser has sent its question: many proxies ask under a name of their own, and say what they were asked.
std::string public_host(const http::Request& request) {
  for (std::string host :
       {first_of(request.header("x-forwarded-host")), forwarded(request, "host"), std::string(request.header("host"))})
    if (!host.empty() && is_host(host)) return host;
  return {};
}

// analytics.js loads its settings before it sends anything; without this answer a page never sends.
tl::expected<http::Response, Refusal> answer_settings(const Tenants& tenants, const Exchange& exchange) {
  if (tenants.by_write_key(exchange.argument) == nullptr)
    return tl::unexpected(
        Refusal{404, "unknown_write_key", "no tenant has this write key; check the key that the page was given"});
  // Behind a proxy that ends TLS this listener sees plain HTTP, so the scheme comes from what the proxy or the browser
  // says. A page that is loaded by https may not send to http (mixed content).
  return settings(exchange.argument, public_host(exchange.request), came_by_https(exchange.request));
}

// RudderStack's browser library asks here before it sends. Its key comes as Basic user or in the query.
tl::expected<http::Response, Refusal> answer_source_config(const Tenants& tenants, const Exchange& exchange) {
  std::string key = parse_authorization(exchange.request.header("authorization")).user;
  if (key.empty()) key = key_in_query(exchange.request);
  const auto tenant = tenants.by_write_key(key);
  if (tenant == nullptr)
    return tl::unexpected(
        Refusal{401, "unauthorized", "no tenant has this write key; check the key that the page was given"});
  return source_config(*tenant, key);
}

tl::expected<http::Response, Refusal> SegmentSource::answer_question(const Tenants& tenants,
                                                                     const Exchange& exchange) const {
  return exchange.route.call == "settings" ? answer_settings(tenants, exchange)
                                           : answer_source_config(tenants, exchange);
}

http::Response SegmentSource::answer(const Exchange& exchange, const Parsed& parsed) const {
  if (is_pixel(exchange.route)) return pixel_image();
  const Rejection* const first = parsed.rejected.empty() ? nullptr : &parsed.rejected.front();
  // A single message that is too large gets a 400, as Segment answers it; it is kept with the dead letters anyway.
  if (first != nullptr && exchange.route.call != "batch" && first->code == "too_large")
    return refuse(exchange, {400, first->code, first->message});
  http::Response response;
  response.body = "{\"success\":true}";
  return response;
}

// When to come again, for libraries that do not read Retry-After. Segment's of 2024 and 2025 read it in two units: that
// for Node as the time in milliseconds, that for browsers as seconds from now. In the wrong one each would come at
// once.
std::string rate_limit_reset(const http::Request& request, const Refusal& refusal) {
  const bool as_time = request.header("user-agent").starts_with("analytics-node-next/");
  const uint64_t wait_s = refusal.retry_after_s;
  return std::to_string(as_time ? static_cast<uint64_t>(refusal.at_us) / 1000 + wait_s * 1000 : wait_s);
}

http::Response SegmentSource::refuse(const Exchange& exchange, const Refusal& refusal) const {
  http::Response response = Source::refuse(exchange, refusal);
  if (refusal.status == 429)
    response.headers.emplace_back("X-RateLimit-Reset", rate_limit_reset(exchange.request, refusal));
  return response;
}

}  // namespace

const Source& segment_source() {
  static const SegmentSource source;
  return source;
}

}  // namespace freshet::ingest
