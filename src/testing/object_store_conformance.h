// What every ObjectStore must do, as one suite: tests include this and define open_for_test().
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "env/clock.h"
#include "objectstore/object_store.h"

namespace freshet::objectstore {

// An empty store, and its like again: what two processes would have. Parts of 5 MiB above 6 MiB (S3 allows no smaller
// ones).
[[nodiscard]] std::unique_ptr<ObjectStore> open_for_test();

class ObjectStoreConformance : public ::testing::Test {
 protected:
  void SetUp() override {
    file_ = std::filesystem::temp_directory_path() / ("freshet-object-" + std::to_string(getpid()));
    store_ = open_for_test();
    ASSERT_NE(store_, nullptr);
    prefix_ = std::string("t/") + ::testing::UnitTest::GetInstance()->current_test_info()->name() + "/";
  }
  void TearDown() override { std::filesystem::remove(file_); }

  Status put_file(const std::string& key, const std::string& content) {
    std::ofstream(file_, std::ios::binary) << content;
    return store_->put_file(prefix_ + key, {file_, content.size(), sha256(content)}, pace_);
  }
  Result<std::string> get(const std::string& key) { return get_small(*store_, prefix_ + key, 64u << 20); }
  std::vector<std::string> keys(const std::string& prefix) {
    std::vector<std::string> out;
    const auto listed = store_->list(prefix_ + prefix);
    EXPECT_TRUE(listed);
    for (const Object& object : *listed) out.push_back(object.key.substr(prefix_.size()));
    return out;
  }

  std::string file_, prefix_;
  Pace pace_{env::real_clock(), 0};
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(ObjectStoreConformance, PutNewNeverReplaces) {
  ASSERT_TRUE(store_->put_new(prefix_ + "a", "1"));
  const Status again = store_->put_new(prefix_ + "a", "2");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_EQ(*get("a"), "1");
  EXPECT_FALSE(open_for_test()->put_new(prefix_ + "a", "2"));
}

TEST_F(ObjectStoreConformance, WhatIsNotThere) {
  EXPECT_EQ(get("none").error().code, Code::kNotFound);
  EXPECT_EQ(store_->copy(prefix_ + "none", prefix_ + "b").error().code, Code::kNotFound);
  EXPECT_TRUE(store_->remove(prefix_ + "none"));
  EXPECT_TRUE(keys("").empty());
}

TEST_F(ObjectStoreConformance, FilesSmallAndLarge) {
  std::string large(13u << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 997) large[i] = static_cast<char>(i);
  ASSERT_TRUE(put_file("empty", ""));
  ASSERT_TRUE(put_file("small", "abc"));
  const Status put = put_file("large", large);
  ASSERT_TRUE(put) << put.error().message;
  ASSERT_TRUE(put_file("small", "abc"));  // the same contents again
  EXPECT_EQ(*get("empty"), "");
  EXPECT_EQ(*get("small"), "abc");
  EXPECT_TRUE(*get("large") == large);
  EXPECT_EQ(get_small(*store_, prefix_ + "large", 100).error().code, Code::kCorrupt);
}

TEST_F(ObjectStoreConformance, ListsByPrefixInOrder) {
  for (const char* key : {"b/2", "a/1", "b/10", "ba", "c"}) ASSERT_TRUE(store_->put_new(prefix_ + key, key));
  EXPECT_EQ(keys("b/"), (std::vector<std::string>{"b/10", "b/2"}));
  EXPECT_EQ(keys("b"), (std::vector<std::string>{"b/10", "b/2", "ba"}));
  EXPECT_EQ(keys(""), (std::vector<std::string>{"a/1", "b/10", "b/2", "ba", "c"}));
  EXPECT_EQ(store_->list(prefix_ + "b/10")->at(0).bytes, 4u);
}

TEST_F(ObjectStoreConformance, ListsManyPages) {
  for (int i = 0; i < 1100; ++i) ASSERT_TRUE(store_->put_new(prefix_ + std::to_string(10'000 + i), ""));
  EXPECT_EQ(keys("").size(), 1100u);
}

TEST_F(ObjectStoreConformance, CopiesStandAlone) {
  ASSERT_TRUE(put_file("f/one", "content"));
  ASSERT_TRUE(store_->copy(prefix_ + "f/one", prefix_ + "g/two"));
  ASSERT_TRUE(store_->copy(prefix_ + "f/one", prefix_ + "g/two"));
  ASSERT_TRUE(store_->remove(prefix_ + "f/one"));
  EXPECT_EQ(get("f/one").error().code, Code::kNotFound);
  EXPECT_EQ(*get("g/two"), "content");
  ASSERT_TRUE(put_file("f/one", "back"));  // its folder was gone
}

TEST_F(ObjectStoreConformance, ASinkMayEndIt) {
  ASSERT_TRUE(put_file("a", "abc"));
  const Status got =
      store_->get(prefix_ + "a", pace_, [](std::string_view) -> Status { return fail(Code::kFatal, "enough"); });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kFatal);
}

TEST_F(ObjectStoreConformance, CancelEndsIt) {
  ASSERT_TRUE(put_file("a", "abc"));
  store_->cancel();
  EXPECT_EQ(get("a").error().code, Code::kRetry);
}

}  // namespace freshet::objectstore
