// What the answer of a webhook's receiver means.
#pragma once

#include <string>

#include "http/message.h"
#include "sinks/sink.h"

namespace freshet::sinks {

// One that was done has `done` 1.
//   2xx                      kDone
//   400, 409, 413, 415, 422  kRefused: it is the record
//   500, 501                 kUnsure
//   all else                 kLater: 408, 425, 429, 5xx say so, after Retry-After if there is one; 401, 403, 404 and
//                            redirects are a wrong address or secret, which somebody mends
[[nodiscard]] Outcome outcome_of_answer(const http::Response& response, const std::string& server);

}  // namespace freshet::sinks
