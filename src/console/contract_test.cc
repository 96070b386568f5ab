// Every address with every method, token and everything odd that can be thought of, one thing at a time: whatever is
// asked, the answer is one that docs/api/admin.yaml describes, also while the log and the profile store fail. What
// nobody has thought of the fuzz target finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/admin_contract.h"

namespace freshet::console {
namespace {

struct OddRequest {
  std::string tenant = "acme";
  std::string argument = "x";  // in the place of the other parts in braces
  std::string query = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
};

const std::vector<std::string> kOddQueries = {"%",         "limit=0",   "limit=1",       "limit=999999",
                                              "limit=x",   "wait=x",    "after=x",       "after=begin",
                                              "after=0.0", "after=%00", "after=9.9",     "place=1&after=0.0&limit=1",
                                              "code=x",    "x=%ff",     "message_id=%zz"};
const std::vector<std::vector<std::pair<std::string, std::string>>> kOddHeaders = {
    {{"origin", "https://elsewhere.example"}},
    {{"accept", "text/event-stream"}},
    {{"accept", "application/openmetrics-text"}},
    {{"last-event-id", "x"}},
    {{"last-event-id", "0.0"}},
    {{"content-encoding", "br"}},
};
const std::vector<std::string> kOddBodies = {
    "{}",
    "[",
    "\xff",
    "wrong",
    "taken",
    "server_keys: [k]",
    std::string(5000, 'x'),
    R"({"user_id":"u1"})",
    R"({"user_id":["u1"]})",
    R"({"email":"ann"})",
    R"({"user_id":""})",
    R"({"ids":["id1","x"]})",
    R"({"code":"bad_time"})",
    R"({"code":"bad_time","after":"x"})",
    R"({"level":"loud"})",
    R"({"message_id":"m","user":{"user_id":"u1"}})",
    R"({"message_id":"m","device":{}})",
    R"({"into":{"user_id":"u1"},"from":{"email":"a@b.c"}})",
    R"({"into":{"user_id":"u1"},"from":{"user_id":"u1"}})",
    R"({"from":{"user_id":"u1"},"identifier":{"email":"a@b.c"}})",
    R"({"from":{"user_id":"u1"},"identifier":{"user_id":"u2"}})",
};

std::vector<OddRequest> all_odd_requests() {
  std::vector<OddRequest> out(1);
  for (const char* const tenant : {"other", "none", "%zz", "%ff", "%00"}) out.push_back({.tenant = tenant});
  for (const char* const argument :
       {"user_id", "u1", "id1", "E", "null", "%ff", "%zz", "console.js", "0123456789abcdef0123456789abcdef"})
    out.push_back({.argument = argument});
  for (const std::string& query : kOddQueries) out.push_back({.query = query});
  for (const auto& headers : kOddHeaders) out.push_back({.headers = headers});
  for (const std::string& body : kOddBodies) out.push_back({.argument = "id1", .body = body});
  return out;
}

std::string with_arguments(std::string_view pattern, const OddRequest& odd) {
  std::string out;
  while (!pattern.empty()) {
    const size_t brace = std::min(pattern.find('{'), pattern.size());
    out += pattern.substr(0, brace);
    const size_t end = std::min(pattern.find('}', brace), pattern.size());
    if (brace < pattern.size()) out += pattern.substr(brace, end - brace) == "{tenant" ? odd.tenant : odd.argument;
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return out;
}

const std::vector<std::string> kTokens = {"Bearer r", "Bearer o", "Bearer e", "Bearer x", ""};
const std::vector<std::string> kAskedMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X"};

// All that an address can be asked, of one console, which is gone before the answers are looked at.
void ask_all_of(const std::string& path, const std::optional<Error>& refusal, const std::vector<OddRequest>& requests) {
  std::deque<contract::Asked> asked;
  {
    contract::Console console(refusal);
    for (const std::string& method : kAskedMethods) {
      for (const std::string& token : kTokens) {
        for (const OddRequest& odd : requests) {
          http::Request request;
          request.method = method;
          request.path = with_arguments(path, odd);
          request.query = odd.query;
          request.headers = odd.headers;
          if (!token.empty()) request.headers.emplace_back("authorization", token);
          request.body = odd.body;
          request.remote = "192.0.2.1";
          contract::ask(*console.admin, std::move(request), asked.emplace_back());
        }
      }
    }
  }
  for (const contract::Asked& one : asked)
    ASSERT_EQ(contract::fault_of(one), "") << one.head.header("authorization") << " ?" << one.head.query;
}

std::vector<std::string> all_patterns() {
  std::vector<std::string> out = {"", "*", "//healthz", "/nothing", "/v1/tenants/{tenant}/", "/v1/tenants//users"};
  for (const http::Operation& operation : Admin::operations())
    if (std::find(out.begin(), out.end(), operation.path) == out.end()) out.emplace_back(operation.path);
  return out;
}

TEST(AdminContract, EveryAnswerIsDescribed) {
  const std::vector<OddRequest> requests = all_odd_requests();
  for (const std::string& path : all_patterns()) ask_all_of(path, std::nullopt, requests);
}

TEST(AdminContract, SoAreThoseOfALogOrStoreThatFails) {
  const std::vector<OddRequest> requests = {
      {},
      {.argument = "E"},
      {.argument = "id1", .body = "changed"},
      {.body = R"({"user_id":"u1"})"},
      {.body = R"({"code":"bad_time"})"},
      {.body = R"({"message_id":"m","user":{"user_id":"u1"}})"},
      {.body = R"({"into":{"user_id":"u1"},"from":{"email":"a@b.c"}})"},
      {.body = R"({"from":{"user_id":"u1"},"identifier":{"email":"a@b.c"}})"},
  };
  for (const Code code : {Code::kInvalid, Code::kRetry, Code::kFatal, Code::kCorrupt})
    for (const std::string& path : all_patterns()) ask_all_of(path, Error{code, "as the test has it"}, requests);
}

}  // namespace
}  // namespace freshet::console
