// By the key that the seats of a listener have, so that whoever is one there is one everywhere.
#include "http/network.h"

#include <boost/asio/ip/address.hpp>

#include "http/seats.h"

namespace freshet::http {

std::string network_of(const std::string& remote) {
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(remote, error);
  return error ? remote : std::to_string(address_key(address));
}

}  // namespace freshet::http
