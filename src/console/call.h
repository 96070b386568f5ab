// One request to the admin listener, taken apart.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "console/admin.h"
#include "http/response.h"

namespace freshet::console {

struct Admin::Call {
  http::Request request;
  http::Respond respond;
  std::vector<std::string> parts;  // of the path, percent-decoded: "/v1/x" has the parts "v1" and "x"
  std::vector<std::pair<std::string, std::string>> query;

  void ok(std::string json, int status = 200) const;
  void fail(int status, std::string_view code, std::string_view message) const;
  // Answers with the status that says who recovers from the error.
  void fail(const Error& error) const;
  void no_such_address() const;
  // Returns true if the method is one of `allowed` (such as "GET, HEAD"); otherwise it answers 405.
  [[nodiscard]] bool check_method(std::string_view allowed) const;
  // The value of a parameter of the query, or "" if it is absent.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
};

// Cuts the path at '/' and decodes each part once. kInvalid: it has malformed escapes or is not
// UTF-8.
[[nodiscard]] Result<std::vector<std::string>> split_path(std::string_view path);

}  // namespace freshet::console
