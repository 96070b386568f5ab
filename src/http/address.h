// Addresses as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet::http {

struct Address {
  std::string host;  // of [::1] what is in the brackets
  uint16_t port = 0;
};

// host:port, such as 127.0.0.1:8080 or [::1]:8080. nullopt: it is something else.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
// http://host:port, or http://host for port 80; nothing after it but a '/'. nullopt: something else, or port 0.
[[nodiscard]] std::optional<Address> parse_plain_url(std::string_view url);

}  // namespace freshet::http
