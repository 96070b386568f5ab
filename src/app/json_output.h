// What commands print with --json.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "base/json_writer.h"
#include "base/result.h"

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

// Prints what a command failed with: on standard error behind `who` ("freshet fleet plan: "), or as JSON. Gives back
// the exit status.
inline int print_failure(std::string_view who, const Error& error, bool json) {
  if (json) {
    print_json(
        [&](JsonWriter& out) { out.begin_object().member("ok", false).member("error", error.message).end_object(); });
  } else {
    fmt::print(stderr, "{}{}\n", who, error.message);
  }
  return error.code == Code::kInvalid ? 2 : 1;
}

}  // namespace freshet::app
