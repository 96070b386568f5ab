#include "common/body.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <set>
#include <string>

namespace freshet::bench {
namespace {

constexpr env::TimeUs kTime = 1'709'210'096'789'000;  // 2024-02-29T12:34:56.789Z

TEST(Body, IsABatchOfTheAskedSizeAndMix) {
  auto body = Body::make({.batch = 100, .event_bytes = 500, .identify_share = 0.2, .seed = 5});
  ASSERT_TRUE(body) << body.error().message;
  body->set_time(kTime);
  for (size_t i = 0; i < body->items(); ++i) {
    body->set_user(i, 1000 + i);
    body->set_message_id(i, "0123456789ab", 0xfedc00 + i);
  }
  simdjson::dom::parser parser;
  simdjson::dom::element root = parser.parse(body->text());
  EXPECT_EQ(std::string_view(root["sentAt"]), "2024-02-29T12:34:56.789Z");
  std::set<std::string> ids;
  size_t identifies = 0;
  size_t index = 0;
  for (simdjson::dom::element item : root["batch"].get_array()) {
    const auto user = "u00000" + std::to_string(1000 + index++);
    EXPECT_EQ(std::string_view(item["userId"]), user);
    EXPECT_EQ(std::string_view(item["timestamp"]), "2024-02-29T12:34:56.789Z");
    ids.insert(std::string(std::string_view(item["messageId"])));
    EXPECT_NEAR(static_cast<double>(simdjson::minify(item).size()), 500, 12);
    if (std::string_view(item["type"]) != "identify") continue;
    ++identifies;
    EXPECT_EQ(std::string_view(item["traits"]["email"]), user + "@example.com");
  }
  EXPECT_EQ(index, 100u);
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(*ids.begin(), "0123456789ab-0000000000fedc00");
  EXPECT_GT(identifies, 8u);
  EXPECT_LT(identifies, 35u);
}

TEST(Body, ShareOfIdentifiesCanBeNoneOrAll) {
  for (const double share : {0.0, 1.0}) {
    auto body = Body::make({.batch = 50, .event_bytes = 600, .identify_share = share, .seed = 1});
    ASSERT_TRUE(body);
    EXPECT_EQ(body->text().find("identify") == std::string::npos, share == 0.0);
    EXPECT_EQ(body->text().find("track") == std::string::npos, share == 1.0);
  }
}

TEST(Body, MergesArePairs) {
  auto body = Body::make({.batch = 100, .event_bytes = 500, .identify_share = 0, .merge_share = 0.1, .seed = 1});
  ASSERT_TRUE(body);
  for (size_t i = 0; i < body->items(); ++i) {
    body->set_user(i, 7);
    body->set_message_id(i, "0123456789ab", i);
  }
  simdjson::dom::parser parser;
  std::set<std::string> waiting;
  size_t merges = 0, items = 0;
  for (simdjson::dom::element item : simdjson::dom::element(parser.parse(body->text()))["batch"].get_array()) {
    ++items;
    std::string_view anonymous;
    if (item["anonymousId"].get(anonymous) != simdjson::SUCCESS) continue;
    if (item["userId"].error() != simdjson::SUCCESS) {
      EXPECT_TRUE(waiting.emplace(anonymous).second);
    } else {
      EXPECT_EQ(waiting.erase(std::string(anonymous)), 1u);
      ++merges;
    }
  }
  EXPECT_EQ(items, 100u);
  EXPECT_TRUE(waiting.empty());
  EXPECT_GT(merges, 3u);
}

TEST(Body, TimesOfLeapAndCommonYears) {
  auto body = Body::make({.batch = 1, .event_bytes = 500, .identify_share = 0, .seed = 1});
  ASSERT_TRUE(body);
  const auto sent_at = [&](env::TimeUs time) {
    body->set_time(time);
    return body->text().substr(body->text().size() - 26, 24);
  };
  EXPECT_EQ(sent_at(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(sent_at(951'782'400'000'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(sent_at(1'767'225'599'999'999), "2025-12-31T23:59:59.999Z");
  EXPECT_EQ(sent_at(4'107'542'400'000'000), "2100-03-01T00:00:00.000Z");
}

TEST(Body, RefusesWhatCannotBe) {
  EXPECT_FALSE(Body::make({.batch = 0, .event_bytes = 500, .identify_share = 0, .seed = 1}));
  EXPECT_FALSE(Body::make({.batch = 1, .event_bytes = 100, .identify_share = 0, .seed = 1}));
  EXPECT_FALSE(Body::make({.batch = 2000, .event_bytes = 500, .identify_share = 0, .seed = 1}));
}

}  // namespace
}  // namespace freshet::bench
