// Messages to this partition wait for the message under way to end. Handled at once, one could change the entity that
// its sender is still at work on.
#include "action/identity/turn.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/hash.h"
#include "model/home.h"
#include "model/identifier.h"
#include "model/letter_id.h"
#include "model/tenant.h"

namespace freshet::action {
namespace {

// A tenant that was taken out of the configuration keeps its profiles, and messages for it may still be on their way.
// They are worked off under the default rules: were they dropped, a loser would wait for its survivor's answer for
// ever.
const Tenant& default_rules() {
  static const Tenant* const fallback = [] {
    auto* tenant = new Tenant;
    tenant->rules = model::default_tenant("").rules;
    return tenant;
  }();
  return *fallback;
}

}  // namespace

Turn::Turn(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out,
           const StepBounds& bounds)
    : partition_(partition), partitions_(partitions), state_(state), out_(out), bounds_(bounds) {
  // A step that may do nothing would ask for the next one for ever.
  FRESHET_ASSERT(bounds_.chunk_bytes > 0 && bounds_.bytes > 0 && bounds_.messages > 0);
}

void Turn::begin(const std::string& tenant_name, const Tenant* tenant) {
  FRESHET_ASSERT(rules_ != nullptr && local_.empty());  // The record before has been finished.
  tenant_name_ = tenant_name;
  tenant_ = tenant != nullptr ? tenant : &default_rules();
}

bool Turn::is_here(const Hash128& hash) const { return model::partition_of(hash, partitions_) == partition_; }

bool Turn::shared(v1::EntityKind kind, const v1::Identifier& identifier) const {
  return model::is_shared(kind, identifier.type(), tenant().rules);
}

void Turn::to_entity(v1::Loop&& message) {
  FRESHET_ASSERT(message.has_to());
  send(std::move(message));
}

// A message to a home must not name an entity as its receiver: target_of() would send it there.
void Turn::to_home(v1::Loop&& message) {
  FRESHET_ASSERT(message.has_identifier() && !message.has_to());
  send(std::move(message));
}

void Turn::send(v1::Loop&& message) {
  const uint32_t target = target_of(message, tenant_name_, partitions_);
  if (target == partition_) {
    local_.push_back(std::move(message));
    return;
  }
  send_through_log(target, std::move(message));
}

// The message's envelope, for the log; the loop is the caller's to put in. The next call makes another of it.
v1::Envelope& Turn::begin_envelope(const v1::Loop& message) {
  envelope_.Clear();
  envelope_.set_tenant(tenant_name_);
  envelope_.set_kind(v1::Envelope::LOOP);
  envelope_.set_received_at_us(message.received_at_us());
  return envelope_;
}

// The receiver would refuse a message that is not well formed, and what it was to tell would be lost: so it is checked
// here, in the process and with the record that made it.
void Turn::send_through_log(uint32_t target, v1::Loop&& message) {
  FRESHET_ASSERT(is_well_formed(message));
  v1::Envelope& envelope = begin_envelope(message);
  envelope.mutable_loop()->Swap(&message);
  out_.loop(target, envelope);
}

void Turn::set_aside(const v1::Loop& message) {
  ++counters_.impossible;
  v1::Envelope& envelope = begin_envelope(message);
  *envelope.mutable_loop() = message;
  v1::DeadLetter letter;
  letter.set_body(envelope.SerializeAsString());
  letter.set_body_type(v1::DeadLetter::ENVELOPE);
  letter.set_id(model::letter_id(message.received_at_us(), hash128(letter.body())));
  letter.set_tenant(tenant_name_);
  letter.set_source("action");
  letter.set_code("bad_message");
  letter.set_reason(
      fmt::format("a message of type {} between partitions does not fit what is known here: was one "
                  "written to `actions` by another program?",
                  v1::Loop::Type_Name(message.type())));
  letter.set_message_id(message.record().message_id());
  letter.set_received_at_us(message.received_at_us());
  out_.dead_letter(letter);
}

std::optional<v1::Loop> Turn::next() {
  if (local_.empty()) return std::nullopt;
  std::optional<v1::Loop> message = std::move(local_.front());
  local_.pop_front();
  return message;
}

void Budget::spend(size_t bytes) {
  FRESHET_ASSERT(any());
  counters_.step_bytes += bytes;
  ++counters_.step_messages;
  bytes_ -= std::min(bytes_, bytes);
  --messages_;
}

}  // namespace freshet::action
