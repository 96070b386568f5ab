// What commands print with --json.
#pragma once

#include <fmt/format.h>

#include <string>

#include "base/json_writer.h"

namespace freshet::app {

// The JSON text that `write(json)` writes: one value.
template <class Write>
[[nodiscard]] std::string json_text(const Write& write) {
  std::string out;
  JsonWriter json(out);
  write(json);
  return out;
}

// The same, as one line on standard output.
template <class Write>
void print_json(const Write& write) {
  fmt::print("{}\n", json_text(write));
}

}  // namespace freshet::app
