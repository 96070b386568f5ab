#include "ingest/sources/data_api/source.h"

#include "base/hash.h"
#include "ingest/sources/data_api/answers.h"
#include "ingest/sources/data_api/data_api.h"

namespace freshet::ingest {
namespace {

class DataApiSource final : public Source {
 public:
  std::string_view name() const override { return kDataApiSource; }
  std::span<const Route> routes() const override {
    static constexpr Route kRoutes[] = {
        {"POST", "/v1/customer/merge", "merge", "/v1/customer/merge"},
        {"POST", "/v1/customer/delete", "delete", "/v1/customer/delete"},
        {"POST", "/v1/customer/{app_id}", "customer", "/v1/customer"},
        {"POST", "/v1/event/{app_id}", "event", "/v1/event"},
        {"POST", "/v1/device/{app_id}", "device", "/v1/device"},
        {"POST", "/v1/transition/{app_id}", "transition", "/v1/transition"},
    };
    return kRoutes;
  }
  size_t body_bytes_max() const override { return kDataApiBytesMax; }
  bool forgives_slashes() const override { return true; }

  tl::expected<Sender, Refusal> authenticate(const Tenants& tenants, const Exchange& exchange) const override {
    const Credentials credentials = parse_authorization(exchange.request.header("authorization"));
    const auto sender = tenants.by_secret(credentials.user, credentials.password);
    if (!sender)
      return tl::unexpected(
          Refusal{401, "unauthorized", "app id or secret is wrong; send Basic authorization of app_id:secret"});
    // Some endpoints (merge, delete) have no app id in their address; if one is there it must be the key's own, or a
    // sender with two workspaces would fill the wrong one without noticing.
    if (exchange.argument.empty() || exchange.argument == sender->tenant->app_id) return *sender;
    return tl::unexpected(
        Refusal{403, "forbidden", "the app id in the address is not the one of the authorization", "app_id"});
  }

  ParseResult parse(const Route& route, std::string_view body, const AdapterContext& context,
                    google::protobuf::Arena& arena) const override {
    return parse_data_api(body, route.call, context, arena);
  }
  // A letter holds one element of a transition, not the list.
  ParseResult parse_again(const Route& route, const v1::DeadLetter& letter, const AdapterContext& context,
                          google::protobuf::Arena& arena) const override {
    return parse_data_api(letter.body(), route.call == "transition" ? "element" : route.call, context, arena);
  }

  http::Response answer(const Exchange& exchange, const Parsed& parsed) const override {
    const Rejection* const first = parsed.rejected.empty() ? nullptr : &parsed.rejected.front();
    const size_t accepted = parsed.item_count - parsed.rejected.size();
    const bool always_succeeds = exchange.route.call == "transition" || exchange.route.call == "merge";
    if (first == nullptr || accepted > 0 || always_succeeds)
      return data_api_success(accepted, to_hex(exchange.random_id));
    // Of many, which one it is.
    const std::string which = parsed.item_count > 1 ? "item " + std::to_string(first->index) + ": " : std::string();
    return refuse(exchange, {400, first->code, which + first->message, first->attribute});
  }
  http::Response refuse(const Exchange& exchange, const Refusal& refusal) const override {
    http::Response response = data_api_refusal(refusal, to_hex(exchange.random_id));
    if (refusal.status != 429) return response;
    if (refusal.events_per_second > 0)
      response.headers.emplace_back("x-ratelimit-limit", std::to_string(refusal.events_per_second));
    response.headers.emplace_back("x-ratelimit-remaining", "0");
    response.headers.emplace_back("x-ratelimit-reset", std::to_string(refusal.retry_after_s));
    return response;
  }
};

}  // namespace

const Source& data_api_source() {
  static const DataApiSource source;
  return source;
}

}  // namespace freshet::ingest
