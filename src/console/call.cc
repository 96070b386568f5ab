// How the admin listener reads addresses and answers. Parts are cut before they are decoded, so
// that an identifier may have a slash in it (as %2F).

#include "console/call.h"

#include <simdjson.h>

#include "base/assert.h"
#include "base/number.h"
#include "http/routes.h"
#include "http/text.h"

namespace freshet::console {
namespace {

// Answers may hold personal data, so no cache may keep them.
http::Response no_store(http::Response response) {
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace

Status Admin::Call::take_apart(const std::vector<std::string_view>& raw_arguments) {
  FRESHET_ASSIGN(arguments, http::decode_arguments(raw_arguments));
  for (const std::string& argument : arguments) {
    if (!simdjson::validate_utf8(argument))
      return freshet::fail(Code::kInvalid, "the address must be UTF-8, percent-encoded");
  }
  FRESHET_ASSIGN(query, http::parse_query(request.query));
  return {};
}

void Admin::Call::ok(std::string json, int status) const {
  http::Response response;
  response.status = status;
  response.body = std::move(json);
  response.body += '\n';
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  respond(no_store(std::move(response)));
}

void Admin::Call::fail(int status, std::string_view code, std::string_view message) const {
  http::Response response = no_store(http::error_response(status, code, message));
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
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

void Admin::Call::wrong_method(const std::string& allowed) const {
  FRESHET_ASSERT(!allowed.empty());
  http::Response response = no_store(http::error_response(405, "method_not_allowed", "this address takes " + allowed));
  response.headers.emplace_back("Allow", allowed);
  respond(std::move(response));
}

std::string_view Admin::Call::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

std::optional<size_t> Admin::Call::number(std::string_view name, size_t fallback, size_t least, size_t most) const {
  FRESHET_ASSERT(least <= fallback && fallback <= most);
  const std::string_view text = parameter(name);
  if (text.empty()) return fallback;
  const auto out = to_number<size_t>(text);
  return out && *out >= least && *out <= most ? out : std::nullopt;
}

std::optional<size_t> Admin::Call::limit(size_t fallback, size_t most) const {
  const auto out = number("limit", fallback, 1, most);
  if (!out) fail(400, "bad_request", "limit must be a number from 1 to " + std::to_string(most));
  return out;
}

}  // namespace freshet::console
