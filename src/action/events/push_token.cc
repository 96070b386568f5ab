#include "action/events/push_token.h"

#include "action/events/attributes.h"
#include "action/events/subscriptions.h"
#include "base/assert.h"
#include "base/mutant.h"

namespace freshet::action {

std::optional<PushToken> push_token_of(const v1::EntityState& device) {
  FRESHET_ASSERT(device.ref().kind() == v1::ENTITY_KIND_DEVICE);
  const v1::IdentifierUse* last = nullptr;
  for (const v1::IdentifierUse& i : device.identifiers()) {
    if (i.identifier().type() != kPushToken) continue;
    if (last == nullptr || (!earlier(i.use(), last->use()) && !FRESHET_MUTANT(kTokenFirstListed))) last = &i;
  }
  if (last == nullptr) return std::nullopt;
  PushToken token{last->identifier().value(), {}};
  // The record that says so may name the token itself.
  if (device.has_uninstalled() && !earlier(device.uninstalled(), last->use())) {
    token.invalid = "uninstalled";
  } else if (subscription_word(device, "push") == "opted_out") {
    token.invalid = "opted_out";
  }
  return token;
}

bool note_uninstall(v1::EntityState& device, const v1::Use& use) {
  const bool known = device.has_uninstalled() && !earlier(device.uninstalled(), use);
  if (known && !FRESHET_MUTANT(kUninstallByArrival)) return false;
  *device.mutable_uninstalled() = use;
  return true;
}

}  // namespace freshet::action
