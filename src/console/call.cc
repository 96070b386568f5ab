#include "console/call.h"

#include <simdjson.h>

#include "http/text.h"

namespace freshet::console {
namespace {

http::Response no_store(http::Response response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace

void Admin::Call::ok(std::string json, int status) const {
  http::Response response;
  response.status = status;
  response.body = std::move(json);
  response.body += '\n';
  respond(no_store(std::move(response)));
}

void Admin::Call::fail(int status, std::string_view code, std::string_view message) const {
  http::Response response = no_store(http::error_response(status, code, message));
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"freshet\"");
  respond(std::move(response));
}

void Admin::Call::fail(const Error& error) const {
  switch (error.code) {
    case Code::kInvalid: return fail(400, "bad_request", error.message);
    case Code::kNotFound: return fail(404, "not_found", error.message);
    case Code::kConflict: return fail(409, "conflict", error.message);
    case Code::kRetry: return fail(503, "busy", error.message);
    default: return fail(500, "internal", error.message);
  }
}

void Admin::Call::no_such_address() const { fail(404, "not_found", "there is nothing at this address"); }

bool Admin::Call::check_method(std::string_view allowed) const {
  for (std::string_view rest = allowed; !rest.empty();) {
    const std::string_view method = rest.substr(0, rest.find(", "));
    if (request.method == method) return true;
    rest.remove_prefix(std::min(method.size() + 2, rest.size()));
  }
  http::Response response =
      no_store(http::error_response(405, "method_not_allowed", "this address takes " + std::string(allowed)));
  response.headers.emplace_back("Allow", std::string(allowed));
  respond(std::move(response));
  return false;
}

std::string_view Admin::Call::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

Result<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    auto decoded = http::percent_decode(part, false);
    if (!decoded) return tl::unexpected<Error>(std::move(decoded).error());
    if (!simdjson::validate_utf8(*decoded))
      return freshet::fail(Code::kInvalid, "the address must be UTF-8, percent-encoded");
    parts.push_back(std::move(*decoded));
  }
  if (!parts.empty() && parts.back().empty()) parts.pop_back();  // a slash at the end
  return parts;
}

}  // namespace freshet::console
