// Replays one dead letter: the endpoint that it came by finds the source, and the item is parsed
// as if it came now. What must not change is what deduplication sees: message id and ledger.

#include "ingest/replay.h"

#include "base/hash.h"
#include "ingest/sources.h"

namespace freshet::ingest {
namespace {

ParseResult parse_item(const v1::DeadLetter& letter, const AdapterContext& context, google::protobuf::Arena& arena) {
  const SourceRoute* const route = route_of_endpoint(letter.endpoint());
  if (route == nullptr)
    return fail(Code::kInvalid,
                "dead letter " + letter.id() + " came by " + letter.endpoint() + ", which is no address any more");
  return route->source->parse_again(*route, letter, context, arena);
}

ParseResult parse_envelope(const v1::DeadLetter& letter, google::protobuf::Arena& arena) {
  auto* const envelope = google::protobuf::Arena::CreateMessage<v1::Envelope>(&arena);
  if (!envelope->ParseFromString(letter.body()))
    return fail(Code::kInvalid, "dead letter " + letter.id() + " holds no envelope");
  if (envelope->tenant() != letter.tenant() || (envelope->user().empty() && envelope->device().empty()))
    return fail(Code::kInvalid, "dead letter " + letter.id() + " holds an envelope that can't be routed");
  // Action sets aside what others wrote into its topic, too: rules, and what partitions say to one another. Sent again
  // by us, they would be believed.
  const v1::Envelope::Kind kind = envelope->kind();
  if (!v1::Envelope::Kind_IsValid(kind) || kind == v1::Envelope::KIND_UNSPECIFIED || kind == v1::Envelope::LOOP ||
      kind == v1::Envelope::CONTROL)
    return fail(Code::kInvalid, "dead letter " + letter.id() + " holds an envelope that no sender has sent");
  Parsed parsed;
  parsed.envelopes.push_back(envelope);
  parsed.items.push_back(0);
  parsed.item_count = 1;
  return parsed;
}

}  // namespace

ParseResult reparse(const v1::DeadLetter& letter, const model::Tenant& tenant, schema::Registry::Session& schema,
                    int64_t now_us, google::protobuf::Arena& arena) {
  // Items without an id of their own get one that is made of this seed. It is the letter's, so it
  // is the same at every replay; otherwise a second replay would count again.
  const std::string id_seed(hash128(letter.id()).view());
  const AdapterContext context{.tenant = tenant,
                               .schema = schema,
                               .received_at_us = letter.received_at_us(),
                               .endpoint = letter.endpoint(),
                               .random_id = id_seed,
                               .sent_at_us = letter.sent_at_us(),
                               // A replay allows what the sender was allowed: otherwise a stranger's erase, refused
                               // when it came, would be done by an operator who replays all that is there.
                               .scope = letter.by_server_key() ? model::KeyScope::kServer : model::KeyScope::kWrite};
  ParseResult result = fail(Code::kInvalid, "dead letter " + letter.id() + " is not of a kind that ingest replays");
  if (letter.body_type() == v1::DeadLetter::JSON_ITEM) {
    result = parse_item(letter, context, arena);
    if (result) mark_verified(result->envelopes, context.scope);
  } else if (letter.body_type() == v1::DeadLetter::ENVELOPE) {
    result = parse_envelope(letter, arena);
  }
  if (!result) return result;
  // A letter that became several records (a data API event with several actions) can't give its one
  // id to all of them.
  const bool keeps_id = result->envelopes.size() == 1 && !letter.message_id().empty();
  for (v1::Envelope* const envelope : result->envelopes) {
    // The record counts as received now, but the clock was corrected against the time at which it
    // first came: a replay weeks later must not move the event by weeks.
    envelope->set_received_at_us(now_us);
    envelope->set_ledger("replay:" + letter.id());
    if (keeps_id) envelope->set_message_id(letter.message_id());
  }
  return result;
}

}  // namespace freshet::ingest
