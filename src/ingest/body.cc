#include "ingest/body.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/text.h"
#include "http/text.h"
#include "http/undeflate.h"

namespace freshet::ingest {
namespace {

enum class Coding : uint8_t { kNone, kGzip, kDeflate, kUnknown };

// In this place a charset says nothing of how the body is packed, and some clients write it here.
bool is_no_coding(std::string_view name) {
  return name.empty() || name == "identity" || name == "none" || name == "utf-8" || name == "utf8";
}

// x-gzip is gzip's older name; deflate, gzip and zlib are told apart by their first bytes. The header is a list, which
// may go on in another one of the name, and in which identity means nothing; a body that was compressed twice is none
// that a library sends. A body of a GET or HEAD means nothing (RFC 9110, 9.3.1) and is never read, so neither does the
// way in which it is packed.
Coding coding_of(const http::Request& head) {
  if (head.method == "GET" || head.method == "HEAD") return Coding::kNone;
  Coding all = Coding::kNone;
  for (const auto& [name, value] : head.headers) {
    if (name != "content-encoding") continue;
    for (std::string_view list = value; !list.empty();) {
      const std::string coding = lower_case(trim(list.substr(0, list.find(','))));
      list.remove_prefix(std::min(list.find(','), list.size() - 1) + 1);
      if (is_no_coding(coding)) continue;
      const bool known = coding == "gzip" || coding == "x-gzip" || coding == "deflate";
      if (!known || all != Coding::kNone) return Coding::kUnknown;
      all = coding == "deflate" ? Coding::kDeflate : Coding::kGzip;
    }
  }
  return all;
}

// REQUIRES: is_compressed().
Result<std::optional<std::string>> unpack(const http::Request& request, size_t bytes_max) {
  return coding_of(request) == Coding::kDeflate ? http::undeflate(request.body, bytes_max)
                                                : http::gunzip(request.body, bytes_max);
}

// A proxy that has unpacked the body and left the header is found only if that is said.
std::string unpack_fault(std::string_view body, std::string message) {
  const std::string_view text = trim(body.substr(0, 16), " \t\r\n");
  const bool plain = text.starts_with('{') || text.starts_with('[');
  return plain ? message + "; it is JSON that is not compressed, so send it without Content-Encoding" : message;
}

Refusal too_large(size_t bytes_max) {
  return {413, "too_large", "the body has more than " + std::to_string(bytes_max) + " bytes; send less at a time"};
}

}  // namespace

std::optional<Refusal> check_encoding(const http::Request& head) {
  if (coding_of(head) != Coding::kUnknown) return std::nullopt;
  return Refusal{415, "unsupported_encoding", "Content-Encoding must be gzip, deflate or absent"};
}

bool is_compressed(const http::Request& head) {
  const Coding coding = coding_of(head);
  return coding == Coding::kGzip || coding == Coding::kDeflate;
}

bool unpack_small(http::Request& request, size_t bytes_max) {
  if (!is_compressed(request)) return true;
  auto plain = unpack(request, bytes_max);
  if (!plain) return true;
  if (!*plain) return false;
  request.body = std::move(**plain);
  std::erase_if(request.headers, [](const auto& header) { return header.first == "content-encoding"; });
  return true;
}

std::optional<Refusal> decode_body(http::Request& request, size_t bytes_max) {
  if (auto refusal = check_encoding(request)) return refusal;
  if (is_compressed(request)) {
    auto plain = unpack(request, bytes_max);
    if (!plain) return Refusal{400, "bad_encoding", unpack_fault(request.body, plain.error().message)};
    if (!*plain) return too_large(bytes_max);
    request.body = std::move(**plain);
  }
  if (request.body.size() > bytes_max) return too_large(bytes_max);
  return std::nullopt;
}

}  // namespace freshet::ingest
