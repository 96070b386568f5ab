#include "http/probe.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "http/address.h"
#include "http/tls.h"

namespace freshet::http {

Status can_listen(const std::string& address) {
  using boost::asio::ip::tcp;
  const auto parsed = parse_address(address);
  if (!parsed) return fail(Code::kInvalid, "\"" + address + "\" is not host:port, such as 127.0.0.1:8080");
  boost::asio::io_context io;
  boost::system::error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(parsed->host, std::to_string(parsed->port), tcp::resolver::passive, error);
  if (error || found.empty()) return fail(Code::kInvalid, address + ": can't be resolved: " + error.message());
  const tcp::endpoint endpoint = found.begin()->endpoint();
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  // As the server has it: old connections that fade away are no obstacle.
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) return {};
  const bool taken = error == boost::asio::error::address_in_use;
  return fail(taken ? Code::kConflict : Code::kInvalid, address + ": " + error.message());
}

Result<int64_t> certificate_end_s(const std::string& cert_file, const std::string& key_file) {
  FRESHET_ASSIGN(const auto context, server_tls(cert_file, key_file));
  return certificate_ends_s(*context);
}

}  // namespace freshet::http
