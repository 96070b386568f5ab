// What the addresses of dead letters and erasures answer. Each reads its request, and hands the rest to the keeper of
// letters: the listener's thread does not wait for it.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>

#include "console/admin.h"

namespace freshet::console {

// REQUIRES, for all: the admin is a console's, and call.tenant is not null.
void list_letters(Admin& admin, Admin::Call& call);
void count_letters(Admin& admin, Admin::Call& call);
void show_letter(Admin& admin, Admin::Call& call);
// Of one, also with another body (the request's); of several; of all of a code, in parts.
void replay_letters(Admin& admin, Admin::Call& call);

// A page of the imports that this process knows, by id.
void list_imports(Admin& admin, Admin::Call& call);
// The rejected rows of an import, as CSV.
void show_rejected_rows(Admin& admin, Admin::Call& call);

void list_erasures(Admin& admin, Admin::Call& call);
void show_erasure(Admin& admin, Admin::Call& call);
// The latest that has the value: {"email":"…"} in the body, so that it is in no address.
void find_erasure(Admin& admin, Admin::Call& call);

// The value of an identifier: a text, or the digits of a whole number. nullopt: something else.
[[nodiscard]] std::optional<std::string> identifier_text(const simdjson::dom::element& value);
// {"email":"…"}: exactly one. kInvalid: something else.
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_lookup(const std::string& body);

// GET /v1/tenants/{t}/violations
void list_violations(Admin& admin, Admin::Call& call);

}  // namespace freshet::console
