// Which values a dead letter may hold identifiers in: to find those of an erased person among letters that could not be
// read. Pure.
#pragma once

#include <functional>
#include <string_view>

#include "freshet/v1/event.pb.h"

namespace freshet::console {

// Calls `visit` with every text and number that could be an identifier's value, until it returns true; true: it did.
// Of what is read (JSON, records, changes) that is every value as a whole, and every piece of a longer text
// (console/text_pieces.h) but for words of letters alone; of what can't be, every piece. Names of members count where
// they are no words. A value of fewer than four bytes counts only in a row of a file, in a record's identifiers, or in
// a member whose name ends in "id": a quantity of 1 is not the person "1".
//
// Each is visited as it stands, beyond ASCII also as ingest would normalize it, and a phone number also in its normal
// spelling, as far as that needs no default country. What many senders write for nobody (null, {{user.id}}) does
// not count: erased as somebody's identifier, it would take the letters of all others along.
[[nodiscard]] bool any_value(const v1::DeadLetter& letter, const std::function<bool(std::string_view)>& visit);

}  // namespace freshet::console
