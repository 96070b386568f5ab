#include <unistd.h>

#include "testing/object_store_conformance.h"

namespace freshet::objectstore {
namespace {

namespace fs = std::filesystem;

// One directory for each test.
std::string directory() {
  return fs::temp_directory_path() / ("freshet-objects-" + std::to_string(getpid()) + "-" +
                                      ::testing::UnitTest::GetInstance()->current_test_info()->name());
}

struct Tidy : ::testing::EmptyTestEventListener {
  void OnTestEnd(const ::testing::TestInfo&) override { fs::remove_all(directory()); }
};
const bool kTidies = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new Tidy);
  return true;
}();

StoreOptions options(const std::string& to) {
  StoreOptions out;
  out.to = to;
  return out;
}

}  // namespace

std::unique_ptr<ObjectStore> open_for_test() {
  (void)kTidies;
  return std::move(*open_store(options("file://" + directory()), env::real_clock(), env::real_random()));
}

TEST(DirectoryStore, LeavesNothingOfWhatFailed) {
  const auto store = open_for_test();
  Pace pace(env::real_clock(), 0);
  const Status put = store->put_file("a", {"/nonexistent", 1, {}}, pace);
  ASSERT_FALSE(put);
  EXPECT_TRUE(store->list("")->empty());
  EXPECT_TRUE(fs::is_empty(directory()));
}

TEST(DirectoryStore, RemovesEmptyFolders) {
  const auto store = open_for_test();
  ASSERT_TRUE(store->put_new("a/b/c", "1"));
  ASSERT_TRUE(store->put_new("a/d", "1"));
  ASSERT_TRUE(store->remove("a/b/c"));
  EXPECT_FALSE(fs::exists(directory() + "/a/b"));
  EXPECT_TRUE(fs::exists(directory() + "/a/d"));
}

TEST(StoreAddress, SaysWhatIsWrong) {
  EXPECT_TRUE(check_address("file:///var/x", ""));
  EXPECT_TRUE(check_address("s3://bucket/a/b", "http://127.0.0.1:9000"));
  EXPECT_TRUE(check_address("s3://bucket", ""));
  for (const auto& [to, endpoint] :
       std::vector<std::pair<std::string, std::string>>{{"/var/x", ""},
                                                        {"file://x", ""},
                                                        {"file:///x", "http://h"},
                                                        {"s3://ab", ""},
                                                        {"s3://bucket//a", ""},
                                                        {"s3://bucket/a b", ""},
                                                        {"s3://bucket", "127.0.0.1:9000"},
                                                        {"s3://bucket", "http://h/path"}}) {
    const Status checked = check_address(to, endpoint);
    ASSERT_FALSE(checked) << to;
    EXPECT_EQ(checked.error().code, Code::kInvalid);
  }
}

TEST(StoreAddress, S3NeedsCredentials) {
  const auto store = open_store(options("s3://bucket"), env::real_clock(), env::real_random());
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("AWS_ACCESS_KEY_ID"), std::string::npos);
}

TEST(StoreAddress, TakesRegionAndCredentialsFromTheEnvironment) {
  StoreOptions out;
  take_from_environment(out, [](const char* name) -> const char* {
    if (std::string_view(name) == "AWS_DEFAULT_REGION") return "r1";
    if (std::string_view(name) == "AWS_REGION") return "";
    if (std::string_view(name) == "HOME") return "/home/somebody";
    if (std::string_view(name) == "AWS_PROFILE") return "lake";
    return std::string_view(name) == "AWS_ACCESS_KEY_ID" ? "id" : nullptr;
  });
  EXPECT_EQ(out.credentials_file.path, "/home/somebody/.aws/credentials");
  EXPECT_EQ(out.credentials_file.profile, "lake");
  EXPECT_EQ(out.region, "r1");
  EXPECT_EQ(out.credentials.access_key_id, "id");
  EXPECT_EQ(out.credentials.secret_access_key, "");
}

TEST(Pace, BoundsBytesPerSecond) {
  struct Slept final : env::Clock {
    env::TimeUs at = 1'000'000;
    env::TimeUs now_us() override { return at; }
    env::TimeUs monotonic_us() override { return at; }
    void sleep_us(env::TimeUs duration) override { at += duration; }
  } clock;
  Pace pace(clock, 1'000'000);
  for (int i = 0; i < 100; ++i) pace.take(100'000);
  // The first and a tenth of a second's worth pass at once.
  EXPECT_GE(clock.at - 1'000'000, 9'700'000);
  EXPECT_LE(clock.at - 1'000'000, 10'000'000);
}

}  // namespace freshet::objectstore
