#include "console/streams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <future>
#include <map>

#include "freshet/v1/envelope.pb.h"
#include "http/routes.h"
#include "http/text.h"
#include "testing/clock.h"
#include "testing/event_log.h"

namespace freshet::console {
namespace {

using eventlog::Offset;
using eventlog::Topic;
using ::testing::HasSubstr;

// Records in memory; of each read at most two.
class RecordsLog final : public eventlog::FakeLog {
 public:
  explicit RecordsLog(uint32_t partitions) : FakeLog(partitions), records_(partitions) {}
  void add(uint32_t partition, std::string value) {
    const std::lock_guard lock(mutex_);
    records_[partition].push_back(std::move(value));
  }
  void lose(uint32_t partition, Offset before) { low_[partition] = before; }
  Result<eventlog::Watermarks> watermarks(eventlog::TopicPartition of) override {
    const std::lock_guard lock(mutex_);
    return eventlog::Watermarks{low_[of.partition], static_cast<Offset>(records_[of.partition].size())};
  }
  Result<eventlog::Fetched> read(eventlog::TopicPartition of, Offset from, size_t) override {
    const std::lock_guard lock(mutex_);
    eventlog::Fetched out;
    out.from = of;
    const auto& all = records_[of.partition];
    for (auto at = static_cast<size_t>(from); at < all.size() && out.records.size() < 2; ++at)
      out.records.push_back({static_cast<Offset>(at), "", all[at]});
    out.next = from + static_cast<Offset>(out.records.size());
    return out;
  }

 private:
  std::mutex mutex_;
  std::vector<std::deque<std::string>> records_;  // a deque, so that views into it stay
  std::map<uint32_t, Offset> low_;
};

std::string event(const std::string& tenant, int number) {
  return R"({"message_id":"m)" + std::to_string(number) + R"(","tenant":")" + tenant + R"(","event":"E"})";
}

struct Reader {
  http::Response ask(const std::string& query, Topic topic = Topic::kEvents, const std::string& accept = "",
                     const std::string& last_event_id = "") {
    std::promise<http::Response> answer;
    Admin::Call call{.request = {}, .respond = [&](http::Response response) { answer.set_value(std::move(response)); }};
    call.request.headers = {{"accept", accept}};
    if (!last_event_id.empty()) call.request.headers.emplace_back("last-event-id", last_event_id);
    const auto parsed = http::parse_query(query);
    EXPECT_TRUE(parsed);
    call.query = *parsed;
    call.tenant = std::make_shared<const model::Tenant>(model::default_tenant("acme"));
    streams.answer(call, topic);
    return answer.get_future().get();
  }
  static std::string header(const http::Response& response, const std::string& name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return "";
  }

  RecordsLog log{3};
  Streams streams{log, env::real_clock()};
};

TEST(Streams, RecordsAsTheyCameAndWhereTheyLie) {
  Reader reader;
  v1::Envelope record;
  record.set_tenant("acme");
  record.set_message_id("m1");
  record.set_kind(v1::Envelope::TRACK);
  record.set_source("records");
  record.set_received_at_us(1'000'000);
  record.set_time_us(500'000);
  for (const char* value : {"a@b.c", "d@b.c"}) {
    v1::Identifier& one = *record.add_user();
    one.set_type("email");
    one.set_value(value);
  }
  v1::Event& one = *record.add_events();
  one.set_name("Order");
  one.set_properties(R"({"id":9007199254740993})");
  reader.log.add(1, record.SerializeAsString());
  record.set_kind(v1::Envelope::LOOP);  // between partitions
  reader.log.add(1, record.SerializeAsString());
  record.set_kind(v1::Envelope::IDENTIFY);
  record.set_tenant("acme2");
  reader.log.add(1, record.SerializeAsString());
  const std::string line =
      R"({"message_id":"m1","kind":"track","source":"records","received_at":"1970-01-01T00:00:01.000Z",)"
      R"("timestamp":"1970-01-01T00:00:00.500Z","user":{"email":["a@b.c","d@b.c"]},"device":{},)"
      R"("events":[{"event":"Order","properties":{"id":9007199254740993}}],"attributes":0})";
  EXPECT_EQ(reader.ask("", Topic::kActions).body, line + "\n");
  const std::string placed = reader.ask("place=1", Topic::kActions).body;
  EXPECT_THAT(placed, ::testing::StartsWith(R"({"partition":1,"offset":0,"read_at":")"));
  EXPECT_THAT(placed, HasSubstr(R"("record":)" + line));
}

TEST(Streams, ACursorGoesOnWhereTheAnswerEnded) {
  Reader reader;
  for (int i = 0; i < 9; ++i) reader.log.add(static_cast<uint32_t>(i % 3), event(i == 4 ? "acme2" : "acme", i));
  const http::Response first = reader.ask("limit=5");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(first.content_type, "application/x-ndjson");
  EXPECT_EQ(first.body, event("acme", 0) + "\n" + event("acme", 3) + "\n" + event("acme", 6) + "\n" + event("acme", 1) +
                            "\n" + event("acme", 7) + "\n");
  EXPECT_EQ(Reader::header(first, "Freshet-At-End"), "false");
  const std::string cursor = Reader::header(first, "Freshet-Cursor");
  EXPECT_EQ(cursor, "3.3.0");
  const http::Response second = reader.ask("after=" + cursor);
  EXPECT_EQ(second.body, event("acme", 2) + "\n" + event("acme", 5) + "\n" + event("acme", 8) + "\n");
  EXPECT_EQ(Reader::header(second, "Freshet-At-End"), "true");
  EXPECT_EQ(reader.ask("after=" + cursor).body, second.body) << "the same cursor, the same records";
  EXPECT_EQ(reader.ask("after=" + Reader::header(second, "Freshet-Cursor")).body, "");
  EXPECT_EQ(reader.ask("after=end").body, "");
}

TEST(Streams, WaitsForWhatComes) {
  Reader reader;
  auto asked = std::async(std::launch::async, [&] { return reader.ask("after=end&wait=60"); });
  env::real_clock().sleep_us(100'000);
  reader.log.add(1, event("acme", 1));
  EXPECT_EQ(asked.get().body, event("acme", 1) + "\n");
}

TEST(Streams, WhoeverWaitsAtTheEndIsAnswered) {
  auto reader = std::make_unique<Reader>();
  std::promise<http::Response> answer;
  Admin::Call call{.request = {}, .respond = [&](http::Response response) { answer.set_value(std::move(response)); }};
  call.query = {{"wait", "60"}};
  call.tenant = std::make_shared<const model::Tenant>(model::default_tenant("acme"));
  reader->streams.answer(call, Topic::kEvents);
  reader.reset();
  EXPECT_EQ(answer.get_future().get().status, 200);
}

TEST(Streams, SpeaksServerSentEvents) {
  Reader reader;
  reader.log.add(0, event("acme", 0));
  const http::Response response = reader.ask("", Topic::kEvents, "text/event-stream");
  EXPECT_EQ(response.content_type, "text/event-stream");
  EXPECT_EQ(response.body, "retry: 500\n\nid: 1.0.0\ndata: " + event("acme", 0) + "\n\nid: 1.0.0\n\n");
}

// As browsers do it (the HTML standard, 9.2.6): the id counts with the blank line behind it, and the address stays.
struct EventSource {
  explicit EventSource(std::string with) : query(std::move(with)) {}
  // Takes what has come of an answer that may have broken off.
  void take(std::string_view body) {
    std::string id, data;
    while (!body.empty()) {
      const size_t end = body.find('\n');
      if (end == std::string_view::npos) return;
      const std::string_view line = body.substr(0, end);
      body.remove_prefix(end + 1);
      if (line.starts_with("id: ")) id = line.substr(4);
      if (line.starts_with("data: ")) data = line.substr(6);
      if (!line.empty()) continue;
      if (!id.empty()) last_id = std::exchange(id, "");
      if (!data.empty()) got.push_back(std::exchange(data, ""));
    }
  }
  const std::string query;
  std::string last_id;
  std::vector<std::string> got;
};

// Wherever an answer breaks off: the next one goes on behind what was whole, whatever the address says.
TEST(Streams, ABrowserThatComesAgainHasEachRecordOnce) {
  Reader reader;
  std::vector<std::string> wanted;
  for (uint32_t p = 0; p < 3; ++p) {
    for (int i = 0; i < 4; ++i) {
      const int number = static_cast<int>(p) * 10 + i;
      reader.log.add(p, event(i == 2 ? "acme2" : "acme", number));
      if (i != 2) wanted.push_back(event("acme", number));
    }
  }
  const auto ask = [&](const EventSource& browser) {
    return reader.ask(browser.query, Topic::kEvents, "text/event-stream", browser.last_id).body;
  };
  const std::string whole = ask(EventSource("after=begin&wait=0"));
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    EventSource browser("after=begin&wait=0");
    browser.take(std::string_view(whole).substr(0, cut));
    browser.take(ask(browser));
    ASSERT_EQ(browser.got, wanted) << "broken off after " << cut << " bytes";
    browser.take(ask(browser));
    ASSERT_EQ(browser.got, wanted) << "the next answer, after " << cut << " bytes";
  }
}

TEST(Streams, ChangesAreToldAsJson) {
  Reader reader;
  v1::Change change;
  change.set_tenant("acme");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id(std::string(16, '\x01'));
  change.set_version(7);
  v1::ChangeOp& op = *change.add_ops();
  op.set_type(v1::ChangeOp::SET);
  op.set_section(v1::ATTRIBUTES);
  op.set_name("city");
  op.mutable_value()->set_text("Pune");
  reader.log.add(0, change.SerializeAsString());
  change.set_tenant("other");
  reader.log.add(0, change.SerializeAsString());
  const http::Response response = reader.ask("", Topic::kChanges);
  EXPECT_EQ(response.body, R"({"tenant":"acme","kind":"user","id":"01010101010101010101010101010101","version":7,)"
                           R"("received_at":"1970-01-01T00:00:00.000Z","removed":false,"whole":false,)"
                           R"("ops":[{"op":"set","section":"attributes","name":"city","value":"Pune"}]})"
                           "\n");
}

TEST(Streams, SaysWhatIsWrongWithAQuestion) {
  Reader reader;
  for (const char* query : {"limit=0", "limit=x", "limit=10001", "wait=61", "wait=-1", "after=x", "after=1.2",
                            "after=1.2.3.4", "after=1..2", "after=-1.0.0", "after=1.2.99999999999999999999"}) {
    const http::Response response = reader.ask(query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_THAT(response.body, HasSubstr("bad_request")) << query;
  }
}

TEST(Streams, WhatIsLostToRetentionIsNotSkippedInSilence) {
  Reader reader;
  for (int i = 0; i < 5; ++i) reader.log.add(0, event("acme", i));
  reader.log.lose(0, 3);
  const http::Response response = reader.ask("after=1.0.0");
  EXPECT_EQ(response.status, 410);
  EXPECT_THAT(response.body, HasSubstr("from 1 to 3"));
  EXPECT_EQ(reader.ask("after=begin").body, event("acme", 3) + "\n" + event("acme", 4) + "\n");
}

// Of whom none are written: it says what to do, whatever is asked for.
TEST(Streams, EventsThatNobodyReadsAreRefusedWithAdvice) {
  AdminOptions options;
  RecordsLog log(1);
  env::FakeClock clock;
  options.log = &log;
  options.clock = &clock;
  options.streams = std::make_shared<Streams>(log, env::real_clock());
  const auto ask = [&](bool if_read, bool unread) {
    options.events_if_read = if_read;
    Admin admin(options);
    model::Tenant tenant = model::default_tenant("acme");
    tenant.rules.set_events_unread(unread);
    std::promise<http::Response> answer;
    Admin::Call call{.request = {}, .respond = [&](http::Response response) { answer.set_value(std::move(response)); }};
    call.tenant = std::make_shared<const model::Tenant>(std::move(tenant));
    stream_events(admin, call);
    return answer.get_future().get();
  };
  const http::Response refused = ask(true, true);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("not_written"));
  EXPECT_THAT(refused.body, HasSubstr("events: {keep: 7d}"));
  EXPECT_EQ(ask(true, false).status, 200);
  EXPECT_EQ(ask(false, true).status, 200);
}

RC_GTEST_PROP(StreamsProperty, APlaceComesBackFromItsText, ()) {
  const auto offsets = *rc::gen::nonEmpty(rc::gen::container<std::vector<uint32_t>>(rc::gen::arbitrary<uint32_t>()));
  const StreamPlace place(offsets.begin(), offsets.end());
  const auto back = parse_place(text_of_place(place), place.size());
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == place);
}

}  // namespace
}  // namespace freshet::console
