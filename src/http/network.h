// Who counts as one sender, as far as an address tells.
#pragma once

#include <string>

namespace freshet::http {

// Of the text of an address (Request::remote): of IPv6 its network of 64 bits, which is what one subscriber is given
// (seats.h). Text that is no address stands for itself.
[[nodiscard]] std::string network_of(const std::string& remote);

}  // namespace freshet::http
