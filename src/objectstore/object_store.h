// Named, immutable objects: where checkpoints go. Two implementations: a directory (file:///…) and S3
// (s3://bucket/prefix).
//
// Keys are paths of [A-Za-z0-9._-] with single slashes. An object is there whole or not at all, and durable when the
// call that made it returns. All calls are thread-safe and block; they wait out short outages by themselves (S3: some
// attempts over seconds) and then answer kRetry. kInvalid: credentials, bucket or address are wrong: nothing will work
// until that is mended.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/clock.h"
#include "objectstore/pace.h"
#include "objectstore/sha256.h"

namespace freshet::objectstore {

struct Object {
  std::string key;
  uint64_t bytes = 0;
};

// A file to be stored, and what is in it.
struct LocalFile {
  std::string path;
  uint64_t bytes = 0;
  Digest sha256{};
};

// Takes an object's bytes in order; an error of its own ends the call and is its answer.
using Sink = std::function<Status(std::string_view)>;

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  // kConflict: there is one of this key already, which stays as it is.
  [[nodiscard]] virtual Status put_new(const std::string& key, std::string_view content) = 0;
  // Where equal keys mean equal contents: one that is there already is as good. Takes its bytes off `pace`.
  [[nodiscard]] virtual Status put_file(const std::string& key, const LocalFile& file, Pace& pace) = 0;
  // Without its bytes passing through here. kNotFound: there is no `from`.
  [[nodiscard]] virtual Status copy(const std::string& from, const std::string& to) = 0;
  // kNotFound: there is none.
  [[nodiscard]] virtual Status get(const std::string& key, Pace& pace, const Sink& sink) = 0;
  // All whose keys begin with `prefix`, ascending by key.
  [[nodiscard]] virtual Result<std::vector<Object>> list(const std::string& prefix) = 0;
  // Nothing if there is none.
  [[nodiscard]] virtual Status remove(const std::string& key) = 0;
  // Calls under way and all later ones end with kRetry, soon.
  virtual void cancel() = 0;
  // For people: "s3://bucket/prefix".
  [[nodiscard]] virtual const std::string& where() const = 0;
};

// A small object at once; more than `bytes_max` is kCorrupt.
[[nodiscard]] Result<std::string> get_small(ObjectStore& store, const std::string& key, size_t bytes_max);

// Never logged.
struct Credentials {
  std::string access_key_id, secret_access_key, session_token;
};

struct StoreOptions {
  std::string to;        // file:///directory, or s3://bucket[/prefix]
  std::string endpoint;  // S3: http[s]://host[:port], path-style; empty: Amazon's of the region
  std::string region = "us-east-1";
  Credentials credentials;
  uint32_t attempts = 5;                  // S3: of each request
  env::TimeUs backoff_us = 200'000;       // before the second one; then twice as long each time
  uint64_t part_bytes = 16u << 20;        // S3: larger files go in parts of this size
  uint64_t single_bytes_max = 64u << 20;  // S3: above, a file goes in parts
};

// kInvalid: not such an address. Does not connect.
[[nodiscard]] Status check_address(const std::string& to, const std::string& endpoint);
[[nodiscard]] Result<std::unique_ptr<ObjectStore>> open_store(const StoreOptions& options, env::Clock& clock,
                                                              env::Random& random);
// Region and credentials as AWS's tools take them: AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
void take_from_environment(StoreOptions& options, const std::function<const char*(const char*)>& variable);

}  // namespace freshet::objectstore
