#include "action/fingerprint.h"

#include <string>

namespace freshet::action {

Hash128 fingerprint(std::string_view tenant, std::string_view message_id, std::string_view ledger, model::Home home) {
  thread_local std::string key;  // Every record asks.
  key.clear();
  key.append(tenant).append(1, '\0').append(message_id);
  // Without the separator a record of its own is not taken for one of a ledger.
  if (!ledger.empty()) key.append(1, '\0').append(ledger);
  return model::with_home(hash128(key), home);
}

}  // namespace freshet::action
