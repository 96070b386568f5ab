// How a fuzz target's input says which requests come, one after the other: text, so that seeds can be read, mutations
// find the parts, and a dictionary has words for them.
//
//   POST /v1/track?verdicts=1        method and target
//   authorization: Bearer w          headers, until a line that is empty
//
//   {"userId":"u1","event":"E"}      all that follows is the body, up to a line of kNextRequest
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "http/message.h"

namespace freshet {

inline constexpr std::string_view kNextRequest = "\n=====\n";
inline constexpr size_t kFuzzedRequestsMax = 8;

// Takes what stands before `mark` out of `text`, and the mark with it; all, if there is none.
inline std::string_view take_until(std::string_view& text, std::string_view mark) {
  const size_t end = std::min(text.find(mark), text.size());
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(std::min(end + mark.size(), text.size()));
  return out;
}

// One request as the listener would hand it on: names of headers in lower case, target in two parts.
inline http::Request fuzzed_request(std::string_view text) {
  http::Request request;
  std::string_view line = take_until(text, "\n");
  request.method = take_until(line, " ");
  request.path = take_until(line, "?");
  request.query = line;
  while (!text.empty()) {
    line = take_until(text, "\n");
    if (line.empty()) break;
    std::string name(take_until(line, ": "));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
    request.headers.emplace_back(std::move(name), std::string(trim(line)));
  }
  request.body = text;
  request.remote = "192.0.2.1";
  return request;
}

inline std::vector<http::Request> fuzzed_requests(std::string_view input) {
  std::vector<http::Request> out;
  while (!input.empty() && out.size() < kFuzzedRequestsMax)
    out.push_back(fuzzed_request(take_until(input, kNextRequest)));
  return out;
}

// Takes the header out and returns its value; "" if it is absent. For what a target itself reads of a request.
inline std::string take_header(http::Request& request, std::string_view name) {
  const auto at = std::find_if(request.headers.begin(), request.headers.end(),
                               [&](const auto& header) { return header.first == name; });
  if (at == request.headers.end()) return "";
  std::string value = std::move(at->second);
  request.headers.erase(at);
  return value;
}

}  // namespace freshet
