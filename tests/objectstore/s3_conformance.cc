// The suite of ObjectStore on S3, which must run at FRESHET_S3_ENDPOINT with the bucket FRESHET_S3_BUCKET; credentials
// in the environment. tests/integration/test_checkpoints.py runs it.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "testing/object_store_conformance.h"

namespace freshet::objectstore {
namespace {

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

StoreOptions options(const std::string& bucket) {
  StoreOptions out;
  out.to = "s3://" + bucket + "/suite-" + std::to_string(getpid());
  out.endpoint = variable("FRESHET_S3_ENDPOINT", "http://127.0.0.1:9000");
  take_from_environment(out, [](const char* name) -> const char* { return std::getenv(name); });
  out.part_bytes = 5u << 20;
  out.single_bytes_max = 6u << 20;
  out.backoff_us = 50'000;
  out.attempts = 8;
  return out;
}

std::unique_ptr<ObjectStore> open(const StoreOptions& of) {
  auto store = open_store(of, env::real_clock(), env::real_random());
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

TEST(S3, AMissingBucketSaysWhatToDo) {
  const auto listed = open(options("no-such-bucket-here"))->list("");
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Code::kInvalid);
  EXPECT_NE(listed.error().message.find("make the bucket first"), std::string::npos) << listed.error().message;
}

TEST(S3, NobodyThere) {
  StoreOptions nobody = options("bucket");
  nobody.endpoint = "http://127.0.0.1:1";
  nobody.attempts = 2;
  const auto listed = open(nobody)->list("");
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Code::kRetry);
}

// Where the server checks: moto does not (FRESHET_S3_CHECKS says that this one does).
TEST(S3, AWrongSecretIsRefused) {
  if (variable("FRESHET_S3_CHECKS", "").empty()) GTEST_SKIP() << "this server takes any secret";
  StoreOptions wrong = options(variable("FRESHET_S3_BUCKET", "freshet"));
  wrong.credentials.secret_access_key += "x";
  const Status put = open(wrong)->put_new("k", "v");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kInvalid);
  EXPECT_EQ(put.error().message.find(wrong.credentials.secret_access_key), std::string::npos);
  EXPECT_NE(put.error().message.find("AWS_SECRET_ACCESS_KEY"), std::string::npos) << put.error().message;
}

// A session is over, and somebody has put the next one into the file: the store that is open goes on with it.
TEST(S3, CredentialsAreReadAgain) {
  if (variable("FRESHET_S3_CHECKS", "").empty()) GTEST_SKIP() << "this server takes any secret";
  StoreOptions from_file = options(variable("FRESHET_S3_BUCKET", "freshet"));
  const Credentials right = std::exchange(from_file.credentials, {});
  from_file.credentials_file.path = "/tmp/freshet-s3-credentials-" + std::to_string(getpid());
  const auto write = [&](const std::string& secret) {
    std::ofstream(from_file.credentials_file.path)
        << "[default]\naws_access_key_id = " << right.access_key_id << "\naws_secret_access_key = " << secret << "\n";
  };
  write("expired");
  const auto store = open(from_file);
  EXPECT_EQ(store->put_new("again", "v").error().code, Code::kInvalid);
  write(right.secret_access_key);
  EXPECT_TRUE(store->put_new("again", "v"));
  std::remove(from_file.credentials_file.path.c_str());
}

}  // namespace

std::unique_ptr<ObjectStore> open_for_test() { return open(options(variable("FRESHET_S3_BUCKET", "freshet"))); }

}  // namespace freshet::objectstore
