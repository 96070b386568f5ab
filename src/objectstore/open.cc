// Opens the object store that an address names.

#include <fmt/core.h>

#include "objectstore/credentials.h"
#include "objectstore/directory.h"
#include "objectstore/object_store.h"
#include "objectstore/s3.h"

namespace freshet::objectstore {
namespace {

constexpr std::string_view kFile = "file://";

bool is_file(const std::string& to) { return to.starts_with(kFile); }

}  // namespace

Status check_address(const std::string& to, const std::string& endpoint) {
  if (is_file(to)) {
    if (!to.substr(kFile.size()).starts_with('/'))
      return fail(Code::kInvalid, "must be file:///absolute/path or s3://bucket/prefix");
    if (!endpoint.empty()) return fail(Code::kInvalid, "an endpoint is for s3://bucket/prefix only");
    return {};
  }
  if (!to.starts_with("s3://")) return fail(Code::kInvalid, "must be file:///absolute/path or s3://bucket/prefix");
  if (auto address = parse_s3_address(to); !address) return tl::unexpected(std::move(address).error());
  if (auto parsed = parse_endpoint(endpoint, "us-east-1"); !parsed)
    return fail(Code::kInvalid, "endpoint: " + parsed.error().message);
  return {};
}

Result<std::unique_ptr<ObjectStore>> open_store(const StoreOptions& options, env::Clock& clock, env::Random& random) {
  FRESHET_TRY(check_address(options.to, options.endpoint));
  if (is_file(options.to)) return open_directory_store(options.to.substr(kFile.size()), options.to, clock, random);
  return make_s3_store(options, clock, random);
}

void take_from_environment(StoreOptions& options, const std::function<const char*(const char*)>& variable) {
  const auto take = [&](const char* name, std::string& out) {
    if (const char* value = variable(name); value != nullptr && *value != '\0') out = value;
  };
  take("AWS_DEFAULT_REGION", options.region);
  // AWS_REGION is read second, so that it wins where both are set, as in AWS's tools.
  take("AWS_REGION", options.region);
  take("AWS_ACCESS_KEY_ID", options.credentials.access_key_id);
  take("AWS_SECRET_ACCESS_KEY", options.credentials.secret_access_key);
  take("AWS_SESSION_TOKEN", options.credentials.session_token);
  std::string home;
  take("HOME", home);
  if (!home.empty()) options.credentials_file.path = home + "/.aws/credentials";
  take("AWS_SHARED_CREDENTIALS_FILE", options.credentials_file.path);
  take("AWS_PROFILE", options.credentials_file.profile);
}

Result<std::string> get_small(ObjectStore& store, const std::string& key, size_t bytes_max) {
  std::string out;
  Pace unbounded(env::real_clock(), 0);
  FRESHET_TRY(store.get(key, unbounded, [&](std::string_view part) -> Status {
    // A bound before the bytes are kept: the object may be anybody's.
    if (out.size() + part.size() > bytes_max)
      return fail(Code::kCorrupt, fmt::format("{}: {} has more than {} bytes", store.where(), key, bytes_max));
    out += part;
    return {};
  }));
  return out;
}

}  // namespace freshet::objectstore
