// Numbers whose order as bytes is that of their values: for keys of stores, and for what is hashed.
#pragma once

#include <concepts>
#include <string>

namespace freshet {

template <std::unsigned_integral Number>
void append_big_endian(std::string& out, Number number) {
  for (int shift = 8 * static_cast<int>(sizeof number) - 8; shift >= 0; shift -= 8)
    out += static_cast<char>(number >> shift & 0xff);
}

}  // namespace freshet
