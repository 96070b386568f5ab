// What a message is known by, where it enters and for whoever asks whether it did.
#pragma once

#include <string_view>

#include "base/hash.h"
#include "model/home.h"

namespace freshet::action {

// It ends in the home of the routing identifier, which a record and its repetitions share: so a state that is rebuilt
// for another number of partitions has the fingerprint where the repetition will arrive. `ledger`: of the import or the
// replay; "": a record of its own.
[[nodiscard]] Hash128 fingerprint(std::string_view tenant, std::string_view message_id, std::string_view ledger,
                                  model::Home home);

}  // namespace freshet::action
