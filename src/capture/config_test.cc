#include "capture/config.h"

#include <gtest/gtest.h>

namespace freshet::capture {
namespace {

std::optional<Config> parsed(const std::string& text, std::string* problems = nullptr) {
  yaml::Problems found("capture.yaml");
  auto config = parse_config(text, {}, found);
  if (problems != nullptr) *problems = found.text();
  return config;
}

constexpr const char* kTarget = "name: shop\ntarget: {brokers: 'b:1'}\n";

TEST(CaptureConfig, ReadsWhatItSays) {
  const auto config = parsed(std::string(kTarget) +
                             "source: {uri: 'mongodb://h/', database: shop, collections: ['*'], read: oplog}\n"
                             "topic: 'db.*.changes'\ndeletes: tombstone\ncommit_every: 20ms\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->prefix, "freshet.capture.shop");
  EXPECT_EQ(config->source.source, docstore::ChangeSource::kOplog);
  EXPECT_EQ(config->deletes, Deletes::kTombstone);
  EXPECT_EQ(topic_of(*config, "orders"), "db.orders.changes");
  EXPECT_EQ(topic_of(*config, "a b\xc3\xa4"), "db.a_20b_c3_a4.changes");
  EXPECT_EQ(position_topic(*config), "freshet.capture.shop.position");
}

TEST(CaptureConfig, SaysWhatIsWrong) {
  std::string problems;
  EXPECT_FALSE(
      parsed(std::string(kTarget) + "source: {uri: u, database: d, collections: [a, b]}\ntopic: t\n", &problems));
  EXPECT_NE(problems.find("must have a `*`"), std::string::npos) << problems;
  EXPECT_FALSE(
      parsed(std::string(kTarget) + "source: {uri: u, database: 'a b', collections: [a]}\ntopic: t\n", &problems));
  EXPECT_NE(problems.find("database"), std::string::npos) << problems;
  EXPECT_FALSE(parsed(std::string(kTarget) + "source: {uri: u, database: d, colections: [a]}\ntopic: t\n", &problems));
  EXPECT_NE(problems.find("did you mean"), std::string::npos) << problems;
}

}  // namespace
}  // namespace freshet::capture
