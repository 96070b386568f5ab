// Bytes as text of 64 letters (RFC 4648). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace freshet {

// In the standard alphabet, with padding.
[[nodiscard]] std::string encode_base64(std::string_view bytes);
// Takes the standard and the URL alphabet, with or without padding: senders use all four. nullopt: it is none.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace freshet
