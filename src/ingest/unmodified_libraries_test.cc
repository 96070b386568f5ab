// What the libraries of the tracking API send, and what each of them has to be answered so that it is done with its
// batch: heads and bodies of the shapes that they have, written for this test. The libraries themselves run in
// tests/integration/test_sdks.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "testing/ingest_service.h"

namespace freshet::ingest {
namespace {

using ::testing::HasSubstr;
using Headers = std::vector<std::pair<std::string, std::string>>;

// One request of a library.
struct Sent {
  std::string library, target;
  Headers headers;
  std::string body;
  bool gzipped = false;
  std::string authorization = kWriteKey;
  size_t records = 1;
};

// What a browser adds to each request of a page.
Headers from_a_page(const std::string& content_type) {
  return {{"content-type", content_type},
          {"origin", "http://shop.test:8000"},
          {"referer", "http://shop.test:8000/"},
          {"sec-fetch-mode", "cors"},
          {"accept-encoding", "gzip, deflate, br, zstd"}};
}

const Headers kJson = {{"content-type", "application/json"}};
const Headers kGzippedJson = {{"content-type", "application/json"}, {"content-encoding", "gzip"}};
const Headers kGzippedForm = {{"content-type", "application/x-www-form-urlencoded"}, {"content-encoding", "gzip"}};

// A message in the members that all of them have; `more` are those of one library.
std::string call_of(const std::string& type, const std::string& id, const std::string& more) {
  return R"({"type":")" + type + R"(","userId":"kim","messageId":")" + id + "\"," + more + "}";
}

std::string of_a_page(const std::string& type, const std::string& id, const std::string& more) {
  return call_of(
      type, id,
      more + R"(,"anonymousId":"anon-7","timestamp":"2026-01-01T10:00:00.250Z","integrations":{"Segment.io":true},)"
             R"("context":{"page":{"path":"/","title":"Shop"},"userAgentData":{"mobile":false},"locale":"en"},)"
             R"("_metadata":{"bundled":["Segment.io"],"unbundled":[]},"writeKey":"demo-write-key")");
}

std::vector<Sent> server_libraries() {
  const std::string at = R"("timestamp":"2026-01-01T10:00:00.250Z","context":{"library":{"name":"l","version":"1"}})";
  const std::string python_at =
      R"("timestamp":"2026-01-01T10:00:00.250123+00:00","anonymousId":null,"integrations":{})";
  const std::string rudder_at =
      R"("channel":"server","originalTimestamp":"2026-01-01T10:00:00.250Z","sentAt":"2026-01-01T10:00:01.000Z")";
  const std::string node = R"({"batch":[)" + call_of("identify", "n1", R"("traits":{"plan":"pro"},)" + at) + "," +
                           call_of("track", "n2", R"("event":"Bought","properties":{"price":9.5},)" + at) +
                           R"(],"writeKey":"demo-write-key","sentAt":"2026-01-01T10:00:01.000Z"})";
  const std::string python = R"({"batch": [)" + call_of("track", "p1", R"("event": "Bought", )" + python_at) +
                             R"(], "sentAt": "2026-01-01T10:00:01.000000+00:00", "writeKey": "demo-write-key"})";
  const std::string java = R"({"batch":[)" + call_of("track", "j1", R"("event":"Bought",)" + at) +
                           R"(],"sentAt":"2026-01-01T10:00:01.000Z","writeKey":"demo-write-key","sequence":1})";
  const std::string go = R"({"messageId":"b1","sentAt":"2026-01-01T10:00:01Z","batch":[)" +
                         call_of("track", "g1", R"("event":"Bought",)" + at) + R"(],"context":null})";
  const std::string rudder_node = R"({"batch":[)" + call_of("track", "r1", R"("event":"Bought",)" + rudder_at) +
                                  R"(],"timestamp":"2026-01-01T10:00:01.000Z","sentAt":"2026-01-01T10:00:01.000Z"})";
  const std::string rudder_python = R"({"batch": [)" +
                                    call_of("identify", "q1", R"("channel": "server", )" + python_at) +
                                    R"(], "sentAt": "2026-01-01T10:00:01.000000+00:00"})";
  return {{"Segment for Node", "/v1/batch", kJson, node, false, kWriteKey, 2},
          {"Segment for Python", "/v1/batch", kJson, python},
          {"Segment for Python, compressed", "/v1/batch", kGzippedJson, python, true},
          {"Segment for Java, without a header of authorization", "/v1/import/", kJson, java, false, ""},
          {"Segment for Go", "/v1/batch", kJson, go},
          {"RudderStack for Node, compressed as a form", "/v1/batch", kGzippedForm, rudder_node, true},
          {"RudderStack for Python", "/v1/batch", kGzippedJson, rudder_python, true}};
}

std::vector<Sent> browser_libraries() {
  const Headers plain = from_a_page("text/plain");
  const Headers rudder = [] {
    Headers headers = from_a_page("application/json");
    headers.emplace_back("anonymousid", "YW5vbi03");
    return headers;
  }();
  const std::string batch = R"({"writeKey":"demo-write-key","batch":[)" +
                            of_a_page("track", "w1", R"("event":"Bought")") + "," +
                            of_a_page("page", "w2", R"("name":"Home","properties":{"path":"/"})") +
                            R"(],"sentAt":"2026-01-01T10:00:01.000Z"})";
  return {
      {"Segment in a browser: identify", "/v1/i", plain, of_a_page("identify", "i", R"("traits":{"plan":"pro"})")},
      {"Segment in a browser: track", "/v1/t", plain, of_a_page("track", "t", R"("event":"Bought","properties":{})")},
      {"Segment in a browser: page", "/v1/p", plain, of_a_page("page", "p", R"("name":"Home","properties":{})")},
      {"Segment in a browser: group", "/v1/g", plain, of_a_page("group", "g", R"("groupId":"g1","traits":{"n":1})")},
      {"Segment in a browser: alias", "/v1/a", plain, of_a_page("alias", "a", R"("previousId":"anon-7")")},
      {"Segment in a browser: batches", "/v1/b", plain, batch, false, kWriteKey, 2},
      {"RudderStack in a browser", "/v1/track", rudder,
       of_a_page("track", "rt", R"("event":"Bought","channel":"web")")}};
}

class LibrariesTest : public ServiceTest {
 protected:
  // As the listener does: by the head first, then with the body.
  http::Response send_as(const Sent& sent) {
    const std::string body = sent.gzipped ? gzip(sent.body) : sent.body;
    Headers headers = sent.headers;
    headers.emplace_back("content-length", std::to_string(body.size()));
    return send("POST", sent.target, body, sent.authorization, std::move(headers));
  }
};

TEST_F(LibrariesTest, EachCallIsTakenAndAnswered) {
  std::vector<Sent> all = server_libraries();
  for (Sent& sent : browser_libraries()) all.push_back(std::move(sent));
  for (const Sent& sent : all) {
    const size_t before = actions().size();
    const http::Response answer = send_as(sent);
    EXPECT_EQ(answer.status, 200) << sent.library << ": " << answer.body;
    EXPECT_EQ(answer.body, R"({"success":true})") << sent.library;
    ASSERT_EQ(actions().size(), before + sent.records) << sent.library;
    for (size_t i = before; i < actions().size(); ++i) {
      const v1::Envelope envelope = actions()[i];
      EXPECT_EQ(envelope.user(0).value(), "kim") << sent.library;
      EXPECT_LT(envelope.time_us(), clock.now_us()) << sent.library << ": its time is not read";
    }
  }
  EXPECT_TRUE(dead_letters().empty());
}

// A browser reads an answer only if the page may, and asks before it sends a key in a header.
TEST_F(LibrariesTest, APageMayReadTheAnswers) {
  for (const Sent& sent : browser_libraries()) {
    EXPECT_EQ(header(send_as(sent), "Access-Control-Allow-Origin"), "http://shop.test:8000") << sent.library;
    const http::Response asked = send("OPTIONS", sent.target, "", "",
                                      {{"origin", "http://shop.test:8000"},
                                       {"access-control-request-method", "POST"},
                                       {"access-control-request-headers", "anonymousid,authorization,content-type"}});
    EXPECT_EQ(asked.status, 204) << sent.library;
    EXPECT_THAT(header(asked, "Access-Control-Allow-Headers"), HasSubstr("authorization")) << sent.library;
  }
}

// They give up at once if the code of the refusal is where they look for it, and try again otherwise. The one for
// RudderStack in Python looks beside `error`, and takes an answer without a code for a broken network.
TEST_F(LibrariesTest, ARefusalIsReadAsOne) {
  const auto refused = [](const http::Response& answer, int status, const std::string& code) {
    EXPECT_EQ(answer.status, status);
    EXPECT_THAT(answer.body, HasSubstr(R"("error":{"code":")" + code + '"'));
    EXPECT_THAT(answer.body, HasSubstr(R"("},"code":")" + code + R"(","message":")"));
  };
  Sent sent = server_libraries()[6];
  sent.authorization = "Basic d3Jvbmc6";  // wrong:
  refused(send_as(sent), 401, "unauthorized");
  sent.authorization = kWriteKey;
  sent.body = "{";
  refused(send_as(sent), 400, "bad_request");
  refused(send("POST", "/v1/batchs", "{}", kWriteKey), 404, "not_found");
}

TEST_F(LibrariesTest, ABodyThatIsAnnouncedTooLargeIsRefusedInTheSourcesWords) {
  const auto judged = [&](const std::string& path, const std::string& authorization, const std::string& length) {
    http::Request head;
    head.method = "POST";
    head.path = path;
    head.headers = {{"authorization", authorization}, {"content-length", length}};
    return service().judge(head);
  };
  const http::HeaderVerdict batch = judged("/v1/batch", kWriteKey, std::to_string((500 << 10) + 1));
  ASSERT_TRUE(batch.refuse);
  EXPECT_EQ(batch.refuse->status, 413);
  EXPECT_THAT(batch.refuse->body, HasSubstr(R"("},"code":"too_large")"));
  const http::HeaderVerdict data_api = judged("/v1/customer/demo", kSecret, std::to_string(129 << 10));
  ASSERT_TRUE(data_api.refuse);
  EXPECT_EQ(data_api.refuse->status, 413);
  EXPECT_THAT(data_api.refuse->body, HasSubstr(R"("request_id":")"));
  EXPECT_FALSE(judged("/v1/batch", kWriteKey, std::to_string(500 << 10)).refuse);
  // What is no number the listener refuses.
  for (const std::string length : {"", "12x", "99999999999999999999999"})
    EXPECT_FALSE(judged("/v1/batch", kWriteKey, length).refuse) << length;
}

}  // namespace
}  // namespace freshet::ingest
