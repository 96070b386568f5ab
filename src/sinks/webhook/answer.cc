#include "sinks/webhook/answer.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/number.h"

namespace freshet::sinks {
namespace {

constexpr int64_t kRetryAfterSecondsMax = 300;

env::TimeUs retry_after(const http::Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name != "retry-after") continue;
    if (const auto seconds = to_number<int64_t>(value))
      return std::clamp<int64_t>(*seconds, 0, kRetryAfterSecondsMax) * 1'000'000;
  }
  return 0;
}

}  // namespace

Outcome outcome_of_answer(const http::Response& response, const std::string& server) {
  using What = Outcome::What;
  if (response.status >= 200 && response.status < 300) return {What::kDone, 1, "", 0};
  Outcome out{What::kLater, 0, fmt::format("{} answered {}", server, response.status), retry_after(response)};
  switch (response.status) {
    case 400:
    case 409:
    case 413:
    case 415:
    case 422: out.what = What::kRefused; break;
    case 500:
    case 501: out.what = What::kUnsure; break;
    default: break;
  }
  return out;
}

}  // namespace freshet::sinks
