// Addresses as people write them in configurations and commands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace freshet::http {

struct Address {
  std::string host;  // of [::1] it is what is in the brackets
  uint16_t port = 0;
};

// Reads host:port, such as 127.0.0.1:8080 or [::1]:8080. Anything else is nullopt.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
// Reads http://host:port, or http://host for port 80, with nothing after it but a '/'. Anything
// else, and port 0, is nullopt.
[[nodiscard]] std::optional<Address> parse_plain_url(std::string_view url);

}  // namespace freshet::http
