// What is said when somebody is erased: to the homes of identifiers, to devices, and to whoever keeps copies (the
// console, by way of topic `deadletters`). Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/v1/envelope.pb.h"
#include "freshet/v1/event.pb.h"

namespace freshet::action {

// Whose values are hashed, and what for.
struct ErasureContext {
  std::string_view hash_key;  // of the installation, 16 bytes
  std::string_view tenant;
  int64_t received_at_us = 0;
};

// What an erased entity says: to its devices, of which those that are nobody else's are erased, too, and to the homes
// of its identifiers. `frees`: others may use this one from now on.
[[nodiscard]] std::vector<v1::Loop> farewells_of(const v1::EntityState& erased, int64_t received_at_us,
                                                 const std::function<bool(const v1::Identifier&)>& frees);
// What is said of it, with all the values that its farewells name; `record` asked for it, if it says a message id.
[[nodiscard]] v1::ErasureNotice notice_of(const v1::EntityState& erased, const v1::Envelope& record,
                                          const std::vector<v1::Loop>& farewells, const ErasureContext& context);
// The record of topic `deadletters` that says so. The same notice makes the same id.
[[nodiscard]] v1::DeadLetter erasure_letter(const v1::ErasureNotice& notice, const ErasureContext& context);
// The same of a record (erase, unsuppress) whose identifier leads to nobody who lives.
[[nodiscard]] v1::DeadLetter erasure_letter(const v1::Envelope& record, const ErasureContext& context, bool frees);

}  // namespace freshet::action
