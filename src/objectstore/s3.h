// The object store on S3 (Amazon's or one that speaks its protocol). Addresses are path-style, and
// every request is signed (objectstore/sigv4.h).
#pragma once

#include <memory>
#include <string>

#include "objectstore/object_store.h"

namespace freshet::objectstore {

// "s3://bucket/prefix" taken apart; the prefix has no slashes at its ends.
struct S3Address {
  std::string bucket, prefix;
};
[[nodiscard]] Result<S3Address> parse_s3_address(const std::string& to);

// Where requests go.
struct S3Endpoint {
  bool tls = true;
  std::string host;  // with its port, as in a Host header
};
// kInvalid: it is no such address. Empty `endpoint` gives Amazon's of the region.
[[nodiscard]] Result<S3Endpoint> parse_endpoint(const std::string& endpoint, const std::string& region);

// kInvalid: there are no credentials. REQUIRES: check_address(options.to, options.endpoint) is ok.
[[nodiscard]] Result<std::unique_ptr<ObjectStore>> make_s3_store(const StoreOptions& options, env::Clock& clock,
                                                                 env::Random& random);

}  // namespace freshet::objectstore
