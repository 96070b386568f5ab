#include "console/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "console/page.h"
#include "model/time.h"
#include "telemetry/metrics.h"
#include "testing/fake_admin.h"

namespace freshet::console {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() {
    v1::Identifier identifier;
    identifier.set_type("email");
    identifier.set_value("a+b@c.de");
    v1::Document document;
    document.set_version(17);
    add_field(document, v1::ATTRIBUTES, "city").mutable_value()->set_text("Pune");
    store_.put("acme", v1::ENTITY_KIND_USER, identifier, document);
    identifier.set_type("path");
    identifier.set_value("x/y z");
    store_.put("acme", v1::ENTITY_KIND_DEVICE, identifier, document);
  }

  Admin& admin() {
    if (!admin_) {
      AdminOptions options;
      options.store = &store_;
      options.letters = keeper_.open();
      options.registry = registry_.get();
      options.log = &log_;
      options.tenants = &desk_;
      options.tokens = tokens_;
      options.audit = [this](const AuditEntry& entry) { audited_.push_back(entry); };
      options.clock = &clock_;
      options.submit = [this](v1::Envelope envelope, const std::function<void(Status)>& done) {
        submitted_.push_back(std::move(envelope));
        done(submit_status_);
      };
      options.remove_names = [this](const std::vector<v1::SchemaChange>& removals,
                                    const std::function<void(Status)>& done) {
        for (const v1::SchemaChange& removal : removals) registry_->apply(removal);
        done(submit_status_);
      };
      options.replay = [this](const v1::DeadLetter& letter, const std::function<void(Status)>& done) {
        replayed_.push_back(letter.id());
        replayed_body_ = letter.body();
        done(letter.code() == "hopeless" ? Status(fail(Code::kInvalid, "still \"wrong\"")) : Status());
      };
      options.ready = [this] { return ready_; };
      options.rebuilding = [this] { return rebuilding_; };
      if (knows_messages_)
        options.find_message = [this](const SoughtMessage& sought, const std::function<void(Result<bool>)>& done) {
          sought_.push_back(sought);
          done(sought.message_id == "m1");
        };
      options.stages_json = [] { return R"([{"name":"ingest","done":5,"waiting":null}])"; };
      admin_.emplace(std::move(options));
    }
    return *admin_;
  }

  http::Response call(const std::string& method, const std::string& target, const std::string& body = "",
                      std::vector<std::pair<std::string, std::string>> headers = {}) {
    http::Request request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (target.find('?') != std::string::npos) request.query = target.substr(target.find('?') + 1);
    request.body = body;
    request.headers = std::move(headers);
    http::Response out;
    out.status = 0;
    int answers = 0;
    admin().handle(std::move(request), [&](http::Response response) {
      out = std::move(response);
      ++answers;
    });
    EXPECT_EQ(answers, 1) << target;
    if (out.content_type == "application/json") {
      simdjson::dom::parser parser;
      EXPECT_EQ(parser.parse(out.body).error(), simdjson::SUCCESS) << out.body;
    }
    return out;
  }

  FakeStore store_;
  FakeDesk desk_{"acme", "other"};
  FakeLog log_{2};
  env::FakeClock clock_;
  FakeKeeper keeper_{log_, store_, clock_};
  std::unique_ptr<schema::Registry> registry_ = schema::make_registry();
  std::vector<Token> tokens_;
  std::vector<AuditEntry> audited_;
  bool ready_ = true;
  bool rebuilding_ = false;
  bool knows_messages_ = true;
  std::vector<SoughtMessage> sought_;
  Status submit_status_;
  std::vector<v1::Envelope> submitted_;
  std::vector<std::string> replayed_;
  std::string replayed_body_;
  std::optional<Admin> admin_;
};

TEST_F(AdminTest, ReadsProfilesByAddress) {
  const auto found = call("GET", "/v1/tenants/acme/users/email/A%2Bb%40c.de");
  EXPECT_EQ(found.status, 200);
  EXPECT_THAT(found.body, AllOf(HasSubstr(R"("kind":"user")"), HasSubstr(R"("attributes":{"city":"Pune"})"),
                                HasSubstr(R"("version":17)")));
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/email/a+b@c.de").status, 200);  // a plus is a plus
  EXPECT_EQ(call("GET", "/v1/tenants/acme/devices/path/x%2Fy%20z").status, 200);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/devices/email/a+b@c.de").status, 404);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/email/a%252Bb@c.de").status, 404);  // decoded once
  EXPECT_EQ(call("GET", "/v1/tenants/other/users/email/a+b@c.de").status, 404);
}

TEST_F(AdminTest, ReadsProfilesByTheirIds) {
  const std::string id = hash128("a+b@c.de").hex();
  EXPECT_THAT(call("GET", "/v1/tenants/acme/profiles/users/" + id).body, HasSubstr(R"("city":"Pune")"));
  EXPECT_EQ(call("GET", "/v1/tenants/other/profiles/users/" + id).status, 404);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/profiles/devices/" + std::string(32, '0')).status, 404);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/profiles/users/u1").status, 400);
}

TEST_F(AdminTest, SaysWhetherAMessageCameOfAnyIdentifierOfAProfile) {
  v1::Document document;
  v1::Value& emails = *add_field(document, v1::IDENTIFIERS, "email").mutable_value();
  for (const char* email : {"a@b.de", "b@b.de"}) emails.mutable_list()->add_values()->set_text(email);
  v1::Identifier identifier;
  identifier.set_type("email");
  identifier.set_value("a@b.de");
  store_.put("acme", v1::ENTITY_KIND_USER, identifier, document);
  const std::string path = "/v1/tenants/acme/messages/lookup";
  EXPECT_EQ(call("POST", path, R"({"message_id":"m1","user":{"email":" A@b.de"}})").body,
            "{\"message_id\":\"m1\",\"seen\":true,\"hours\":24}\n");
  ASSERT_EQ(sought_.size(), 1u);
  ASSERT_EQ(sought_[0].senders.size(), 2u);
  EXPECT_EQ(sought_[0].senders[1].value(), "b@b.de");
  EXPECT_THAT(call("POST", path, R"({"message_id":"m2","device":{"idfa":"x"}})").body, HasSubstr(R"("seen":false)"));
  EXPECT_EQ(sought_.back().kind, v1::ENTITY_KIND_DEVICE);
  for (const char* body : {"", "{}", R"({"message_id":"m1"})", R"({"message_id":"","user":{"email":"a"}})",
                           R"({"message_id":"m1","user":{}})", R"({"message_id":"m1","user":{"a":"b","c":"d"}})"})
    EXPECT_EQ(call("POST", path, body).status, 400) << body;
}

TEST_F(AdminTest, OfWhoHasTooManyIdentifiersNotSeenIsNotKnown) {
  v1::Document document;
  v1::Value& ids = *add_field(document, v1::IDENTIFIERS, "email").mutable_value();
  for (int i = 0; i < 150; ++i) ids.mutable_list()->add_values()->set_text("u" + std::to_string(i));
  v1::Identifier identifier;
  identifier.set_type("email");
  identifier.set_value("u0");
  store_.put("acme", v1::ENTITY_KIND_USER, identifier, document);
  const std::string path = "/v1/tenants/acme/messages/lookup";
  EXPECT_THAT(call("POST", path, R"({"message_id":"m2","user":{"email":"u0"}})").body, HasSubstr(R"("seen":null)"));
  EXPECT_EQ(sought_.back().senders.size(), 100u);
}

TEST_F(AdminTest, WithoutTheStateNobodyKnowsWhetherAMessageCame) {
  knows_messages_ = false;
  EXPECT_THAT(call("POST", "/v1/tenants/acme/messages/lookup", R"({"message_id":"m1","user":{"email":"x"}})").body,
              HasSubstr(R"("seen":null)"));
}

TEST_F(AdminTest, ErrorsAreJsonAndRepeatNoValue) {
  const auto missing = call("GET", "/v1/tenants/acme/users/email/secret@c.de");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, AllOf(HasSubstr(R"({"error":{"code":"not_found","message":)"), HasSubstr("email"),
                                  Not(HasSubstr("secret"))));
  for (const char* target :
       {"/v1/tenants/nobody/schema", "/v1/tenants/acme/nothing", "/v1/tenants", "/v2", "/v1/tenants/acme/users/email",
        "/v1/tenants/acme/users/email/a/b", "/v1/tenants/acme/schema/x", "/favicon.ico", "//"}) {
    EXPECT_EQ(call("GET", target).status, std::string(target) == "/v1/tenants" ? 200 : 404) << target;
  }
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/email/%zz").status, 400);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/%ff/x").status, 400);
  EXPECT_EQ(call("POST", "/v1/tenants/acme/schema").status, 405);
  EXPECT_EQ(call("POST", "/").status, 405);
}

TEST_F(AdminTest, LooksUpByBody) {
  EXPECT_EQ(call("POST", "/v1/tenants/acme/users/lookup", R"({"email":" A+B@c.de "})").status, 200);
  EXPECT_EQ(call("POST", "/v1/tenants/acme/users/lookup", "\xef\xbb\xbf{\"email\":\"a+b@c.de\"}").status, 200)
      << "PowerShell writes a byte-order mark";
  EXPECT_EQ(call("POST", "/v1/tenants/acme/users/lookup", R"({"user_id":18446744073709551615})").status, 404);
  EXPECT_EQ(call("POST", "/v1/tenants/acme/users/lookup", R"({"email":"x@c.de"})").status, 404);
  for (const char* body : {"", "[]", "{}", R"({"email":["a"]})", R"({"email":"a","phone":"b"})", "\"email\""})
    EXPECT_EQ(call("POST", "/v1/tenants/acme/users/lookup", body).status, 400) << body;
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/lookup").status, 405);
}

TEST_F(AdminTest, TellsTheHistoryOfAnIdentity) {
  v1::Identifier identifier;
  identifier.set_type("user_id");
  identifier.set_value("u1");
  v1::Document document;
  document.set_version(3);
  add_field(document, v1::ATTRIBUTES, "city").mutable_value()->set_text("Pune");
  add_field(document, v1::HISTORY, "")
      .mutable_value()
      ->mutable_list()
      ->add_values()
      ->set_json(R"({"what":"merged","profile":"ab","message_id":"m1"})");
  store_.put("acme", v1::ENTITY_KIND_USER, identifier, document);
  store_.put("acme", v1::ENTITY_KIND_DEVICE, identifier, document);
  for (const char* kind : {"users", "devices"}) {
    const std::string of_kind = std::string("/v1/tenants/acme/") + kind;
    const auto history = call("GET", of_kind + "/user_id/u1/identity");
    EXPECT_EQ(history.status, 200);
    EXPECT_THAT(history.body, AllOf(HasSubstr(R"("history":[{"what":"merged","profile":"ab","message_id":"m1"}])"),
                                    Not(HasSubstr("Pune"))));
    EXPECT_EQ(call("POST", of_kind + "/lookup/identity", R"({"user_id":"u1"})").body, history.body);
    EXPECT_THAT(call("GET", of_kind + "/user_id/u1").body, Not(HasSubstr("merged\"")));
    EXPECT_EQ(call("GET", of_kind + "/user_id/u2/identity").status, 404);
    EXPECT_EQ(call("DELETE", of_kind + "/user_id/u1/identity").status, 405);
    EXPECT_EQ(call("GET", of_kind + "/lookup/identity").status, 405);
  }
}

TEST_F(AdminTest, CountsWhatIdentityRefused) {
  telemetry::counter("freshet_identity_refused_total", "", {{"reason", "identifier_limit"}}).add(3);
  telemetry::counter("freshet_identity_dropped_total", "", {{"reason", "common"}}).add(2);
  telemetry::counter("freshet_ingest_warnings_total", "", {{"code", "blocked_identifier"}}).add(1);
  EXPECT_THAT(call("GET", "/v1/status").body,
              HasSubstr(R"("identity":{"refused":{"identifier_limit":3},"dropped":{"common":2},)"
                        R"("warnings":{"blocked_identifier":1}})"));
}

TEST_F(AdminTest, EraseIsAnEnvelope) {
  const auto answer = call("DELETE", "/v1/tenants/acme/users/email/A%2Bb%40c.de");
  EXPECT_EQ(answer.status, 202);
  EXPECT_THAT(answer.body, StartsWith(R"({"erase":"accepted","message_id":"admin-)"));
  ASSERT_EQ(submitted_.size(), 1U);
  EXPECT_EQ(submitted_[0].kind(), v1::Envelope::ERASE);
  EXPECT_EQ(submitted_[0].tenant(), "acme");
  ASSERT_EQ(submitted_[0].user_size(), 1);
  EXPECT_EQ(submitted_[0].user(0).value(), "a+b@c.de");
  EXPECT_EQ(submitted_[0].received_at_us(), clock_.now_us());
  (void)call("DELETE", "/v1/tenants/acme/devices/device_id/d1");
  EXPECT_EQ(submitted_[1].device_size(), 1);
  EXPECT_NE(submitted_[0].message_id(), submitted_[1].message_id());
  EXPECT_EQ(call("POST", "/v1/tenants/acme/users/user_id/u1/unsuppress").status, 202);
  EXPECT_EQ(submitted_[2].kind(), v1::Envelope::UNSUPPRESS);
  EXPECT_EQ(call("DELETE", "/v1/tenants/acme/users/user_id/%20").status, 400);
  EXPECT_EQ(submitted_.size(), 3U);
  submit_status_ = fail(Code::kRetry, "the log's queue is full");
  EXPECT_EQ(call("DELETE", "/v1/tenants/acme/users/user_id/u1").status, 503);
  EXPECT_THAT(call("GET", "/v1/tenants/acme/erasures?limit=1").body, HasSubstr(R"("state":"requested")"));
  EXPECT_EQ(call("POST", "/v1/tenants/acme/erasures/lookup", R"({"user_id":"u1"})").status, 404) << "it was withdrawn";
}

TEST_F(AdminTest, ShowsHowFarAnErasureIs) {
  (void)call("DELETE", "/v1/tenants/acme/users/user_id/u1");
  ASSERT_EQ(submitted_.size(), 1U);
  const std::string by_id = "/v1/tenants/acme/erasures/" + submitted_[0].message_id();
  EXPECT_THAT(call("GET", by_id).body, AllOf(HasSubstr(R"("state":"requested")"), HasSubstr(R"("applied_at":null)"),
                                             HasSubstr(R"("requested_at":"2026-01-01T00:00:00.000Z")")));
  EXPECT_EQ(call("POST", "/v1/tenants/acme/erasures/lookup", R"({"user_id":"u1"})").body, call("GET", by_id).body);
  EXPECT_EQ(call("POST", "/v1/tenants/other/erasures/lookup", R"({"user_id":"u1"})").status, 404);
  EXPECT_EQ(call("GET", "/v1/tenants/other/erasures/" + submitted_[0].message_id()).status, 404);
  EXPECT_EQ(call("POST", "/v1/tenants/acme/erasures/lookup", "{}").status, 400);
  EXPECT_THAT(call("GET", "/v1/tenants/acme/erasures").body, HasSubstr(R"("next":null)"));
}

TEST_F(AdminTest, ListsAndShowsDeadLetters) {
  for (int i = 0; i < 5; ++i)
    log_.add(static_cast<uint32_t>(i % 2), make_letter("id" + std::to_string(i), "acme", i == 3 ? "odd" : "even", i));
  const auto first = call("GET", "/v1/tenants/acme/deadletters?limit=2");
  EXPECT_THAT(first.body, AllOf(HasSubstr("\"id4\""), HasSubstr("\"id3\""), Not(HasSubstr("\"id2\"")),
                                HasSubstr(R"("next":"id3")")));
  EXPECT_THAT(call("GET", "/v1/tenants/acme/deadletters?limit=2&after=id3").body,
              AllOf(HasSubstr("\"id2\""), HasSubstr("\"id1\""), Not(HasSubstr("\"id3\""))));
  EXPECT_THAT(call("GET", "/v1/tenants/acme/deadletters/counts").body,
              AllOf(HasSubstr(R"({"counts":[{"day":"1970-01-01","code":"even","count":4},)"
                              R"({"day":"1970-01-01","code":"odd","count":1}],"kept":{"letters":5,)"),
                    HasSubstr(R"("quota":{"letters":100000,)")));
  EXPECT_THAT(call("GET", "/v1/tenants/acme/deadletters?code=odd").body,
              AllOf(HasSubstr("\"id3\""), Not(HasSubstr("\"id4\"")), HasSubstr(R"("next":null)")));
  EXPECT_THAT(call("GET", "/v1/tenants/acme/deadletters/id2").body, HasSubstr(R"("body":{})"));
  EXPECT_EQ(call("GET", "/v1/tenants/other/deadletters/id2").status, 404);
  for (const std::string& query : {std::string("limit=0"), std::string("limit=x"), std::string("limit=1001"),
                                   "after=" + std::string(1000, 'x'), std::string("after=%00")})
    EXPECT_EQ(call("GET", "/v1/tenants/acme/deadletters?" + query).status, 400) << query;
}

TEST_F(AdminTest, ReplaysDeadLetters) {
  for (int i = 0; i < 3; ++i) log_.add(0, make_letter("id" + std::to_string(i), "acme", "x", i));
  log_.add(1, make_letter("id9", "acme", "hopeless", 9));
  EXPECT_EQ(call("POST", "/v1/tenants/acme/deadletters/id1/replay").body,
            "{\"replayed\":1,\"failed\":[],\"next\":null}\n");
  EXPECT_EQ(call("POST", "/v1/tenants/acme/deadletters/none/replay").status, 404);
  EXPECT_EQ(call("POST", "/v1/tenants/acme/deadletters/replay", R"({"code":"x"})").body,
            "{\"replayed\":3,\"failed\":[],\"next\":null}\n");
  EXPECT_THAT(replayed_, ElementsAre("id1", "id2", "id1", "id0"));
  EXPECT_EQ(call("POST", "/v1/tenants/acme/deadletters/replay", R"({"ids":["id9","id0","gone"]})").body,
            R"({"replayed":1,"failed":[{"id":"gone","message":"there is no dead letter of this id"},)"
            R"({"id":"id9","message":"still \"wrong\""}],"next":null})"
            "\n");
  for (const char* body : {"", "{}", R"({"ids":[]})", R"({"ids":["a"],"code":"x"})", R"({"ids":[1]})", R"({"what":1})"})
    EXPECT_EQ(call("POST", "/v1/tenants/acme/deadletters/replay", body).status, 400) << body;
  EXPECT_EQ(call("POST", "/v1/tenants/acme/deadletters/replay", R"({"code":"none"})").body,
            "{\"replayed\":0,\"failed\":[],\"next\":null}\n");
}

TEST_F(AdminTest, ReplaysWithAnotherBody) {
  auto cut = make_letter("cut", "acme", "x", 1);
  cut.set_cut_bytes(300'000);
  log_.add(0, cut);
  auto row = make_letter("row", "acme", "x", 2);
  row.set_body_type(v1::DeadLetter::CSV_ROW);
  log_.add(0, row);
  EXPECT_THAT(call("POST", "/v1/tenants/acme/deadletters/cut/replay").body,
              HasSubstr("only the begin of its 300000 bytes was kept"));
  EXPECT_TRUE(replayed_.empty());
  EXPECT_THAT(call("POST", "/v1/tenants/acme/deadletters/cut/replay", R"({"a":1})").body, HasSubstr(R"("replayed":1)"));
  EXPECT_EQ(replayed_body_, R"({"a":1})");
  call("POST", "/v1/tenants/acme/deadletters/cut/replay", "{\r\n  \"a\": \"x\\n\"\n}");
  EXPECT_EQ(replayed_body_, "{    \"a\": \"x\\n\" }") << "a record is one line";
  EXPECT_EQ(call("POST", "/v1/tenants/acme/deadletters/row/replay", "a,b").status, 400);
}

// What comes out can be corrected and imported: the header, and the rows of this import alone, in their order.
TEST_F(AdminTest, RejectedRowsAreAFile) {
  const std::string id(32, 'a');
  const auto row = [&](const std::string& name, uint64_t line, const std::string& body, const std::string& code = "x") {
    auto letter = make_letter(name, "acme", code, static_cast<int>(line));
    letter.set_body_type(v1::DeadLetter::CSV_ROW);
    letter.set_endpoint("/v1/imports/" + id);
    letter.set_line(line);
    letter.set_body(body);
    letter.set_context(R"({"columns":["id","a \"city\", say"]})");
    return letter;
  };
  log_.add(0, row("r1", 7, "u7,\"two\nlines\""));
  log_.add(0, row("r2", 12, "u12,x,y"));
  log_.add(1, row("r3", 3, ",z"));
  log_.add(1, row("r4", 5, "begin of a long one", "row_too_large"));
  auto other = row("r5", 4, "of another file");
  other.set_endpoint("/v1/imports/" + std::string(32, 'b'));
  log_.add(0, other);
  log_.add(0, make_letter("id0", "acme", "x", 9));
  const auto report = call("GET", "/v1/tenants/acme/imports/" + id + "/rejected");
  EXPECT_EQ(report.status, 200);
  EXPECT_EQ(report.content_type, "text/csv; charset=utf-8");
  EXPECT_EQ(report.body, "id,\"a \"\"city\"\", say\"\n,z\nu7,\"two\nlines\"\nu12,x,y\n");
  EXPECT_THAT(report.headers, ::testing::Contains(std::pair<std::string, std::string>("Rows-Left-Out", "1")));
  EXPECT_EQ(call("GET", "/v1/tenants/other/imports/" + id + "/rejected").status, 404);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/imports/" + std::string(32, 'c') + "/rejected").status, 404);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/imports/short/rejected").status, 400);
  auto headless = row("r6", 1, "u1");
  headless.set_endpoint("/v1/imports/" + std::string(32, 'd'));
  headless.clear_context();
  log_.add(0, headless);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/imports/" + std::string(32, 'd') + "/rejected").status, 409);
}

TEST_F(AdminTest, ReplaysManyLettersInParts) {
  for (int i = 0; i < 450; ++i) log_.add(0, make_letter("id" + std::to_string(1000 + i), "acme", "x", i));
  EXPECT_THAT(call("POST", "/v1/tenants/acme/deadletters/replay", R"({"code":"x"})").body,
              HasSubstr(R"("next":"id1250")"));
  EXPECT_THAT(call("POST", "/v1/tenants/acme/deadletters/replay", R"({"code":"x","after":"id1250"})").body,
              HasSubstr(R"({"replayed":200,)"));
  EXPECT_EQ(replayed_.size(), 400U);
}

TEST_F(AdminTest, ShowsTheSchema) {
  v1::SchemaChange change;
  change.set_tenant("acme");
  change.set_subject(v1::SchemaChange::EVENT);
  change.set_name("Order Completed");
  change.set_at_us(1'000'000);
  registry_->apply(change);
  change.set_subject(v1::SchemaChange::EVENT_ATTRIBUTE);
  change.set_of("Order Completed");
  change.set_name("total");
  change.set_type("number");
  registry_->apply(change);
  EXPECT_THAT(
      call("GET", "/v1/tenants/acme/schema").body,
      AllOf(
          HasSubstr(
              R"("mode":"discover","conflicts":"keep","events":[{"name":"Order Completed","first_seen":"1970-01-01T00:00:01.000Z","attributes":[{"name":"total","type":"number",)"),
          HasSubstr(R"("user_attributes":[],"device_attributes":[],"event_names":{"used":1,"limit":512})")));
}

TEST_F(AdminTest, ShowsWhatCameOfAnotherTypeBesideItsName) {
  v1::SchemaChange known;
  known.set_tenant("acme");
  known.set_subject(v1::SchemaChange::EVENT_ATTRIBUTE);
  known.set_of("Order");
  known.set_name("total");
  known.set_type("number");
  registry_->apply(known);
  known.set_subject(v1::SchemaChange::USER_ATTRIBUTE);
  known.set_of("");
  registry_->apply(known);
  const int64_t now_us = clock_.now_us();
  const auto report = [&](int64_t at_us, const char* event, v1::SchemaChange::Subject subject, const char* id) {
    v1::PlanViolations violations;
    v1::PlanViolations::Group& group = *violations.add_groups();
    group.set_event(event);
    group.set_property("total");
    group.set_rule("coerced");
    group.set_found("string");
    group.set_subject(subject);
    group.set_count(2);
    group.add_message_ids(id);
    v1::DeadLetter record;
    record.set_id("v" + std::to_string(at_us) + id);
    record.set_tenant("acme");
    record.set_body_type(v1::DeadLetter::PLAN_VIOLATIONS);
    record.set_body(violations.SerializeAsString());
    record.set_received_at_us(at_us);
    log_.add(0, record);
  };
  constexpr int64_t kDayUs = 86'400'000'000;
  report(now_us - 8 * kDayUs, "Order", v1::SchemaChange::SUBJECT_UNSPECIFIED, "m0");
  report(now_us - kDayUs, "Order", v1::SchemaChange::SUBJECT_UNSPECIFIED, "m1");
  report(now_us, "Order", v1::SchemaChange::SUBJECT_UNSPECIFIED, "m2");
  report(now_us, "", v1::SchemaChange::USER_ATTRIBUTE, "m3");
  const auto other_types = [&](uint64_t count, int64_t first_us, const std::string& samples) {
    return R"("other_types":[{"type":"string","rule":"coerced","count":)" + std::to_string(count) +
           R"(,"first_seen":")" + model::format_time(first_us) + R"(","last_seen":")" + model::format_time(now_us) +
           R"(","samples":[)" + samples + "]}]";
  };
  const std::string schema = call("GET", "/v1/tenants/acme/schema").body;
  EXPECT_THAT(
      schema,
      AllOf(HasSubstr(R"("conflicts":"keep")"),
            HasSubstr(R"({"name":"total","type":"number",)" + other_types(4, now_us - kDayUs, R"("m2","m1")")),
            HasSubstr(R"("user_attributes":[{"name":"total","type":"number",)" + other_types(2, now_us, R"("m3")"))));
  EXPECT_THAT(call("GET", "/v1/tenants/acme/violations").body,
              HasSubstr(R"("rule":"coerced","type":"string","subject":"user_attribute","counts")"));
}

TEST_F(AdminTest, RemovesNamesThatWereLearnedByMistake) {
  const auto learn = [&](v1::SchemaChange::Subject subject, const char* of, const char* name) {
    v1::SchemaChange change;
    change.set_tenant("acme");
    change.set_subject(subject);
    change.set_of(of);
    change.set_name(name);
    registry_->apply(change);
  };
  learn(v1::SchemaChange::EVENT, "", "a/b \xc3\xa4");
  learn(v1::SchemaChange::EVENT, "", "Order");
  learn(v1::SchemaChange::EVENT_ATTRIBUTE, "Order", "junk");
  learn(v1::SchemaChange::USER_ATTRIBUTE, "", "junk");
  learn(v1::SchemaChange::DEVICE_ATTRIBUTE, "", "junk");
  const std::string schema = "/v1/tenants/acme/schema";
  const auto removed = call("DELETE", schema + "/events/a%2Fb%20%C3%A4");
  EXPECT_EQ(removed.status, 202);
  EXPECT_EQ(removed.body, "{\"removed\":1}\n");
  EXPECT_EQ(call("DELETE", schema + "/events/a%2Fb%20%C3%A4").body, "{\"removed\":0}\n");
  EXPECT_EQ(call("DELETE", schema + "/events/Order/attributes/junk").body, "{\"removed\":1}\n");
  EXPECT_EQ(registry_->list("acme").size(), 3U);
  EXPECT_EQ(call("DELETE", schema + "/attributes/junk").body, "{\"removed\":2}\n");
  EXPECT_EQ(call("DELETE", schema + "/attributes/junk").status, 200);
  EXPECT_EQ(call("DELETE", schema + "/attributes/%ff").status, 400);
  EXPECT_EQ(call("GET", schema + "/events/Order").status, 405);
  EXPECT_EQ(call("DELETE", "/v1/tenants/other/schema/events/Order").body, "{\"removed\":0}\n");
  ASSERT_EQ(registry_->list("acme").size(), 1U);
  submit_status_ = fail(Code::kRetry, "the log's queue is full");
  EXPECT_EQ(call("DELETE", schema + "/events/Order").status, 503);
}

TEST_F(AdminTest, ShowsFreshness) {
  auto& histogram = telemetry::histogram(kFreshnessMetric, kFreshnessHelp, {{"tenant", "acme"}});
  const uint64_t before = histogram.count();
  histogram.record(900'000, 10);
  admin().sample();
  clock_.sleep_us(50'000'000);
  admin().sample();
  clock_.sleep_us(30'000'000);
  histogram.record(8'000, 100);
  const std::string body = call("GET", "/v1/tenants/acme/freshness").body;
  EXPECT_THAT(body, HasSubstr("\"count\":" + std::to_string(before + 110)));
  // The histogram stood still until 30 s ago, so what came since then came within the minute.
  EXPECT_THAT(body, HasSubstr(R"("last_minute":{"seconds":60,"count":100,"p50_ms":8.)"));
  EXPECT_THAT(body, HasSubstr(R"("objective":{"within_ms":1000,"share":0.999,"over_seconds":2592000,"late":)"));
  EXPECT_THAT(body, HasSubstr(R"("late_last_minute":0})"));
  histogram.record(1'200'000, 3);
  EXPECT_THAT(call("GET", "/v1/tenants/acme/freshness").body, HasSubstr(R"("late_last_minute":3})"));
  EXPECT_THAT(call("GET", "/v1/tenants/other/freshness").body, HasSubstr(R"("count":0,"p50_ms":null)"));
}

TEST_F(AdminTest, ListsAndChangesTenants) {
  const auto page = call("GET", "/v1/tenants?limit=1");
  EXPECT_THAT(page.body, AllOf(HasSubstr(R"({"tenants":[{"name":"acme","from":"api","revision":7,)"),
                               HasSubstr(R"("next":"acme"})"), Not(HasSubstr("other"))));
  EXPECT_THAT(call("GET", "/v1/tenants?limit=1&after=acme").body,
              AllOf(HasSubstr("other"), HasSubstr("\"next\":null")));
  for (const char* limit : {"0", "1001", "x", "-1"})
    EXPECT_EQ(call("GET", std::string("/v1/tenants?limit=") + limit).status, 400) << limit;
  EXPECT_EQ(call("GET", "/v1/tenants/nobody").status, 404);
  EXPECT_EQ(call("DELETE", "/v1/tenants/nobody").status, 404);
  EXPECT_EQ(call("PUT", "/v1/tenants/new", R"({"a":1})").body, "{\"a\":1}\n");
  EXPECT_EQ(call("GET", "/v1/tenants/new").body, "{\"a\":1}\n");
  const auto wrong = call("PUT", "/v1/tenants/new", "wrong");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr(R"("code":"invalid_tenant","message":"tenant new:1:1: wrong")"));
  EXPECT_EQ(call("PUT", "/v1/tenants/new", "taken").status, 409);
  EXPECT_EQ(call("DELETE", "/v1/tenants/new").status, 200);
  EXPECT_EQ(call("GET", "/v1/tenants/new").status, 404);
  EXPECT_EQ(call("GET", "/v1/tenants/new/schema").status, 200) << "its data is still there";
  ASSERT_EQ(audited_.size(), 5U) << "what was refused, too";
  EXPECT_EQ(audited_[1].action, "PUT /v1/tenants/{tenant}");
  EXPECT_EQ(audited_[1].tenant, "new");
}

TEST_F(AdminTest, ShowsAndChangesPlans) {
  EXPECT_EQ(call("GET", "/v1/tenants/acme/plan").status, 404);
  EXPECT_EQ(call("PUT", "/v1/tenants/nobody/plan", "{}").status, 404);
  EXPECT_EQ(call("PUT", "/v1/tenants/acme/plan", "{}").status, 200);
  EXPECT_THAT(call("PUT", "/v1/tenants/acme/plan", "wrong").body, HasSubstr(R"("code":"invalid_plan")"));
  EXPECT_EQ(call("GET", "/v1/tenants/acme/plan").body, "{}\n");
  EXPECT_EQ(call("DELETE", "/v1/tenants/acme/plan").status, 200);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/plan").status, 404);
}

TEST_F(AdminTest, ShowsViolationsOfPlans) {
  const auto report = [&](int64_t at_us, const std::string& event, uint64_t count, const std::string& tenant = "acme") {
    v1::PlanViolations violations;
    v1::PlanViolations::Group& group = *violations.add_groups();
    group.set_event(event);
    group.set_property("total");
    group.set_rule("type");
    group.set_count(count);
    group.add_message_ids("m" + std::to_string(count));
    v1::DeadLetter record;
    record.set_id("v" + std::to_string(at_us));
    record.set_tenant(tenant);
    record.set_body_type(v1::DeadLetter::PLAN_VIOLATIONS);
    record.set_body(violations.SerializeAsString());
    record.set_received_at_us(at_us);
    log_.add(0, record);
  };
  constexpr int64_t kHourUs = 3'600'000'000;
  const int64_t now_us = clock_.now_us();
  report(now_us - 8 * 24 * kHourUs, "Gone", 9);
  report(now_us - 30 * kHourUs, "Order", 7);
  report(now_us - 2 * kHourUs, "Order", 5);
  report(now_us, "Order", 2);
  report(now_us, "Order", 1);
  report(now_us, "Rare", 1);
  report(now_us, "Order", 100, "other");
  const std::string body = call("GET", "/v1/tenants/acme/violations").body;
  EXPECT_THAT(body, StartsWith(R"({"violations":[{"event":"Order","property":"total","rule":"type",)"
                               R"("counts":{"1h":3,"24h":8,"7d":15},"last_at":")"));
  EXPECT_THAT(body, AllOf(HasSubstr(R"("samples":["m2","m1","m5"]},{"event":"Rare")"), Not(HasSubstr("Gone"))));
  EXPECT_THAT(call("GET", "/v1/tenants/acme/deadletters").body, HasSubstr(R"("deadletters":[])")) << "no letters";
}

TEST_F(AdminTest, ATenantIsReadByReadersAndChangedByOperators) {
  tokens_ = {{"r", "r", Role::kRead}, {"o", "o", Role::kOperate}};
  EXPECT_EQ(call("GET", "/v1/tenants/acme", "", {{"authorization", "Bearer r"}}).status, 200);
  EXPECT_EQ(call("PUT", "/v1/tenants/acme", "{}", {{"authorization", "Bearer r"}}).status, 403);
  EXPECT_EQ(call("DELETE", "/v1/tenants/acme", "", {{"authorization", "Bearer r"}}).status, 403);
  EXPECT_EQ(call("PUT", "/v1/tenants/acme", "{}", {{"authorization", "Bearer o"}}).status, 200);
  EXPECT_EQ(call("DELETE", "/v1/tenants/acme", "", {{"authorization", "Bearer o"}}).status, 200);
  EXPECT_EQ(call("GET", "/v1/tenants/acme").status, 401);
}

TEST_F(AdminTest, WhileProfilesAreMadeAnewNobodyIsUnknown) {
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/email/nobody@c.de").status, 404);
  rebuilding_ = true;
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/email/nobody@c.de").status, 503);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/users/email/a%2Bb@c.de").status, 200);
}

TEST_F(AdminTest, TellsHowItIs) {
  EXPECT_EQ(call("GET", "/healthz").status, 200);
  EXPECT_EQ(call("GET", "/readyz").status, 200);
  ready_ = false;
  EXPECT_EQ(call("GET", "/readyz").status, 503);
  EXPECT_THAT(call("GET", "/v1/status").body,
              AllOf(HasSubstr(R"("ready":false)"), HasSubstr(R"("stages":[{"name":"ingest","done":5)"),
                    HasSubstr(R"("freshness":[{"tenant":"acme")")));
  const auto metrics = call("GET", "/metrics");
  EXPECT_THAT(metrics.content_type, StartsWith("text/plain; version=0.0.4"));
  EXPECT_THAT(metrics.body, HasSubstr("freshet_freshness_seconds_bucket"));
}

TEST_F(AdminTest, TheStatusHasTheSlowestTenantsWhateverTheirNames) {
  for (int i = 0; i < 150; ++i)
    desk_.change({"tenant-" + std::to_string(i), TenantWhat::kSettings, "{}"},
                 [](const Result<std::optional<std::string>>&) {});
  desk_.change({"zz-slow", TenantWhat::kSettings, "{}"}, [](const Result<std::optional<std::string>>&) {});
  EXPECT_EQ(call("GET", "/v1/status").status, 200);  // from now on they are followed
  telemetry::histogram(kFreshnessMetric, kFreshnessHelp, {{"tenant", "zz-slow"}}).record(3'000'000, 10);
  const std::string body = call("GET", "/v1/status").body;
  EXPECT_THAT(body, AllOf(HasSubstr(R"("tenants":153,"freshness":[{"tenant":"zz-slow")"), HasSubstr("\"acme\"")));
  EXPECT_THAT(body, Not(HasSubstr("\"tenant-99\"")));  // a hundred of them, the rest by name
}

TEST_F(AdminTest, ServesThePageWithAPolicy) {
  std::vector<std::string> paths = {"/"};
  for (const PageFile& file : kPageFiles) paths.push_back("/console/" + std::string(file.name));
  EXPECT_GE(paths.size(), 10U);
  for (const std::string& path : paths) {
    const auto response = call("GET", path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_GT(response.body.size(), 1000U) << path;
    EXPECT_EQ(response.headers[0].first, "Content-Security-Policy");
    // Nothing from elsewhere.
    for (const char* scheme : {"src=\"http", "href=\"http", "@import", "fetch('http"})
      EXPECT_THAT(response.body, Not(HasSubstr(scheme)));
  }
  EXPECT_EQ(call("GET", "/console/passwd").status, 404);
  EXPECT_EQ(call("GET", "/console/..%2Fpage.cc").status, 404);
}

TEST_F(AdminTest, OrdersMakeTwoUsersOneAndTakeIdentifiersAway) {
  const std::string users = "/v1/tenants/acme/users";
  EXPECT_EQ(call("POST", users + "/merge", R"({"into":{"user_id":"u1"},"from":{"email":"A@b.c"}})").status, 202);
  EXPECT_EQ(call("POST", users + "/unlink", R"({"from":{"user_id":"u1"},"identifier":{"email":"a@b.c"}})").status, 202);
  ASSERT_EQ(submitted_.size(), 2U);
  EXPECT_EQ(submitted_[0].kind(), v1::Envelope::MERGE);
  EXPECT_EQ(submitted_[0].user(0).value(), "u1");
  EXPECT_EQ(submitted_[0].other().value(), "a@b.c");
  EXPECT_EQ(submitted_[1].kind(), v1::Envelope::UNLINK);
  for (const char* wrong :
       {"", "[]", R"({"into":{"user_id":"u1"}})", R"({"into":{"user_id":"u1"},"from":{"user_id":"u1"}})",
        R"({"into":{"user_id":"u1"},"from":{"shoe":"1"}})", R"({"into":{"user_id":"u1"},"from":{"email":" "}})",
        R"({"into":{"user_id":"u1"},"from":{"email":"a@b.c","phone":"1"}})", R"({"into":"u1","from":"u2"})"})
    EXPECT_EQ(call("POST", users + "/merge", wrong).status, 400) << wrong;
  EXPECT_THAT(call("POST", users + "/unlink", R"({"from":{"email":"a@b.c"},"identifier":{"user_id":"u1"}})").body,
              HasSubstr("cannot_unlink_user_id"));
  submit_status_ = fail(Code::kRetry, "the log's queue is full");
  EXPECT_EQ(call("POST", users + "/merge", R"({"into":{"user_id":"u1"},"from":{"email":"a@b.c"}})").status, 503);
}

TEST_F(AdminTest, WhoAsksIsToldWhatItMay) {
  EXPECT_EQ(call("GET", "/v1/access").body, "{\"name\":\"\",\"role\":\"erase\"}\n");
  EXPECT_EQ(call("GET", "/v1/flow").body, "{\"at\":null,\"stages\":[]}\n");
  EXPECT_EQ(call("GET", "/v1/tenants/acme/imports").status, 409);  // this one does not ingest
  EXPECT_EQ(call("GET", "/v1/tenants/acme/imports?limit=0").status, 400);
  EXPECT_EQ(call("GET", "/v1/tenants/acme/imports?after=x").status, 400);
}

TEST_F(AdminTest, ServesTheDescriptionsOfBothListeners) {
  const auto ingest = call("GET", "/v1/openapi/ingest.yaml");
  EXPECT_EQ(ingest.status, 200);
  EXPECT_EQ(ingest.content_type, "application/yaml");
  EXPECT_THAT(ingest.body, AllOf(StartsWith("openapi: 3.1.0\n"), HasSubstr("\n  /v1/records:\n")));
  EXPECT_THAT(call("GET", "/v1/openapi/admin.yaml").body, HasSubstr("\n  /v1/openapi/admin.yaml:\n"));
}

TEST_F(AdminTest, WrongMethodsAreToldTheRightOnes) {
  const auto allow = [](const http::Response& response) {
    std::string out;
    for (const auto& [name, value] : response.headers)
      if (name == "Allow") out = value;
    return out;
  };
  EXPECT_EQ(allow(call("PUT", "/v1/tenants/acme/users/user_id/u1")), "GET, HEAD, DELETE");
  EXPECT_EQ(allow(call("POST", "/healthz")), "GET, HEAD");
  EXPECT_EQ(call("HEAD", "/v1/status").status, 200);
}

TEST_F(AdminTest, TheTokenGuardsAllButHealthAndPage) {
  tokens_ = {{"ops", "s3cret", Role::kErase}};
  for (const char* path : {"/healthz", "/readyz", "/", "/console/console.js"})
    EXPECT_EQ(call("GET", path).status, 200) << path;
  for (const char* path : {"/metrics", "/v1/status", "/v1/openapi/admin.yaml", "/v1/tenants",
                           "/v1/tenants/acme/users/email/a+b@c.de", "/nowhere"}) {
    EXPECT_EQ(call("GET", path).status, 401) << path;
    for (const char* wrong : {"Bearer s3creT", "Bearer s3cret1", "Bearer ", "s3cret", "Basic s3cret"})
      EXPECT_EQ(call("GET", path, "", {{"authorization", wrong}}).status, 401) << wrong;
    EXPECT_NE(call("GET", path, "", {{"authorization", "Bearer s3cret"}}).status, 401) << path;
  }
}

TEST_F(AdminTest, TheHeaderDecidesBeforeThereIsABody) {
  tokens_ = {{"grafana", "r", Role::kRead}};
  const auto judge = [this](const char* method, const char* path, const char* token) {
    http::Request head;
    head.method = method;
    head.path = path;
    head.headers = {{"authorization", token}};
    return admin().judge(head);
  };
  EXPECT_EQ(judge("POST", "/v1/tenants/acme/users/lookup", "").refuse->status, 401);
  EXPECT_EQ(judge("POST", "/nowhere", "Bearer x").refuse->status, 401);
  EXPECT_EQ(judge("POST", "/v1/tenants/acme/deadletters/replay", "Bearer r").refuse->status, 403);
  const http::HeaderVerdict right = judge("POST", "/v1/tenants/acme/users/lookup", "Bearer r");
  EXPECT_FALSE(right.refuse);
  EXPECT_TRUE(right.trusted);
  const http::HeaderVerdict open = judge("GET", "/healthz", "");
  EXPECT_FALSE(open.refuse);
  EXPECT_FALSE(open.trusted);
  EXPECT_LE(open.body_bytes_max, 4096u);
}

TEST_F(AdminTest, EachRoleMayWhatThoseBeforeItMay) {
  tokens_ = {{"grafana", "r", Role::kRead}, {"ops", "o", Role::kOperate}, {"privacy", "e", Role::kErase}};
  const auto status = [this](const char* method, const char* path, const char* body, const std::string& token) {
    return call(method, path, body, {{"authorization", "bearer " + token}}).status;
  };
  for (const char* token : {"r", "o", "e"}) EXPECT_EQ(status("GET", "/metrics", "", token), 200) << token;
  const char* replay = "/v1/tenants/acme/deadletters/replay";
  EXPECT_EQ(status("POST", replay, R"({"code":"x"})", "r"), 403);
  EXPECT_EQ(status("POST", replay, R"({"code":"x"})", "o"), 200);
  EXPECT_EQ(status("POST", replay, R"({"code":"x"})", "e"), 200);
  const char* user = "/v1/tenants/acme/users/user_id/u1";
  EXPECT_EQ(status("DELETE", user, "", "r"), 403);
  EXPECT_EQ(status("DELETE", user, "", "o"), 403);
  EXPECT_EQ(status("DELETE", user, "", "e"), 202);
  const http::Response refused = call("DELETE", user, "", {{"authorization", "Bearer o"}});
  EXPECT_THAT(refused.body, HasSubstr("wants a token of the role erase; this one has operate"));
}

TEST_F(AdminTest, WhoOnlyOperatesAddsNoKeyThatErases) {
  tokens_ = {{"ops", "o", Role::kOperate}, {"privacy", "e", Role::kErase}};
  const auto put = [this](const char* path, const std::string& token) {
    return call("PUT", path, R"({"server_keys":["k"]})", {{"authorization", "Bearer " + token}});
  };
  const http::Response refused = put("/v1/tenants/acme", "o");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("wants a token of the role erase; this one has operate"));
  EXPECT_EQ(call("PUT", "/v1/tenants/acme", "{}", {{"authorization", "Bearer o"}}).status, 200);
  EXPECT_EQ(put("/v1/tenants/acme", "e").status, 200);
  ASSERT_EQ(audited_.size(), 3u) << "what was refused is noted, too";
  EXPECT_EQ(audited_[0].status, 403);
}

TEST_F(AdminTest, WhatIsDoneIsNotedWithoutWhomItWasDoneTo) {
  tokens_ = {{"privacy", "e", Role::kErase}};
  const std::vector<std::pair<std::string, std::string>> token = {{"authorization", "Bearer e"}};
  call("GET", "/v1/tenants/acme/users/user_id/u1", "", token);
  EXPECT_TRUE(audited_.empty());  // looking changes nothing
  call("DELETE", "/v1/tenants/acme/users/email/a%2Bb%40c.de", "", token);
  ASSERT_EQ(audited_.size(), 1u);
  EXPECT_EQ(audited_[0].token, "privacy");
  EXPECT_EQ(audited_[0].action, "DELETE /v1/tenants/{tenant}/users/{type}/{value}");
  EXPECT_EQ(audited_[0].tenant, "acme");
  EXPECT_EQ(audited_[0].status, 202);
  // printf 'email\0a+b@c.de' | sha256sum
  EXPECT_EQ(audited_[0].target, SecretHash::of(std::string_view("email\0a+b@c.de", 14)).hex());
  EXPECT_THAT(audit_line(audited_[0]), Not(HasSubstr("a+b")));
  EXPECT_THAT(audit_line(audited_[0]), HasSubstr(R"("token":"privacy")"));
}

TEST_F(AdminTest, OtherPagesGetNothing) {
  const char* target = "/v1/tenants/acme/deadletters/replay";
  const char* body = R"({"code":"x"})";
  EXPECT_EQ(call("POST", target, body, {{"host", "127.0.0.1:8081"}, {"origin", "https://evil.example"}}).status, 403);
  EXPECT_EQ(call("POST", target, body, {{"host", "evil.example"}, {"origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(call("POST", target, body, {{"host", "127.0.0.1:8081"}, {"origin", "http://127.0.0.1:8081"}}).status, 200);
  for (const char* host : {"localhost:8081", "localhost", "[::1]:8081", "127.0.0.1"})
    EXPECT_EQ(call("GET", "/v1/status", "", {{"host", host}}).status, 200) << host;
  for (const char* host :
       {"evil.example:8081", "127.0.0.1.evil.example", "localhost.evil.example:80", "192.168.1.2:8081"})
    EXPECT_EQ(call("GET", "/v1/status", "", {{"host", host}}).status, 403) << host;
}

}  // namespace
}  // namespace freshet::console
