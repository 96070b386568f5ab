#include "ingest/items/identity.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "ingest/items/characters.h"
#include "model/identifier.h"
#include "model/nobody.h"
#include "model/spellings.h"

namespace freshet::ingest {
namespace {

// Beside the normal spelling of a phone number.
void add_as_sent(Item& item, std::string_view type, std::string_view value) {
  auto sent = model::other_spelling(item.context.tenant, type, value);
  if (!sent || sent->size() > kIdentifierBytesMax || has_control(*sent)) return;
  v1::Identifier& identifier = item.as_sent.emplace_back();
  identifier.set_type(type.data(), type.size());
  identifier.set_value(std::move(*sent));
}

// Of what was sent but for the part that tells when, which each attempt has anew.
Hash128 fingerprint(std::string_view sent, std::string_view part) {
  const std::less<const char*> before;
  const bool within = !part.empty() && !before(part.data(), sent.data()) &&
                      !before(sent.data() + sent.size(), part.data() + part.size());
  if (!within) return hash128(sent);
  const size_t at = static_cast<size_t>(part.data() - sent.data());
  return hash128(std::string(sent.substr(0, at)).append(sent.substr(at + part.size())));
}

}  // namespace

// A longer value is not cut: two with the same beginning would become one.
std::optional<Unusable> fault_of_name(std::string_view normal) {
  if (normal.size() > kIdentifierBytesMax)
    return Unusable{"identifier_too_long", "has " + std::to_string(normal.size()) + " bytes; an identifier may have " +
                                               std::to_string(kIdentifierBytesMax) + ", and is not cut"};
  if (has_control(normal)) return Unusable{"bad_identifier", "has control characters; use printable ones"};
  if (has_lost_character(normal))
    return Unusable{"bad_identifier", "has a character that was lost on its way (U+FFFD)"};
  return std::nullopt;
}

void add_identifier(Item& item, v1::EntityKind kind, std::string_view type, std::string_view value) {
  item.saw_identifier = true;
  item.named_as = value;
  const model::Tenant& tenant = item.context.tenant;
  std::string normal = FRESHET_MUTANT(kPhoneAsSent) ? model::normalize_identifier(type, value)
                                                    : model::normalize_identifier(tenant, type, value);
  if (model::is_blocked_identifier(normal, tenant.rules) ||
      (type == model::kPhone && model::is_blocked_phone(tenant, normal)))
    return item.warn("blocked_identifier");
  if (const auto fault = fault_of_name(normal)) {
    item.warn(fault->code);
    item.unusable.code = fault->code;
    item.unusable.message = "the " + std::string(type) + " " + fault->why;
    item.unusable.attribute = type;
    return;
  }
  v1::Identifier* const identifier =
      kind == v1::ENTITY_KIND_DEVICE ? item.envelope.add_device() : item.envelope.add_user();
  identifier->set_type(type.data(), type.size());
  identifier->set_value(std::move(normal));
  if (tenant.phones.in_force() == model::PhoneSpelling::kBoth) add_as_sent(item, type, value);
}

void add_optional_identifier(Item& item, v1::EntityKind kind, std::string_view type,
                             const std::optional<std::string_view>& value) {
  if (value) add_identifier(item, kind, type, *value);
}

Outcome finish_identifiers(Item& item) {
  v1::Envelope& envelope = item.envelope;
  if (envelope.user().empty() && envelope.device().empty()) {
    if (item.saw_identifier)
      // The codes tell a sender apart who sent nobody from one who forgot to send anybody.
      return reject_unusable(item, "every identifier is one that nobody has, such as \"\", null or 0", "user");
    return item.reject("missing_identifier",
                       "the record names nobody; give at least one identifier of a user or a device", "user");
  }
  model::sort_identifiers(v1::ENTITY_KIND_USER, item.context.tenant.rules, *envelope.mutable_user());
  model::sort_identifiers(v1::ENTITY_KIND_DEVICE, item.context.tenant.rules, *envelope.mutable_device());
  // Behind the others, so that a record is at home where its normal spelling is.
  for (const v1::Identifier& sent : item.as_sent) *envelope.add_user() = sent;
  return Outcome::kOk;
}

Outcome reject_unusable(Item& item, std::string nobody, std::string_view attribute) {
  FRESHET_ASSERT(item.saw_identifier);
  if (item.unusable.code.empty()) return item.reject("only_blocked_identifiers", std::move(nobody), attribute);
  const Rejection why = item.unusable;
  return item.reject(why.code, why.message, why.attribute);
}

bool is_listed(const google::protobuf::RepeatedPtrField<std::string>& types, std::string_view type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

Outcome set_message_id(Item& item, const std::optional<std::string_view>& id, bool has_client_time,
                       std::string_view fingerprint_of, std::string_view sent_at) {
  // "undefined" of every message would make all but the first repetitions of it.
  const bool nobodys = id && !id->empty() && model::is_blocked_message_id(*id);
  if (nobodys) item.warn("blocked_message_id");
  if (id && !id->empty() && !has_lost_character(*id) && !nobodys) {
    if (id->size() > kMessageIdBytesMax)
      return item.reject("id_too_long",
                         "the message id is longer than " + std::to_string(kMessageIdBytesMax) + " bytes; shorten it",
                         "messageId");
    item.envelope.set_message_id(id->data(), id->size());
    return Outcome::kOk;
  }
  // An item with a client's time that is sent twice has the same bytes, so a hash of them finds the
  // repetition. The place in the request tells two equal items of one request apart. Without a time
  // two equal items may well be two events, so their ids are random.
  if (has_client_time) {
    std::string seed(fingerprint(fingerprint_of, sent_at).view());
    seed += std::to_string(item.index);
    item.envelope.set_message_id(hash128(seed).hex());
  } else {
    item.envelope.set_message_id(to_hex(item.context.random_id) + "-" + std::to_string(item.index));
  }
  return Outcome::kOk;
}

}  // namespace freshet::ingest
