// Signature Version 4 of requests to S3, in the Authorization header with a hashed payload. Source:
// AWS, "Signature Calculations for the Authorization Header: Transferring Payload in a Single
// Chunk". All functions are pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "env/clock.h"
#include "objectstore/object_store.h"

namespace freshet::objectstore {

using Fields = std::vector<std::pair<std::string, std::string>>;

// A request before it is sent.
struct S3Request {
  std::string method;
  std::string path;      // "/bucket/key", not encoded
  Fields query;          // not encoded
  Fields headers;        // names in lower case; "host" is one of them
  Digest body_sha256{};  // of the body, also of an empty one
};

// The query as it is sent and signed: "a=1&b=", sorted by name, encoded.
[[nodiscard]] std::string query_of(const Fields& query);
// Adds x-amz-date, x-amz-content-sha256, x-amz-security-token and authorization to the request's
// headers. REQUIRES: it has a "host" and was not signed before.
void sign(S3Request& request, const Credentials& credentials, std::string_view region, env::TimeUs now_us);

}  // namespace freshet::objectstore
