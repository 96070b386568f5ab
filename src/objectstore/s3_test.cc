#include "objectstore/s3.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "testing/socket.h"

namespace freshet::objectstore {
namespace {

// A server of lists, and how often it was asked.
struct S3Lists : ::testing::Test {
  Result<std::vector<Object>> list(const std::function<std::string(const std::string& query)>& page) {
    auto server =
        http::Server::start(http::test_options(), [&](const http::Request& request, const http::Respond& respond) {
          http::Response response;
          response.status = ++asked <= kAskedMost ? 200 : 400;
          response.body = page(request.query);
          respond(std::move(response));
        });
    if (!server) return tl::unexpected(server.error());
    StoreOptions options;
    options.to = "s3://bucket";
    options.endpoint = "http://127.0.0.1:" + std::to_string((*server)->port());
    options.credentials = {"A", "s", ""};
    FRESHET_ASSIGN(const auto store, open_store(options, env::real_clock(), env::real_random()));
    return store->list("");
  }
  static std::string page_of(const std::string& key, const std::string& next) {
    return "<ListBucketResult><IsTruncated>" + std::string(next.empty() ? "false" : "true") + "</IsTruncated>" +
           "<NextContinuationToken>" + next + "</NextContinuationToken><Contents><Key>" + key +
           "</Key><Size>1</Size></Contents></ListBucketResult>";
  }
  static constexpr int kAskedMost = 20;
  std::atomic<int> asked = 0;
};

TEST_F(S3Lists, GoOnToTheirEnd) {
  const auto all = list([](const std::string& query) {
    const bool first = query.find("continuation-token") == std::string::npos;
    return first ? page_of("b", "t") : page_of("a", "");
  });
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].key, "a");
}

TEST_F(S3Lists, ThatDoNotGoOnAreRefused) {
  const auto all = list([](const std::string&) { return page_of("a", "t"); });
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().code, Code::kCorrupt) << all.error().message;
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace freshet::objectstore
