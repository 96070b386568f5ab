// What the addresses of dead letters and erasures answer. Each reads its request, and hands the rest to the keeper of
// letters: the listener's thread does not wait for it.
#pragma once

#include "console/admin.h"

namespace freshet::console {

// REQUIRES, for all: options.letters is not null, call.tenant neither.
void list_letters(const AdminOptions& options, Admin::Call& call);
void count_letters(const AdminOptions& options, Admin::Call& call);
void show_letter(const AdminOptions& options, Admin::Call& call);
// Of one, also with another body (the request's); of several; of all of a code, in parts.
void replay_letters(const AdminOptions& options, Admin::Call& call);

void list_erasures(const AdminOptions& options, Admin::Call& call);
void show_erasure(const AdminOptions& options, Admin::Call& call);
// The latest that has the value: {"email":"…"} in the body, so that it is in no address.
void find_erasure(const AdminOptions& options, Admin::Call& call);

// {"email":"…"}: exactly one. kInvalid: something else.
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_lookup(const std::string& body);

}  // namespace freshet::console
