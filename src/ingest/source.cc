// What most sources have in common, so that each says only what is its own.

#include "ingest/source.h"

#include "ingest/answers.h"

namespace freshet::ingest {

tl::expected<Sender, Refusal> Source::authenticate(const Tenants& tenants, const Exchange& exchange) const {
  const Credentials credentials = parse_authorization(exchange.request.header("authorization"));
  if (const auto sender = tenants.by_key(credentials.user)) return *sender;
  return tl::unexpected(Refusal{401, "unauthorized", "no valid key; send it as \"Authorization: Bearer KEY\""});
}

ParseResult Source::parse(const Route& route, std::string_view, const AdapterContext&, google::protobuf::Arena&) const {
  return fail(Code::kInvalid, std::string(route.path) + " takes no items");
}

ParseResult Source::parse_again(const Route& route, const v1::DeadLetter& letter, const AdapterContext&,
                                google::protobuf::Arena&) const {
  return fail(Code::kInvalid,
              "dead letter " + letter.id() + " came by " + std::string(route.endpoint) + ", which can't be replayed");
}

tl::expected<http::Response, Refusal> Source::answer_question(const Tenants&, const Exchange&) const {
  return tl::unexpected(Refusal{404, "not_found", "there is no answer at this address"});
}

http::Response Source::answer(const Exchange&, const Parsed& parsed) const { return verdicts(parsed); }

http::Response Source::refuse(const Exchange&, const Refusal& refusal) const {
  return common_refusal(refusal.status, refusal.code, refusal.message);
}

}  // namespace freshet::ingest
