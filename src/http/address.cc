// Parses addresses by hand: a URL library would take much more than is allowed here.

#include "http/address.h"

#include <charconv>

namespace freshet::http {
namespace {

// A host with one of these is a URL or a typing error.
constexpr std::string_view kNotInHosts = "/?#@ []";

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Address out;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  // An IPv6 address without brackets could end in a port or not.
  if (!bracketed && host.find(':') != std::string_view::npos) return std::nullopt;
  if (host.empty() || host.find_first_of(kNotInHosts) != std::string_view::npos) return std::nullopt;
  out.host = host;
  return out;
}

std::optional<Address> parse_plain_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  std::string_view rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  // The colons inside of [::1] are no port's.
  const size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && !rest.ends_with(']');
  auto out = has_port ? parse_address(rest) : parse_address(std::string(rest) + ":80");
  if (out && out->port == 0) return std::nullopt;
  return out;
}

}  // namespace freshet::http
