#include "http/request_head.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>

#include "base/text.h"

namespace freshet::http {
namespace {

namespace bhttp = boost::beast::http;

// A proxy sends the whole URL in the request line (RFC 9112, section 3.2.2). Schemes have no case.
void set_target(Request& request, std::string_view target) {
  const auto has_scheme = [&](std::string_view scheme) {
    return lower_case(target.substr(0, scheme.size())) == scheme;
  };
  if (!target.starts_with('/') && (has_scheme("http://") || has_scheme("https://"))) {
    const size_t path = target.find('/', target.find("//") + 2);
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  const size_t question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  request.query = target.substr(std::min(question + 1, target.size()));
}

// A host and perhaps a port (RFC 3986, section 3.2), not looked at more closely.
bool is_host(std::string_view text) {
  static constexpr std::string_view kMarks = "-._~%!$&'()*+,;=:[]";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || kMarks.find(c) != std::string_view::npos;
  });
}

std::string_view fault_of_host(const RequestHead& head) {
  const auto count = head.count(bhttp::field::host);
  if (count > 1) return "there may be one Host header only";
  // HTTP/1.0 had none.
  if (count == 0) return head.version() >= 11 ? "a Host header is required" : "";
  const auto host = head[bhttp::field::host];
  return is_host({host.data(), host.size()}) ? "" : "the Host header must be a host, or host:port";
}

// What we can't delimit, a proxy before us may delimit otherwise, and take a part of this body for the next request
// (request smuggling).
std::string_view fault_of_encoding(const RequestHead& head) {
  const auto count = head.count(bhttp::field::transfer_encoding);
  if (count == 0) return "";
  const bool is_chunked =
      count == 1 && boost::beast::iequals(head[bhttp::field::transfer_encoding], "chunked") && head.version() >= 11;
  if (is_chunked && head.count(bhttp::field::content_length) == 0) return "";
  return "Transfer-Encoding must be chunked, without Content-Length, in HTTP/1.1";
}

}  // namespace

std::string_view fault_of(const RequestHead& head) {
  const std::string_view fault = fault_of_host(head);
  return fault.empty() ? fault_of_encoding(head) : fault;
}

Request to_request(const RequestHead& head, const std::string& remote) {
  Request request;
  const auto method = head.method_string();
  request.method.assign(method.data(), method.size());
  set_target(request, {head.target().data(), head.target().size()});
  request.headers.reserve(12);
  for (const auto& field : head) {
    // Names of headers have no case (RFC 9110, section 5.1); handlers look them up in lower case.
    request.headers.emplace_back(lower_case({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value().data(), field.value().size()));
  }
  request.remote = remote;
  return request;
}

}  // namespace freshet::http
