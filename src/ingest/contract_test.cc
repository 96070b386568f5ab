// Every address with every method and everything odd that can be thought of, one thing at a time: whatever is asked,
// the answer is one that docs/api/ingest.yaml describes. What nobody has thought of the fuzz target finds.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/ingest_contract.h"

namespace freshet::ingest {
namespace {

using AskedHeaders = std::vector<std::pair<std::string, std::string>>;

// What one request has of all that may be odd about it.
struct Asking {
  std::string argument = "x";  // in the place of what stands in braces
  std::string query = {};
  AskedHeaders headers = {};
  std::string body = {};
};

const std::vector<std::string> kArguments = {"a", "w", "s", "0123456789abcdef0123456789abcdef", "%zz", "%00", "%ff"};
const std::vector<std::string> kQueries = {
    "%",
    "verdicts=1",
    "verdicts=1&writeKey=w",
    "writeKey=w&userId=u&event=E&verdicts=1",
    "writeKey=%ff&a.b.c=d",
    "data=eyJ3cml0ZUtleSI6IncifQ",
    "writeKey=w&data=e",
    "activity_kind=install&adid=a1&created_at=1767230400",
    "limit=0",
    "limit=5&after=x",
    "tenant=other&content_hash=00112233445566778899aabbccddeeff&mapping=x",
    "tenant=%ff&content_hash=00112233445566778899aabbccddeeff&mapping=x",
    "name=%ff&content_hash=00112233445566778899aabbccddeeff&mapping=%ff",
    "content_hash=00112233445566778899aabbccddeeff&mapping=kind:%20users%0Acolumns:%20%7Bid:%20%7Bidentifier:%20user_"
    "id%7D%7D",
};
const std::vector<AskedHeaders> kHeaders = {
    {{"content-encoding", "br"}},
    {{"content-encoding", "gzip"}},
    {{"content-encoding", "gzip, gzip"}},
    {{"content-encoding", "identity"}},
    {{"fuzz-pack", "1"}},
    {{"fuzz-log", "full"}},
    {{"content-length", "99999999999999999999"}},
    {{"content-length", "99999999"}},
    {{"content-length", "x"}},
    {{"content-type", "application/x-protobuf"}},
    {{"content-type", "application/x-protobuf"}, {"content-encoding", "br"}},
    {{"content-type", "application/x-protobuf"}, {"content-length", "99999999"}},
    {{"content-type", "application/yaml"}},
    {{"content-type", "\xff"}},
    {{"upload-offset", "0"}, {"upload-complete", "?1"}},
    {{"upload-offset", "7"}},
    {{"upload-offset", "0"}, {"content-encoding", "br"}},
    {{"origin", "https://shop.example"}, {"host", "\"\r\n"}},
    {{"traceparent", "00-x"}},
    {{"user-agent", "analytics-node-next/1.0"}},
};
const std::vector<std::string> kBodies = {
    "{}",
    "[",
    "\xff",
    std::string(5000, 'x'),
    std::string(130'000, ' '),
    R"({"userId":"u","event":"E","writeKey":"w"})",
    R"({"userId":"u","event":"E","properties":{"a":")" + std::string(40'000, 'x') + R"("}})",
    R"({"batch":[{"type":"track","userId":"u","event":"E"},{"type":"track"}],"writeKey":"w"})",
    R"({"user":{"user_id":"u"},"event":"E"})"
    "\n"
    R"({"erase":{"user_id":"u"}})"
    "\nx",
    R"({"type":"event","customer_id":"c","actions":[{"action":"A"}]})",
    R"({"elements":[{"type":"customer","customer_id":"c"},{"type":"x"}]})",
    R"({"merge_data":[{"merged_user":"a","retained_user":"b"}]})",
    R"({"identity_type":"customer_id","identity_value":"c"})",
    R"({"event_name":"install","appsflyer_id":"1-2"})",
    R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"m"}}]}]}]})",
    R"({"msg":"m"})",
    "id\nu1\n",
    R"({"mapping":"kind: users\ncolumns: {id: {identifier: user_id}}\n","content_hash":"00112233445566778899aabbccddeeff"})",
    R"({"mapping":"kind: x","content_hash":"00112233445566778899aabbccddeeff"})",
};

std::vector<Asking> all_askings() {
  std::vector<Asking> out(1);
  for (const std::string& argument : kArguments) out.push_back({.argument = argument});
  for (const std::string& query : kQueries) out.push_back({.query = query});
  for (const AskedHeaders& headers : kHeaders) out.push_back({.headers = headers});
  for (const std::string& body : kBodies) {
    out.push_back({.body = body});
    out.push_back({.argument = "a", .query = "verdicts=1", .headers = {{"upload-offset", "0"}}, .body = body});
    out.push_back({.argument = "w", .headers = {{"fuzz-log", "full"}}, .body = body});
  }
  return out;
}

std::string with_argument(std::string_view pattern, const std::string& argument) {
  const size_t brace = pattern.find('{');
  if (brace == std::string_view::npos) return std::string(pattern);
  const size_t end = pattern.find('}', brace);
  return std::string(pattern.substr(0, brace)) + argument + std::string(pattern.substr(end + 1));
}

std::vector<std::string> all_paths() {
  std::vector<std::string> out = {"/", "", "*", "//v1/batch", "//v1/records", "/v1/batch/", "/nothing"};
  for (const SourceRoute& route : routes())
    if (std::find(out.begin(), out.end(), route.path) == out.end()) out.emplace_back(route.path);
  return out;
}

// Basic of a:p; a wrong key; none.
const std::vector<std::string> kSenders = {"Bearer w", "Bearer s", "Basic YTpw", "Bearer x", ""};
const std::vector<std::string> kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X"};

void ask_everything(contract::Ingest& ingest, const std::vector<Asking>& askings) {
  for (const std::string& path : all_paths()) {
    for (const std::string& method : kMethods) {
      for (const std::string& sender : kSenders) {
        for (const Asking& asking : askings) {
          http::Request request;
          request.method = method;
          request.path = with_argument(path, asking.argument);
          request.query = asking.query;
          request.headers = asking.headers;
          if (!sender.empty()) request.headers.emplace_back("authorization", sender);
          request.body = asking.body;
          request.remote = "192.0.2.1";
          const std::string fault = contract::fault_of_answer(ingest, std::move(request));
          ASSERT_EQ(fault, "") << sender << " ?" << asking.query << " " << asking.body.substr(0, 200);
        }
      }
    }
  }
}

TEST(IngestContract, EveryAnswerIsDescribed) {
  contract::Ingest ingest;
  ask_everything(ingest, all_askings());
}

TEST(IngestContract, SoIsThatOfATenantWhoSendsTooMuch) {
  contract::Ingest crowded(true);
  const std::vector<Asking> askings = {{.argument = "w", .query = "userId=u&event=E"},
                                       {.argument = "w", .query = "activity_kind=install&adid=a1"},
                                       {.body = kBodies[5]},
                                       {.body = kBodies[8]},
                                       {.argument = "a", .body = kBodies[9]}};
  ask_everything(crowded, askings);
}

}  // namespace
}  // namespace freshet::ingest
