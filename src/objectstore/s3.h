// The object store on S3 (Amazon's or one that speaks its protocol), path-style, every request signed
// (objectstore/sigv4.h).
#pragma once

#include <memory>
#include <string>

#include "objectstore/object_store.h"

namespace freshet::objectstore {

// "s3://bucket/prefix" taken apart; the prefix without slashes at its ends.
struct S3Address {
  std::string bucket, prefix;
};
[[nodiscard]] Result<S3Address> parse_s3_address(const std::string& to);

struct S3Endpoint {
  bool tls = true;
  std::string host;  // with its port, as in a Host header
};
[[nodiscard]] Result<S3Endpoint> parse_endpoint(const std::string& endpoint, const std::string& region);

// REQUIRES: check_address(options.to, options.endpoint).
[[nodiscard]] std::unique_ptr<ObjectStore> make_s3_store(const StoreOptions& options, env::Clock& clock,
                                                         env::Random& random);

}  // namespace freshet::objectstore
