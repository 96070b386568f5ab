// One request to the admin listener, taken apart.
#pragma once

#include <memory>
#include <optional>
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
  // What stands for the parts in braces of the route's path, percent-decoded: {tenant} first.
  std::vector<std::string> arguments = {};
  Access::Visitor visitor = {};                           // who asks, where that counts
  std::shared_ptr<const model::Tenant> tenant = nullptr;  // of routes below /v1/tenants/{tenant}
  v1::EntityKind kind = v1::ENTITY_KIND_USER;             // of routes of profiles
  std::vector<std::pair<std::string, std::string>> query = {};

  // kInvalid: a malformed escape, or not UTF-8.
  [[nodiscard]] Status take_apart(const std::vector<std::string_view>& raw_arguments);
  void ok(std::string json, int status = 200) const;
  void fail(int status, std::string_view code, std::string_view message) const;
  // The status that says who recovers.
  void fail(const Error& error) const;
  void wrong_method(const std::string& allowed) const;
  // "" if absent.
  [[nodiscard]] std::string_view parameter(std::string_view name) const;
  // The parameter as a number, `fallback` if it is absent; nullopt: it is none from `least` to `most`.
  [[nodiscard]] std::optional<size_t> number(std::string_view name, size_t fallback, size_t least, size_t most) const;
  // How much is to be shown, by parameter `limit`; nullopt: it is no number from 1 to `most`, and the call is answered.
  [[nodiscard]] std::optional<size_t> limit(size_t fallback, size_t most) const;
};

}  // namespace freshet::console
