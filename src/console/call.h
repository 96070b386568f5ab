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
  std::vector<std::string> parts;  // of the path, percent-decoded; "/v1/x" -> "v1", "x"
  std::vector<std::pair<std::string, std::string>> query;

  void ok(std::string json, int status = 200) const;
  void fail(int status, std::string_view code, std::string_view message) const;
  // The status that says who recovers.
  void fail(const Error& error) const;
  void no_such_address() const;
  // True if the method is one of `allowed` ("GET, HEAD"); else answers 405.
  [[nodiscard]] bool check_method(std::string_view allowed) const;
  // "" if absent.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
};

// Cut at '/', each part decoded once. kInvalid: malformed escapes, not UTF-8.
[[nodiscard]] Result<std::vector<std::string>> split_path(std::string_view path);

}  // namespace freshet::console
