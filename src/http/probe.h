// What a listener will meet, asked before there is one: whether its address is free, and its certificate usable.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace freshet::http {

// Whether a server could listen there now: it binds the address for a moment, without listening. kConflict: somebody
// has it; kInvalid: it is no address of this machine, or this user may not have the port.
[[nodiscard]] Status can_listen(const std::string& address);

// Reads both files as a server does. When the certificate ends, in seconds since 1970; kInvalid: they can't be used.
[[nodiscard]] Result<int64_t> certificate_end_s(const std::string& cert_file, const std::string& key_file);

}  // namespace freshet::http
