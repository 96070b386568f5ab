// How a webhook proves where it comes from: as the Standard Webhooks specification says (standardwebhooks.com), for
// which there are libraries.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::sinks {

// The key that a secret stands for: what is behind "whsec_" is base64, anything else the bytes themselves. kInvalid: it
// is not base64, or empty.
[[nodiscard]] Result<std::string> key_of_secret(std::string_view secret);
// "v1," and the base64 of HMAC-SHA256 of "ID.SECONDS.BODY".
[[nodiscard]] std::string signature_of(std::string_view key, std::string_view id, int64_t seconds,
                                       std::string_view body);

}  // namespace freshet::sinks
