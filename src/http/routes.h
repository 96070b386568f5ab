// A listener's routes as data: a table whose rows have `method` and `path`, both std::string_view, and whatever else
// the listener wants to know of them. In a path, a part in braces stands for any text: "/v1/users/{type}/{value}".
// There is one row for each operation that docs/api/*.yaml describes; src/app/api_test.cc compares the two.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet::http {

// A row that says nothing else.
struct Operation {
  std::string_view method;
  std::string_view path;
};

// What stands in `path` for the parts in braces of `pattern`, still percent-encoded; nullopt: it is another path.
// None of it is empty. A slash at the end of `path` does not count.
[[nodiscard]] std::optional<std::vector<std::string_view>> match_path(std::string_view pattern, std::string_view path);

// A row with GET answers HEAD, too: the server leaves the body out.
[[nodiscard]] bool serves(std::string_view route_method, std::string_view method);

// Each percent-decoded. kInvalid: one has a malformed escape.
[[nodiscard]] Result<std::vector<std::string>> decode_arguments(const std::vector<std::string_view>& arguments);

template <class Row>
struct Match {
  const Row* row = nullptr;                 // null: there is nothing at this address
  std::vector<std::string_view> arguments;  // parts of the path that was looked for
  std::string
      allowed;  // not empty: the method is wrong, and these are right ("GET, HEAD"); `row` is one of the address
};

// An address belongs to the first path of the table that it fits, so a literal part stands before braces in the same
// place ("/users/lookup" before "/users/{id}"), as OpenAPI has it.
template <class Row>
[[nodiscard]] Match<Row> find_route(std::span<const Row> rows, std::string_view method, std::string_view path) {
  Match<Row> match;
  for (const Row& row : rows) {
    if (match.row == nullptr) {
      auto arguments = match_path(row.path, path);
      if (!arguments) continue;
      match = {&row, std::move(*arguments), {}};
    } else if (row.path != match.row->path) {
      continue;
    }
    if (serves(row.method, method)) return {&row, std::move(match.arguments), {}};
    match.allowed += match.allowed.empty() ? "" : ", ";
    match.allowed += row.method == "GET" ? "GET, HEAD" : row.method;
  }
  return match;
}

}  // namespace freshet::http
