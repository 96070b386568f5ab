// Parses addresses by hand: a URL library would take much more than is allowed here.

#include "http/address.h"

#include <boost/asio/ip/address.hpp>

#include "base/number.h"

namespace freshet::http {
namespace {

// A host with one of these is a URL or a typing error.
constexpr std::string_view kNotInHosts = "/?#@ []";

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Address out;
  const auto port = to_number<uint16_t>(text.substr(colon + 1));
  if (!port) return std::nullopt;
  out.port = *port;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  // An IPv6 address without brackets could end in a port or not.
  if (!bracketed && host.find(':') != std::string_view::npos) return std::nullopt;
  if (host.empty() || host.find_first_of(kNotInHosts) != std::string_view::npos) return std::nullopt;
  out.host = host;
  return out;
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost") return true;
  // 127.example.com begins like an address and is a name.
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  return !error && address.is_loopback();
}

std::optional<Url> parse_url(std::string_view url) {
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kTls = "https://";
  Url out;
  out.tls = url.starts_with(kTls);
  if (!out.tls && !url.starts_with(kPlain)) return std::nullopt;
  std::string_view rest = url.substr(out.tls ? kTls.size() : kPlain.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  // The colons inside of [::1] are no port's.
  const size_t colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && !rest.ends_with(']');
  auto address = parse_address(has_port ? std::string(rest) : std::string(rest) + (out.tls ? ":443" : ":80"));
  if (!address || address->port == 0) return std::nullopt;
  out.address = std::move(*address);
  return out;
}

std::string text_of(const Url& url) {
  const bool is_v6 = url.address.host.find(':') != std::string::npos;
  return std::string(url.tls ? "https://" : "http://") + (is_v6 ? "[" + url.address.host + "]" : url.address.host) +
         ":" + std::to_string(url.address.port);
}

}  // namespace freshet::http
