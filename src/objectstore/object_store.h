// Named, immutable objects: where checkpoints go. Two implementations: a directory (file:///…) and
// S3 (s3://bucket/prefix).
//
// Keys are paths of [A-Za-z0-9._-] with single slashes. An object is there whole or not at all, and
// durable when the call that made it returns. All calls are thread-safe and block. They wait out
// short outages by themselves (on S3 with some attempts over seconds) and then answer kRetry.
// kInvalid means that credentials, bucket or address are wrong: nothing will work until that is
// mended.
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

// An object as a list shows it.
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

// Takes an object's bytes in order. An error of its own ends the call and is the call's answer.
using Sink = std::function<Status(std::string_view)>;

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  // Makes an object. kConflict: there is one of this key already, which stays as it is.
  [[nodiscard]] virtual Status put_new(const std::string& key, std::string_view content) = 0;
  // Stores a file where equal keys mean equal contents, so one that is there already is as good. It
  // takes its bytes off `pace`.
  [[nodiscard]] virtual Status put_file(const std::string& key, const LocalFile& file, Pace& pace) = 0;
  // Copies an object within the store, without its bytes passing through here. kNotFound: there is
  // no `from`.
  [[nodiscard]] virtual Status copy(const std::string& from, const std::string& to) = 0;
  // Hands an object's bytes to `sink`. kNotFound: there is no such object.
  [[nodiscard]] virtual Status get(const std::string& key, Pace& pace, const Sink& sink) = 0;
  // Lists all objects whose keys begin with `prefix`, ascending by key.
  [[nodiscard]] virtual Result<std::vector<Object>> list(const std::string& prefix) = 0;
  // Removes an object; it is no error if there is none.
  [[nodiscard]] virtual Status remove(const std::string& key) = 0;
  // Calls under way and all later ones end soon, with kRetry.
  virtual void cancel() = 0;
  // The address for people: "s3://bucket/prefix".
  [[nodiscard]] virtual const std::string& where() const = 0;
};

// Reads a small object at once; more than `bytes_max` is kCorrupt.
[[nodiscard]] Result<std::string> get_small(ObjectStore& store, const std::string& key, size_t bytes_max);

// These are never logged.
struct Credentials {
  std::string access_key_id, secret_access_key, session_token;
  bool operator==(const Credentials&) const = default;
};

// A file of AWS's tools that has some, by profile.
struct CredentialsFile {
  std::string path;
  std::string profile = "default";
};

// Where a store is, and how it is asked.
struct StoreOptions {
  std::string to;        // file:///directory, or s3://bucket[/prefix]
  std::string endpoint;  // S3: http[s]://host[:port], path-style; empty means Amazon's of the region
  std::string region = "us-east-1";
  Credentials credentials;
  // Where they are read if `credentials` has no key, and again when they are refused: they may have expired, and
  // somebody has put new ones there.
  CredentialsFile credentials_file;
  uint32_t attempts = 5;                  // S3: of each request, at least 1
  env::TimeUs backoff_us = 200'000;       // before the second one; then twice as long each time
  uint64_t part_bytes = 16u << 20;        // S3: larger files go in parts of this size
  uint64_t single_bytes_max = 64u << 20;  // S3: a larger file goes in parts
};

// kInvalid: it is no such address. It does not connect.
[[nodiscard]] Status check_address(const std::string& to, const std::string& endpoint);
// Opens the store. The clock and the random source outlive it.
[[nodiscard]] Result<std::unique_ptr<ObjectStore>> open_store(const StoreOptions& options, env::Clock& clock,
                                                              env::Random& random);
// Takes region and credentials as AWS's tools take them: AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; AWS_SHARED_CREDENTIALS_FILE (or ~/.aws/credentials) and AWS_PROFILE.
void take_from_environment(StoreOptions& options, const std::function<const char*(const char*)>& variable);

}  // namespace freshet::objectstore
