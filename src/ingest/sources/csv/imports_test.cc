#include "ingest/sources/csv/imports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <simdjson.h>

#include <map>
#include <random>
#include <set>

#include "base/hash.h"
#include "testing/clock.h"
#include "testing/import_store.h"
#include "testing/ingest_service.h"

namespace freshet::ingest {
namespace {

const std::string kMapping =
    "kind: events\nevent: {constant: Buy}\ncolumns: {u: {identifier: user_id}, n: {property: n, type: number}}\n";
const std::string kHash = "00112233445566778899aabbccddeeff";

class ImportsTest : public testing::Test {
 public:
  http::Response send(const std::string& method, const std::string& path, std::string body,
                      std::vector<std::pair<std::string, std::string>> headers = {}, const std::string& query = "") {
    http::Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.headers = std::move(headers);
    request.body = std::move(body);
    http::Response answer;
    int answers = 0;
    imports.handle(
        std::make_shared<const model::Tenant>(tenant), std::move(request),
        [&](http::Response response) {
          answer = std::move(response);
          ++answers;
        },
        scope);
    EXPECT_TRUE(answers == 1 || !held.empty());
    return answer;
  }

  std::string start(const std::string& mapping = kMapping, int status = 201) {
    const http::Response response = send("POST", "/v1/imports", mapping, {{"content-type", "application/yaml"}},
                                         "content_sha256=" + kHash + "&name=f.csv");
    EXPECT_EQ(response.status, status) << response.body;
    const size_t at = response.body.find("\"id\":\"");
    return at == std::string::npos ? "" : response.body.substr(at + 6, 32);
  }

  http::Response patch(const std::string& id, uint64_t offset, const std::string& bytes, bool last) {
    std::vector<std::pair<std::string, std::string>> headers = {{"upload-offset", std::to_string(offset)}};
    if (last) headers.emplace_back("upload-complete", "?1");
    return send("PATCH", "/v1/imports/" + id, bytes, std::move(headers));
  }

  static uint64_t number(const http::Response& response, const std::string& key) {
    const size_t at = response.body.find("\"" + key + "\":");
    return at == std::string::npos ? ~0ull : std::strtoull(response.body.c_str() + at + key.size() + 3, nullptr, 10);
  }

  void publish(ImportBatch batch, eventlog::AppendDone done) {
    if (publish_status) {
      for (const v1::Envelope* e : batch.envelopes) ++log[e->message_id()];
      for (const v1::Envelope* e : batch.envelopes) verified += e->verified() ? 1 : 0;
      for (const v1::DeadLetter& d : batch.dead_letters) ++letters[d.id()], last_letter = d;
    }
    if (hold) {
      held.push_back(std::move(done));
    } else {
      done(publish_status);
    }
  }

  model::Tenant tenant = model::default_tenant("t");
  MemoryImportStore store;
  env::FakeClock clock;
  KnowsAll schema;
  std::map<std::string, int> log;                   // message id -> times
  model::KeyScope scope = model::KeyScope::kWrite;  // of the key that requests come with
  size_t verified = 0;                              // of the rows in the log
  std::map<std::string, int> letters;               // dead letter id -> times
  v1::DeadLetter last_letter;
  Status publish_status;
  bool hold = false;
  std::vector<eventlog::AppendDone> held;
  Imports imports{store, schema, clock, [this](const model::Tenant&, ImportBatch batch, eventlog::AppendDone done) {
                    publish(std::move(batch), std::move(done));
                  }};
};

TEST_F(ImportsTest, AWholeFileInOnePiece) {
  const std::string id = start();
  const http::Response response = patch(id, 0, "u,n\na,1\nb,2\nc,bad\nd,4", true);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(number(response, "accepted"), 3U);
  EXPECT_EQ(number(response, "rejected"), 1U);
  EXPECT_EQ(number(response, "offset"), 21U);
  EXPECT_NE(response.body.find("\"state\":\"complete\""), std::string::npos);
  EXPECT_NE(response.body.find("\"line\":4,\"code\":\"bad_number\""), std::string::npos) << response.body;
  EXPECT_EQ(log.size(), 3U);
  EXPECT_EQ(last_letter.body(), "c,bad");
  EXPECT_EQ(last_letter.line(), 4U);
  EXPECT_EQ(last_letter.body_type(), v1::DeadLetter::CSV_ROW);
  EXPECT_EQ(last_letter.context(), R"({"columns":["u","n"]})") << "so that rejected rows are a file again";
  EXPECT_NE(send("GET", "/v1/imports/" + id, "").body.find("bad_number"), std::string::npos);
  EXPECT_NE(send("GET", "/v1/imports", "").body.find(id), std::string::npos);
}

TEST_F(ImportsTest, RowsThatComeByAServerKeyAreVerified) {
  const std::string id = start();
  (void)patch(id, 0, "u,n\na,1\n", false);
  EXPECT_EQ(verified, 0U);
  scope = model::KeyScope::kServer;
  EXPECT_EQ(patch(id, 8, "b,2\n", true).status, 200);
  EXPECT_EQ(verified, 1U);
}

TEST_F(ImportsTest, ARepeatedStartResumes) {
  const std::string id = start();
  (void)patch(id, 0, "u,n\na,1\nb,", false);
  EXPECT_EQ(start(kMapping, 200), id);
  EXPECT_EQ(start("# the same\n" + kMapping, 200), id);
  const http::Response response = send("GET", "/v1/imports/" + id, "");
  EXPECT_EQ(number(response, "offset"), 8U) << response.body;
  EXPECT_EQ(number(response, "line"), 3U);
  EXPECT_NE(start("kind: users\ncolumns: {u: {identifier: user_id}, n: {skip: true}}\n"), id);
}

TEST_F(ImportsTest, AWrongOffsetIsAnsweredWithTheRightOne) {
  const std::string id = start();
  (void)patch(id, 0, "u,n\na,1\n", false);
  const http::Response response = patch(id, 4, "a,1\n", true);
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(number(response, "offset"), 8U);
  EXPECT_NE(response.body.find("wrong_offset"), std::string::npos);
  EXPECT_EQ(patch(id, 8, "", true).status, 200);
  EXPECT_EQ(patch(id, 8, "", true).status, 200) << "the end again, its answer was lost";
  EXPECT_EQ(patch(id, 8, "b,2\n", true).status, 409);
  EXPECT_EQ(send("PATCH", "/v1/imports/" + id, "x").status, 400);
  EXPECT_EQ(log.size(), 1U);
}

TEST_F(ImportsTest, WhatTheLogDoesNotTakeIsNotCounted) {
  const std::string id = start();
  publish_status = fail(Code::kRetry, "full");
  const http::Response response = patch(id, 0, "u,n\na,1\n", true);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(number(send("GET", "/v1/imports/" + id, ""), "offset"), 0U);
  publish_status = {};
  EXPECT_EQ(patch(id, 0, "u,n\na,1\n", true).status, 200);
  EXPECT_EQ(log.size(), 1U);
}

TEST_F(ImportsTest, ACrashBeforeTheProgressRepeatsTheSameIds) {
  const std::string id = start();
  store.fail_puts = true;
  EXPECT_EQ(patch(id, 0, "u,n\na,1\nb,x\n", true).status, 503);
  store.fail_puts = false;
  EXPECT_EQ(patch(id, 0, "u,n\na,1\nb,x\n", true).status, 200);
  ASSERT_EQ(log.size(), 1U);
  EXPECT_EQ(log.begin()->second, 2) << "twice in the log, with one id";
  ASSERT_EQ(letters.size(), 1U);
}

TEST_F(ImportsTest, OneRequestAtATime) {
  const std::string id = start();
  hold = true;
  held.reserve(2);
  http::Request request;
  int status = 0;
  request.method = "PATCH";
  request.path = "/v1/imports/" + id;
  request.headers = {{"upload-offset", "0"}};
  request.body = "u,n\na,1\n";
  imports.handle(std::make_shared<const model::Tenant>(tenant), request,
                 [&](const http::Response& r) { status = r.status; });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(patch(id, 0, "u,n\na,1\n", false).status, 409);
  held[0]({});
  EXPECT_EQ(status, 200);
  held.clear();
  hold = false;
  EXPECT_EQ(patch(id, 8, "", true).status, 200);
}

TEST_F(ImportsTest, WordsOfHttpHaveNoCase) {
  const http::Response started =
      send("POST", "/v1/imports", kMapping, {{"content-type", "Application/YAML"}}, "content_sha256=" + kHash);
  EXPECT_EQ(started.status, 201) << started.body;
  const std::string id = start(kMapping, 200);
  const http::Response done =
      send("PATCH", "/v1/imports/" + id, "u,n\na,1", {{"upload-offset", "0"}, {"upload-complete", " True"}});
  EXPECT_THAT(done.body, ::testing::HasSubstr(R"("state":"complete")"));
}

// A client that compresses what it sends compresses this, too.
TEST_F(ImportsTest, TheMappingMayBeCompressed) {
  const std::vector<std::pair<std::string, std::string>> headers = {{"content-type", "application/yaml"},
                                                                    {"content-encoding", "gzip"}};
  const std::string query = "content_hash=" + kHash;
  EXPECT_EQ(send("POST", "/v1/imports", gzip(kMapping), headers, query).status, 201);
  EXPECT_EQ(send("POST", "/v1/imports", kMapping, headers, query).status, 400);
  EXPECT_EQ(send("POST", "/v1/imports", gzip(std::string(kImportBodyBytesMax + 1, ' ')), headers, query).status, 413);
}

// Answers are JSON, so UTF-8, whatever a query has in it.
TEST_F(ImportsTest, NoAnswerRepeatsBytesThatAreNoText) {
  const std::vector<std::pair<std::string, std::string>> headers = {{"content-type", "application/yaml"}};
  const std::string query = "content_hash=" + kHash;
  EXPECT_EQ(send("POST", "/v1/imports", kMapping, headers, query + "&tenant=%ff").status, 400);
  std::string umlauts;
  for (int i = 0; i < 400; ++i) umlauts += "%c3%a4";
  const http::Response other = send("POST", "/v1/imports", kMapping, headers, query + "&tenant=x" + umlauts);
  EXPECT_EQ(other.status, 403);
  EXPECT_TRUE(simdjson::validate_utf8(other.body));
  const http::Response named = send("POST", "/v1/imports", kMapping, headers, query + "&name=" + umlauts);
  EXPECT_TRUE(simdjson::validate_utf8(named.body));
  EXPECT_THAT(named.body, ::testing::HasSubstr("\"name\":\"\u00e4")) << "cut, and not lost";
}

TEST_F(ImportsTest, WhetherItIsCompleteIsNotGuessed) {
  const std::string id = start();
  for (const char* unknown : {"?2", "last", "?"})
    EXPECT_EQ(
        send("PATCH", "/v1/imports/" + id, "u,n\na,1", {{"upload-offset", "0"}, {"upload-complete", unknown}}).status,
        400)
        << unknown;
  for (const char* no : {"?0", "", "no"})
    EXPECT_THAT(send("PATCH", "/v1/imports/" + id, "", {{"upload-offset", "0"}, {"upload-complete", no}}).body,
                ::testing::HasSubstr(R"("state":"active")"))
        << no;
  EXPECT_THAT(send("PATCH", "/v1/imports/" + id, "u,n\na,1", {{"upload-offset", "0"}, {"upload-complete", "YES"}}).body,
              ::testing::HasSubstr(R"("state":"complete")"));
}

TEST_F(ImportsTest, RefusesWhatIsWrong) {
  EXPECT_EQ(send("POST", "/v1/imports", "{}").status, 400);
  EXPECT_EQ(send("POST", "/v1/imports", "[").status, 400);
  EXPECT_EQ(send("POST", "/v1/imports", "{\"mapping\":\"kind: x\",\"content_hash\":\"" + kHash + "\"}").status, 422);
  EXPECT_EQ(send("POST", "/v1/imports", kMapping, {{"content-type", "text/yaml"}}, "content_hash=zz").status, 400);
  EXPECT_EQ(
      send("POST", "/v1/imports", kMapping, {{"content-type", "text/yaml"}}, "compression=gzip&content_hash=" + kHash)
          .status,
      400);
  EXPECT_EQ(send("DELETE", "/v1/imports", "").status, 405);
  EXPECT_EQ(send("GET", "/v1/imports/" + kHash, "").status, 404);
  EXPECT_EQ(send("GET", "/v1/imports/../x", "").status, 404);
  const std::string id = start();
  const http::Response refused = patch(id, 0, "u,m\na,1\n", true);
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find("the column \\\"m\\\" is not in the mapping"), std::string::npos) << refused.body;
  EXPECT_EQ(patch(id, 0, "", true).status, 422);
  EXPECT_EQ(patch(id, 0, "", false).status, 200);
  model::Tenant other = model::default_tenant("other");
  http::Request request;
  request.method = "GET";
  request.path = "/v1/imports/" + id;
  int status = 0;
  imports.handle(std::make_shared<const model::Tenant>(other), request,
                 [&](const http::Response& r) { status = r.status; });
  EXPECT_EQ(status, 404);
}

TEST_F(ImportsTest, TheAnnouncedSizeIsKept) {
  const http::Response started =
      send("POST", "/v1/imports",
           "{\"mapping\":\"kind: users\\ncolumns: {u: {identifier: user_id}}\",\"content_hash\":\"" + kHash +
               "\",\"size\":6}");
  ASSERT_EQ(started.status, 201) << started.body;
  const std::string id = started.body.substr(started.body.find("\"id\":\"") + 6, 32);
  EXPECT_EQ(patch(id, 0, "u\na\nb\nc\n", true).status, 422);
  EXPECT_EQ(patch(id, 0, "u\na\n", true).status, 422);
  EXPECT_EQ(patch(id, 0, "u\na\nb\n", true).status, 200);
}

TEST_F(ImportsTest, ManyRowsInOneRequestAreTakenInParts) {
  const std::string id = start("kind: users\ncolumns: {u: {identifier: user_id}}\n");
  std::string text = "u\n";
  for (size_t i = 0; i < kImportRowsMax + 5; ++i) text += "x\n";
  const http::Response first = patch(id, 0, text, true);
  EXPECT_EQ(first.status, 200);
  EXPECT_NE(first.body.find("\"state\":\"active\""), std::string::npos);
  const uint64_t offset = number(first, "offset");
  const http::Response second = patch(id, offset, text.substr(offset), true);
  EXPECT_NE(second.body.find("\"state\":\"complete\""), std::string::npos);
  EXPECT_EQ(log.size(), kImportRowsMax + 5);
}

TEST_F(ImportsTest, SoManyMayBeOpenAndADeletedOneMakesRoom) {
  const auto started = [&](size_t n) {
    const http::Response response = send("POST", "/v1/imports", kMapping, {{"content-type", "application/yaml"}},
                                         "content_hash=" + to_hex(std::string(15, 'h') + static_cast<char>(n)));
    return std::pair(response.status, response.body.substr(7, 32));
  };
  std::vector<std::string> ids;
  for (size_t n = 0; n < kImportsOpenMax; ++n) {
    const auto [status, id] = started(n);
    ASSERT_EQ(status, 201);
    ids.push_back(id);
  }
  const auto [refused, stalest] = started(kImportsOpenMax);
  EXPECT_EQ(refused, 409);
  EXPECT_THAT(ids, ::testing::Contains(stalest)) << "it names one that could go";
  EXPECT_EQ(started(0).first, 200) << "it is there already";
  EXPECT_EQ(send("DELETE", "/v1/imports/" + ids[0], "").body, R"({"deleted":true})");
  EXPECT_EQ(send("DELETE", "/v1/imports/" + ids[0], "").status, 404);
  EXPECT_EQ(send("DELETE", "/v1/imports/x", "").status, 404);
  EXPECT_EQ(send("GET", "/v1/imports/" + ids[0], "").status, 404);
  EXPECT_EQ(patch(ids[0], 0, "u,n\n", false).status, 404);
  EXPECT_EQ(started(kImportsOpenMax).first, 201);
  EXPECT_EQ(started(kImportsOpenMax + 1).first, 409);
  EXPECT_EQ(patch(ids[1], 0, "u,n\na,1\n", true).status, 200);
  EXPECT_EQ(started(kImportsOpenMax + 1).first, 201) << "a complete one is not open";
  EXPECT_EQ(started(kImportsOpenMax + 2).first, 409);
  EXPECT_EQ(store.counted, 1);
  EXPECT_EQ(store.mappings.size(), kImportsOpenMax) << "a complete one needs no mapping";
}

TEST_F(ImportsTest, ListsInPages) {
  std::set<std::string> ids;
  for (int n = 0; n < 5; ++n)
    ids.insert(send("POST", "/v1/imports", kMapping, {{"content-type", "application/yaml"}},
                    "content_hash=" + to_hex(std::string(15, 'h') + static_cast<char>(n)))
                   .body.substr(7, 32));
  ASSERT_EQ(ids.size(), 5U);
  std::string query = "limit=2&writeKey=k";
  for (auto id = ids.begin(); id != ids.end();) {
    const http::Response page = send("GET", "/v1/imports", "", {}, query);
    for (int i = 0; i < 2 && id != ids.end(); ++i, ++id) EXPECT_NE(page.body.find(*id), std::string::npos) << query;
    const size_t next = page.body.find("\"next\":\"");
    EXPECT_EQ(next == std::string::npos, id == ids.end());
    if (next != std::string::npos) query = "limit=2&after=" + page.body.substr(next + 8, 32);
  }
  EXPECT_EQ(send("GET", "/v1/imports", "", {}, "limit=0").status, 400);
  EXPECT_EQ(send("GET", "/v1/imports", "", {}, "limit=1001").status, 400);
  EXPECT_EQ(send("GET", "/v1/imports", "", {}, "after=x").status, 400);
}

// Whoever has a write key, which stands in web pages, may ask for the progress: it tells where and why, not what.
TEST_F(ImportsTest, RejectedRowsShowNoCells) {
  const std::string id = start(
      "kind: events\nevent: {column: e}\ncolumns: {u: {identifier: user_id}, n: {property: n, type: number}, "
      "b: {property: b, type: boolean}, t: {timestamp: iso8601}, x: {property: x, type: time}}\n");
  const std::string rows[] = {"u1,SECRET,,,,E\n",    "u1,,SECRET,,,E\n", "u1,,,SECRET,,E\n",
                              "u1,,,,SECRET,E\n",    "u1,SECRET,E\n",    ",SECRET,,,,E\n",
                              "\"SECRET\"x,,,,,E\n", "u1,SECRET,,,,\n",  "null,SECRET,,,,E\n"};
  std::string text = "u,n,b,t,x,e\n";
  for (const std::string& row : rows) text += row;
  const http::Response answer = patch(id, 0, text, true);
  EXPECT_EQ(number(answer, "rejected"), std::size(rows)) << answer.body;
  EXPECT_EQ(answer.body.find("SECRET"), std::string::npos) << answer.body;
  EXPECT_EQ(send("GET", "/v1/imports/" + id, "").body.find("SECRET"), std::string::npos);
}

// The fixture outside of a test.
struct ImportsTestRun {
  struct Fixture final : ImportsTest {
    void TestBody() override {}
  };
  template <class Map>
  static std::vector<std::string> keys(const Map& map) {
    std::vector<std::string> all;
    for (const auto& [key, value] : map) all.push_back(key);
    return all;
  }
  Fixture fixture;
  std::string id = fixture.start();
};

// Any cuts, failures of log and store, and restarts: each row is there, under one id.
TEST(Imports, AnyCutsAndFaultsGiveTheSameRows) {
  EXPECT_TRUE(rc::check([] {
    std::string text =
        "\xef\xbb\xbf"
        "u,n\r\n";
    const size_t rows = *rc::gen::inRange<size_t>(0, 12);
    for (size_t i = 0; i < rows; ++i)
      text += *rc::gen::element<std::string>("a,1\r\n", "\"b\nb\",2\n", "\n", "c,bad\n", "\"d\"\"\",\"4\"\r\n", "e\n",
                                             "\"f,6\n");
    const auto all_at_once = [&] {
      ImportsTestRun run;
      (void)run.fixture.patch(run.id, 0, text, true);
      return std::pair(run.fixture.log, run.fixture.letters);
    }();
    ImportsTestRun run;
    std::minstd_rand dice(*rc::gen::inRange<uint32_t>(1, 1 << 20));
    uint64_t size = 1;
    for (int tries = 0; tries < 4000; ++tries) {
      const http::Response now = run.fixture.send("GET", "/v1/imports/" + run.id, "");
      if (now.body.find("complete") != std::string::npos) break;
      const uint64_t offset = ImportsTest::number(now, "offset");
      size += 1 + dice() % 9;
      run.fixture.publish_status = dice() % 5 == 0 ? Status(fail(Code::kRetry, "full")) : Status{};
      run.fixture.store.fail_puts = dice() % 5 == 0;
      const http::Response response =
          run.fixture.patch(run.id, offset, text.substr(offset, size), offset + size >= text.size());
      if (response.status == 200 && ImportsTest::number(response, "offset") != offset) size = 1;
    }
    RC_ASSERT(run.keys(run.fixture.log) == run.keys(all_at_once.first));
    RC_ASSERT(run.keys(run.fixture.letters) == run.keys(all_at_once.second));
  }));
}

}  // namespace
}  // namespace freshet::ingest
