#include "ingest/sources/attribution/source.h"

#include "ingest/sources/attribution/attribution.h"

namespace freshet::ingest {
namespace {

class AttributionSource final : public Source {
 public:
  std::string_view name() const override { return kAttributionSource; }
  std::span<const Route> routes() const override {
    static constexpr Route kRoutes[] = {
        {"POST", "/v1/attribution/appsflyer/{write_key}", "appsflyer", "/v1/attribution/appsflyer"},
        {"GET", "/v1/attribution/appsflyer/{write_key}", "appsflyer", "/v1/attribution/appsflyer"},
        {"POST", "/v1/attribution/adjust/{write_key}", "adjust", "/v1/attribution/adjust"},
        {"GET", "/v1/attribution/adjust/{write_key}", "adjust", "/v1/attribution/adjust"},
        {"POST", "/v1/attribution/branch/{write_key}", "branch", "/v1/attribution/branch"},
        {"GET", "/v1/attribution/branch/{write_key}", "branch", "/v1/attribution/branch"},
    };
    return kRoutes;
  }
  size_t body_bytes_max() const override { return kAttributionBytesMax; }
  bool forgives_slashes() const override { return true; }
  bool takes_items_in_query(const Route&) const override { return true; }

  // Partners know an address and nothing else, so the key stands in it: a write key, because addresses are logged on
  // their way.
  tl::expected<Sender, Refusal> authenticate(const Tenants& tenants, const Exchange& exchange) const override {
    if (const auto tenant = tenants.by_write_key(exchange.argument)) return Sender{tenant, model::KeyScope::kWrite};
    return tl::unexpected(Refusal{
        401, "unauthorized", "no tenant has this write key; it is the last part of the address (a server key is not)"});
  }

  ParseResult parse(const Route& route, std::string_view body, const AdapterContext& context,
                    google::protobuf::Arena& arena) const override {
    return parse_attribution(body, route.call, context, arena);
  }
  ParseResult parse_again(const Route& route, const v1::DeadLetter& letter, const AdapterContext& context,
                          google::protobuf::Arena& arena) const override {
    return parse_attribution(letter.body(), route.call, context, arena);
  }

  // AppsFlyer and Adjust send again after a status of 5xx only; told 429, they would lose it.
  http::Response refuse(const Exchange& exchange, const Refusal& refusal) const override {
    if (refusal.status != 429) return Source::refuse(exchange, refusal);
    return Source::refuse(exchange, {503, refusal.code, refusal.message});
  }
};

}  // namespace

const Source& attribution_source() {
  static const AttributionSource source;
  return source;
}

}  // namespace freshet::ingest
