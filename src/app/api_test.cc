// docs/api/ describes what the listeners do, and they do nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "console/admin.h"
#include "console/page.h"
#include "ingest/sources.h"
#include "testing/project_path.h"
#include "yaml/node.h"

namespace freshet::app {
namespace {

constexpr const char* kIngestFile = "docs/api/ingest.yaml";
constexpr const char* kAdminFile = "docs/api/admin.yaml";

std::string read_project_file(const std::string& path) {
  std::ifstream file(project_path(path), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

// "GET /v1/x", and the statuses that it may be answered with.
std::map<std::string, std::vector<std::string>> answers_described(const std::string& path) {
  yaml::Problems problems(path);
  const auto document = yaml::parse(read_project_file(path), {}, problems);
  EXPECT_TRUE(document && problems.empty()) << problems.text();
  std::map<std::string, std::vector<std::string>> out;
  const yaml::Node* const paths = document ? document->find("paths") : nullptr;
  if (paths == nullptr) return out;
  for (size_t i = 0; i < paths->keys.size(); ++i) {
    const yaml::Node& operations = paths->items[i];
    for (size_t j = 0; j < operations.keys.size(); ++j) {
      std::string method = operations.keys[j].text;
      if (method == "parameters") continue;
      std::transform(method.begin(), method.end(), method.begin(), [](char c) { return static_cast<char>(c & ~0x20); });
      std::vector<std::string>& statuses = out[method + " " + paths->keys[i].text];
      if (const yaml::Node* const responses = operations.items[j].find("responses"); responses != nullptr)
        for (const yaml::Node& status : responses->keys) statuses.push_back(status.text);
    }
  }
  return out;
}

// Sorted.
std::vector<std::string> described(const std::string& path) {
  std::vector<std::string> out;
  for (const auto& [operation, statuses] : answers_described(path)) out.push_back(operation);
  return out;
}

template <class Rows>
std::vector<std::string> served(const Rows& rows) {
  std::vector<std::string> out;
  for (const auto& row : rows) out.push_back(std::string(row.method) + " " + std::string(row.path));
  std::sort(out.begin(), out.end());
  return out;
}

TEST(Api, IngestServesWhatItsDescriptionSays) { EXPECT_EQ(served(ingest::routes()), described(kIngestFile)); }

TEST(Api, AdminServesWhatItsDescriptionSays) { EXPECT_EQ(served(console::Admin::operations()), described(kAdminFile)); }

// Before a listener has said a word: what is not HTTP/1.1, too slow, too large, too much (http/connection.cc).
TEST(Api, EveryAddressSaysWhatTheHttpServerRefuses) {
  for (const char* const file : {kIngestFile, kAdminFile})
    for (const auto& [operation, statuses] : answers_described(file))
      EXPECT_THAT(statuses, ::testing::IsSupersetOf({"400", "408", "413", "431", "503"})) << operation;
}

TEST(Api, TheDescriptionsInTheBinaryAreTheFiles) {
  EXPECT_EQ(console::kIngestYaml, read_project_file(kIngestFile));
  EXPECT_EQ(console::kAdminYaml, read_project_file(kAdminFile));
}

}  // namespace
}  // namespace freshet::app
