// An erasure ends at many places: the entity itself, the homes of its identifiers, the entities it was attached to, and
// all stores that have copies. What is sent to the first three, and the notice that the last live by, is made here of
// the entity as it was, because nobody else knows afterwards what it had.
#include "action/identity/erasure.h"

#include "action/identity/messages.h"
#include "base/hash.h"
#include "model/entity_ref.h"
#include "model/identifier.h"
#include "model/letter_id.h"

namespace freshet::action {

namespace {

std::string id_of(const v1::EntityRef& ref) { return std::string(model::from_proto(ref).id.view()); }

// Only keyed hashes of values leave: the notice itself must not become the copy that was to be erased.
void add_value(v1::ErasureNotice& notice, const ErasureContext& context, std::string_view value, bool frees) {
  const Hash128 hash = model::value_hash(context.hash_key, context.tenant, value);
  *(frees ? notice.add_freed() : notice.add_suppressed()) = hash.view();
}

}  // namespace

std::vector<v1::Loop> farewells_of(const v1::EntityState& erased, int64_t received_at_us,
                                   const std::function<bool(const v1::Identifier&)>& frees) {
  std::vector<v1::Loop> all;
  const model::EntityRef gone = model::from_proto(erased.ref());
  for (const v1::EntityRef& other : erased.attached())
    all.push_back(messages::detach_erased(other, erased.ref(), received_at_us));
  // A home that frees an identifier lets its next user begin anew; one that suppresses it turns that user away. If
  // homes heard nothing, they would go on leading records to an entity that is gone, and make it anew.
  for (const v1::IdentifierUse& i : erased.identifiers())
    all.push_back(frees(i.identifier()) ? messages::free(gone, i.identifier(), received_at_us)
                                        : messages::suppress(gone, i.identifier(), received_at_us));
  return all;
}

v1::ErasureNotice notice_of(const v1::EntityState& erased, const v1::Envelope& record,
                            const std::vector<v1::Loop>& farewells, const ErasureContext& context) {
  v1::ErasureNotice notice;
  notice.set_message_id(record.message_id());
  notice.set_kind(erased.ref().kind());
  notice.set_id(id_of(erased.ref()));
  // Stores have documents under the ids of those that were merged into it, too.
  for (const v1::EntityRef& merged : erased.merged()) notice.add_merged(id_of(merged));
  for (const v1::Loop& m : farewells)
    if (m.has_identifier()) add_value(notice, context, m.identifier().value(), m.type() == v1::Loop::FREE);
  return notice;
}

v1::DeadLetter erasure_letter(const v1::ErasureNotice& notice, const ErasureContext& context) {
  v1::DeadLetter letter;
  letter.set_body(notice.SerializeAsString());
  letter.set_body_type(v1::DeadLetter::ERASURE_NOTICE);
  letter.set_id(model::letter_id(context.received_at_us, hash128(letter.body())));
  letter.set_tenant(std::string(context.tenant));
  letter.set_source("action");
  letter.set_code(notice.lifted() ? "lifted" : "erased");
  letter.set_received_at_us(context.received_at_us);
  return letter;
}

v1::DeadLetter erasure_letter(const v1::Envelope& record, const ErasureContext& context, bool frees) {
  const bool user = record.user_size() > 0;
  v1::ErasureNotice notice;
  notice.set_message_id(record.message_id());
  notice.set_kind(user ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE);
  notice.set_lifted(record.kind() == v1::Envelope::UNSUPPRESS);
  if (record.user_size() + record.device_size() > 0)
    add_value(notice, context, user ? record.user(0).value() : record.device(0).value(), frees);
  return erasure_letter(notice, context);
}

}  // namespace freshet::action
