// Signature Version 4 of requests to S3, in the Authorization header with a hashed payload.
// Source: AWS, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk".
// Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "env/clock.h"
#include "objectstore/object_store.h"

namespace freshet::objectstore {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct S3Request {
  std::string method;
  std::string path;      // "/bucket/key", not encoded
  Fields query;          // not encoded
  Fields headers;        // names in lower case; "host" is one of them
  Digest body_sha256{};  // of what is sent, also of nothing
};

// Everything but A-Z a-z 0-9 - . _ ~ as %XX; '/' too unless `path`.
[[nodiscard]] std::string uri_encode(std::string_view text, bool path);
// "a=1&b=", sorted by name, encoded.
[[nodiscard]] std::string query_of(const Fields& query);
// Adds x-amz-date, x-amz-content-sha256, x-amz-security-token and authorization to its headers.
void sign(S3Request& request, const Credentials& credentials, std::string_view region, env::TimeUs now_us);

}  // namespace freshet::objectstore
