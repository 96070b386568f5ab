// Each message is made whole in one place, so that what its fields mean is said once. Who sends one says what it has to
// say, and need not know in which field that travels.
#include "action/identity/messages.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "model/home.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;

// Redirects lead from the loser to the survivor. Were one of them to lead to an entity that ranks behind, a chain of
// them could close into a circle, and a message for any of its members would be passed on for ever.
// Nobody ranks before himself, though a forged message may name one entity with two ranks.
bool ranks_before(const v1::EntityRef& survivor, const v1::EntityRef& loser) {
  const model::EntityRef a = model::from_proto(survivor), b = model::from_proto(loser);
  return a.kind == b.kind && !(a == b) && model::survives(a, b);
}

bool is_kind(v1::EntityKind kind) { return kind == v1::ENTITY_KIND_USER || kind == v1::ENTITY_KIND_DEVICE; }

bool names_somebody(const v1::Envelope& record) { return record.user_size() > 0 || record.device_size() > 0; }

// What an entity says to the home of an identifier: which one, and who says it.
bool is_from_entity(const Loop& m) {
  return is_kind(m.kind()) && m.has_identifier() && m.has_ref() && m.ref().kind() == m.kind();
}

// A device's part of a user's record says which user that is, or that it has no room for the device.
bool is_device_part(const Loop& m) {
  return m.record().device_size() > 0 && (!m.has_ref() || m.ref().kind() == v1::ENTITY_KIND_USER);
}

// Why a join is asked for is told to its claimant, or to the holder, when it came to nothing.
bool has_no_wrong_cause(const Loop& m) {
  const v1::Cause& cause = m.cause();
  return !m.has_cause() ||
         (cause.has_identifier() && cause.claimant().kind() == m.to().kind() && cause.holder().kind() == m.to().kind());
}

bool is_sound(const v1::Sessions& sessions) {
  const auto is_span = [](const v1::Session& one) { return one.start_us() <= one.last_us(); };
  return !sessions.recent().empty() && std::all_of(sessions.recent().begin(), sessions.recent().end(), is_span);
}

// A part of a loser's state that its survivor can take in.
bool is_chunk(const Loop& m) {
  const v1::EntityState& chunk = m.chunk();
  const auto is_other_kind = [&](const v1::EntityRef& ref) {
    return is_kind(ref.kind()) && ref.kind() != m.to().kind();
  };
  return m.has_chunk() && (!chunk.has_ref() || model::from_proto(chunk.ref()) == model::from_proto(m.ref())) &&
         (!chunk.has_sessions() || is_sound(chunk.sessions())) &&
         std::all_of(chunk.attached().begin(), chunk.attached().end(), is_other_kind);
}

bool is_well_formed_to_home(const Loop& m) {
  switch (m.type()) {
    case Loop::LINK:
    case Loop::FREE:
    case Loop::SUPPRESS:
    case Loop::MERGE: return is_from_entity(m);
    case Loop::REPOINT:
      return is_from_entity(m) && m.has_other() && m.other().kind() == m.kind() &&
             !(model::from_proto(m.ref()) == model::from_proto(m.other()));
    case Loop::ENTER_DEVICE: return m.has_identifier() && m.kind() == v1::ENTITY_KIND_DEVICE && is_device_part(m);
    default: return false;
  }
}

}  // namespace

bool is_well_formed(const Loop& m) {
  // A message to a home that named an entity as its receiver would go to where that lives.
  if (!m.has_to()) return is_well_formed_to_home(m);
  if (!is_kind(m.to().kind())) return false;
  switch (m.type()) {
    case Loop::APPLY:
      if (m.has_ref() || m.has_other()) return m.to().kind() == v1::ENTITY_KIND_DEVICE && is_device_part(m);
      return names_somebody(m.record());
    case Loop::UNLINK_RECORD: return m.has_record();
    case Loop::UNLINK: return m.has_identifier() && (!m.has_ref() || m.ref().kind() == m.to().kind());
    case Loop::ASK_AGAIN:
    case Loop::CONFIRM: return m.has_identifier();
    case Loop::JOIN: return m.has_ref() && ranks_before(m.ref(), m.to()) && has_no_wrong_cause(m);
    case Loop::ABSORB: return m.has_ref() && ranks_before(m.to(), m.ref()) && is_chunk(m) && has_no_wrong_cause(m);
    case Loop::ABSORBED: return m.has_ref() && ranks_before(m.ref(), m.to());
    case Loop::ATTACH: return !m.has_ref() || (is_kind(m.ref().kind()) && m.ref().kind() != m.to().kind());
    case Loop::ERASE:
    case Loop::REVIVE:
    case Loop::ERASED_TOO:
    case Loop::STEP: return true;
    default: return false;
  }
}

// Far more than there will be: what lies behind was damaged, or made up.
bool is_of_newer_version(const Loop& message) {
  constexpr int kTypesMost = 1000;
  return !Loop::Type_IsValid(message.type()) && message.type() > 0 && message.type() < kTypesMost;
}

uint32_t target_of(const Loop& message, const std::string& tenant, uint32_t partitions) {
  FRESHET_ASSERT(message.has_to() || message.has_identifier());
  if (message.has_to()) return model::partition_of(model::from_proto(message.to()).id, partitions);
  return model::home_of(tenant, message.kind(), message.identifier(), partitions);
}

namespace messages {
namespace {

Loop message_to(Loop::Type type, const v1::EntityRef& to, int64_t received_at_us) {
  Loop m;
  m.set_type(type);
  *m.mutable_to() = to;
  m.set_received_at_us(received_at_us);
  return m;
}

Loop message_to(Loop::Type type, const model::EntityRef& to, int64_t received_at_us) {
  Loop m;
  m.set_type(type);
  to_proto(to, *m.mutable_to());
  m.set_received_at_us(received_at_us);
  return m;
}

// A message to a home names no entity as its receiver: target_of() would send it there.
Loop message_to_home(Loop::Type type, const model::EntityRef& sender, const v1::Identifier& identifier,
                     int64_t received_at_us) {
  Loop m;
  m.set_type(type);
  m.set_kind(sender.kind);
  *m.mutable_identifier() = identifier;
  to_proto(sender, *m.mutable_ref());
  m.set_received_at_us(received_at_us);
  return m;
}

Loop record_to(Loop::Type type, const model::EntityRef& to, const v1::Envelope& record) {
  Loop m = message_to(type, to, record.received_at_us());
  *m.mutable_record() = record;
  return m;
}

template <class Ref>
Loop unlink_message(const Ref& to, const v1::Identifier& identifier, std::string_view reason, int64_t received_at_us) {
  Loop m = message_to(Loop::UNLINK, to, received_at_us);
  *m.mutable_identifier() = identifier;
  m.set_reason(std::string(reason));
  return m;
}

Loop answer_to(const Loop& chunk, Loop::Type type, const model::EntityRef& survivor) {
  Loop m = message_to(type, chunk.ref(), chunk.received_at_us());
  to_proto(survivor, *m.mutable_ref());
  return m;
}

Loop attach_message(const v1::EntityRef& to, int64_t received_at_us) {
  Loop m = message_to(Loop::ATTACH, to, received_at_us);
  *m.mutable_addressed() = to;
  return m;
}

}  // namespace

// ---- records ------------------------------------------------------------------------------------------------------

Loop apply(const model::EntityRef& to, const v1::Envelope& record, const Loop* device_part) {
  Loop m = record_to(Loop::APPLY, to, record);
  if (device_part != nullptr && device_part->has_ref()) *m.mutable_ref() = device_part->ref();
  if (device_part != nullptr && device_part->has_other()) *m.mutable_other() = device_part->other();
  return m;
}

Loop erase(const model::EntityRef& to, const v1::Envelope& record) { return record_to(Loop::ERASE, to, record); }

Loop unlink_record(const model::EntityRef& to, const v1::Envelope& record) {
  return record_to(Loop::UNLINK_RECORD, to, record);
}

Loop enter_device(const model::EntityRef* user, const v1::EntityRef* known, v1::Envelope&& part) {
  Loop m;
  m.set_type(Loop::ENTER_DEVICE);
  m.set_kind(v1::ENTITY_KIND_DEVICE);
  *m.mutable_identifier() = part.device(0);
  if (user != nullptr) to_proto(*user, *m.mutable_ref());
  if (known != nullptr) *m.mutable_other() = *known;
  m.set_received_at_us(part.received_at_us());
  *m.mutable_record() = std::move(part);
  return m;
}

Loop merge(const model::EntityRef& into, const v1::Envelope& record, const v1::Use& use) {
  Loop m = message_to_home(Loop::MERGE, into, record.other(), record.received_at_us());
  *m.mutable_use() = use;
  return m;
}

// ---- identifiers --------------------------------------------------------------------------------------------------

Loop link(const model::EntityRef& claimant, const v1::IdentifierUse& claimed, int64_t received_at_us) {
  Loop m = message_to_home(Loop::LINK, claimant, claimed.identifier(), received_at_us);
  *m.mutable_use() = claimed.use();
  return m;
}

Loop free(const model::EntityRef& holder, const v1::Identifier& identifier, int64_t received_at_us) {
  return message_to_home(Loop::FREE, holder, identifier, received_at_us);
}

Loop suppress(const model::EntityRef& holder, const v1::Identifier& identifier, int64_t received_at_us) {
  return message_to_home(Loop::SUPPRESS, holder, identifier, received_at_us);
}

Loop repoint(const model::EntityRef& holder, const v1::EntityRef& heir, const v1::Identifier& identifier,
             int64_t received_at_us) {
  Loop m = message_to_home(Loop::REPOINT, holder, identifier, received_at_us);
  *m.mutable_other() = heir;
  return m;
}

Loop confirm(const Loop& repoint) {
  Loop m = message_to(Loop::CONFIRM, repoint.other(), repoint.received_at_us());
  *m.mutable_identifier() = repoint.identifier();
  m.set_kind(repoint.kind());
  return m;
}

Loop ask_again(const v1::EntityRef& claimant, const v1::Identifier& identifier, int64_t received_at_us) {
  Loop m = message_to(Loop::ASK_AGAIN, claimant, received_at_us);
  *m.mutable_identifier() = identifier;
  return m;
}

Loop taken(const model::EntityRef& to, const Loop& claim, const v1::Use& use, bool verified) {
  Loop m = unlink_message(to, claim.identifier(), {}, claim.received_at_us());
  *m.mutable_use() = use;
  m.set_verified(verified);
  return m;
}

Loop turned_down(const model::EntityRef& to, const Loop& claim, std::string_view reason, bool verified) {
  Loop m = unlink_message(to, claim.identifier(), reason, claim.received_at_us());
  m.set_verified(verified);
  return m;
}

Loop stays(const Refusal& refusal, bool verified, bool outranked) {
  Loop m = unlink_message(refusal.claimant, refusal.identifier, refusal.reason, refusal.received_at_us);
  *m.mutable_other() = refusal.holder;
  m.set_verified(verified);
  m.set_outranked(outranked);
  return m;
}

Loop moves(const Refusal& refusal, const v1::Use& use) {
  Loop m = unlink_message(refusal.holder, refusal.identifier, refusal.reason, refusal.received_at_us);
  *m.mutable_use() = use;
  *m.mutable_ref() = refusal.claimant;
  return m;
}

// ---- merging ------------------------------------------------------------------------------------------------------

Loop join(const model::EntityRef& loser, const model::EntityRef& survivor, const v1::Cause* cause, const v1::Use& use,
          int64_t received_at_us) {
  Loop m = message_to(Loop::JOIN, loser, received_at_us);
  to_proto(survivor, *m.mutable_ref());
  if (cause != nullptr) *m.mutable_cause() = *cause;
  *m.mutable_use() = use;
  return m;
}

Loop absorb(const model::EntityRef& loser, const v1::EntityRef& survivor, const v1::Departure& departure,
            v1::EntityState&& chunk, bool last, int64_t received_at_us) {
  Loop m = message_to(Loop::ABSORB, survivor, received_at_us);
  to_proto(loser, *m.mutable_ref());
  *m.mutable_chunk() = std::move(chunk);
  m.set_last(last);
  if (departure.has_cause()) *m.mutable_cause() = departure.cause();
  *m.mutable_use() = departure.use();
  return m;
}

Loop absorbed(const Loop& chunk, const model::EntityRef& survivor) {
  return answer_to(chunk, Loop::ABSORBED, survivor);
}

Loop revive(const Loop& chunk, const model::EntityRef& survivor) { return answer_to(chunk, Loop::REVIVE, survivor); }

Loop erased_too(const Loop& chunk, const model::EntityRef& survivor) {
  return answer_to(chunk, Loop::ERASED_TOO, survivor);
}

Loop no_survivor(const Loop& chunk) {
  Loop m = message_to(Loop::REVIVE, chunk.ref(), chunk.received_at_us());
  *m.mutable_other() = chunk.to();
  return m;
}

Loop step(const model::EntityRef& itself, int64_t received_at_us) {
  return message_to(Loop::STEP, itself, received_at_us);
}

// ---- users and devices --------------------------------------------------------------------------------------------

Loop attach(const v1::EntityRef& to, const v1::EntityRef& sender, const v1::EntityRef* replaces,
            const v1::Identifier* identifier, int64_t received_at_us) {
  Loop m = attach_message(to, received_at_us);
  *m.mutable_ref() = sender;
  if (replaces != nullptr) *m.mutable_other() = *replaces;
  if (identifier != nullptr) *m.mutable_identifier() = *identifier;
  return m;
}

Loop detach(const v1::EntityRef& to, const v1::EntityRef& gone, int64_t received_at_us) {
  Loop m = attach_message(to, received_at_us);
  *m.mutable_other() = gone;
  return m;
}

Loop detach_erased(const v1::EntityRef& to, const v1::EntityRef& erased, int64_t received_at_us) {
  Loop m = detach(to, erased, received_at_us);
  m.set_erased(true);
  return m;
}

void readdress(Loop& message, const v1::EntityRef& to) { *message.mutable_to() = to; }

}  // namespace messages
}  // namespace freshet::action
