#include "action/identity/message.h"

#include "base/assert.h"
#include "model/entity_ref.h"
#include "model/home.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;

// Redirects lead from the loser to the survivor. Were one of them to lead to an entity that ranks behind, a chain of
// them could close into a circle, and a message for any of its members would be passed on for ever.
bool ranks_before(const v1::EntityRef& survivor, const v1::EntityRef& loser) {
  return survivor.kind() == loser.kind() && model::survives(model::from_proto(survivor), model::from_proto(loser));
}

bool names_somebody(const v1::Envelope& record) { return record.user_size() > 0 || record.device_size() > 0; }

// What an entity says to the home of an identifier: which one, and who says it.
bool is_from_entity(const Loop& m) { return m.has_identifier() && m.has_ref() && m.ref().kind() == m.kind(); }

}  // namespace

bool is_well_formed(const Loop& m) {
  switch (m.type()) {
    case Loop::LINK:
    case Loop::FREE:
    case Loop::SUPPRESS:
    case Loop::MERGE: return is_from_entity(m);
    case Loop::REPOINT:
      return is_from_entity(m) && m.has_other() && m.other().kind() == m.kind() &&
             !(model::from_proto(m.ref()) == model::from_proto(m.other()));
    case Loop::ENTER_DEVICE:
      return m.has_identifier() && m.kind() == v1::ENTITY_KIND_DEVICE && m.record().device_size() > 0;
    default: break;
  }
  if (!m.has_to()) return false;
  switch (m.type()) {
    case Loop::APPLY: return names_somebody(m.record());
    case Loop::UNLINK_RECORD: return m.has_record();
    case Loop::UNLINK:
    case Loop::ASK_AGAIN:
    case Loop::CONFIRM: return m.has_identifier();
    case Loop::JOIN: return m.has_ref() && ranks_before(m.ref(), m.to());
    case Loop::ABSORB: return m.has_ref() && m.has_chunk() && ranks_before(m.to(), m.ref());
    case Loop::ABSORBED: return m.has_ref() && ranks_before(m.ref(), m.to());
    case Loop::ATTACH: return !m.has_ref() || m.ref().kind() != m.to().kind();
    case Loop::ERASE:
    case Loop::REVIVE:
    case Loop::ERASED_TOO:
    case Loop::STEP: return true;
    default: return false;
  }
}

Loop unlink_message(const v1::EntityRef& to, const v1::Identifier& identifier, std::string_view reason,
                    int64_t received_at_us) {
  Loop m;
  m.set_type(Loop::UNLINK);
  *m.mutable_to() = to;
  *m.mutable_identifier() = identifier;
  m.set_reason(std::string(reason));
  m.set_received_at_us(received_at_us);
  return m;
}

uint32_t target_of(const Loop& message, const std::string& tenant, uint32_t partitions) {
  FRESHET_ASSERT(message.has_to() || message.has_identifier());
  if (message.has_to()) return model::partition_of(model::from_proto(message.to()).id, partitions);
  return model::home_of(tenant, message.kind(), message.identifier(), partitions);
}

}  // namespace freshet::action
