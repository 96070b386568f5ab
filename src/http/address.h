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
// Whether it is an address of this machine that no other machine reaches: localhost, ::1 or one of 127.0.0.0/8.
[[nodiscard]] bool is_loopback_host(std::string_view host);

// Where a server is.
struct Url {
  bool tls = false;
  Address address;
};
// Reads http://host:port or https://host:port, where ports 80 and 443 may be left out, with nothing after it but a '/'.
// Anything else, and port 0, is nullopt.
[[nodiscard]] std::optional<Url> parse_url(std::string_view url);
[[nodiscard]] std::string text_of(const Url& url);

}  // namespace freshet::http
