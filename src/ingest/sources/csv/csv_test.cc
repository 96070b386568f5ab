#include "ingest/sources/csv/csv.h"

#include <gtest/gtest.h>

#include "model/time.h"

namespace freshet::ingest {
namespace {

// Knows all, but for what a test says.
struct FakeSession final : schema::Registry::Session {
  schema::Verdict check(schema::Subject subject, std::string_view of, std::string_view name, schema::Type) override {
    asked.push_back(std::to_string(static_cast<int>(subject)) + " " + std::string(of) + "/" + std::string(name));
    return name == odd_name ? odd : schema::Verdict::kKnown;
  }
  std::vector<v1::SchemaChange> take_discoveries() override { return {}; }
  std::vector<std::string> asked;
  std::string odd_name;
  schema::Verdict odd = schema::Verdict::kKnown;
};

constexpr int64_t kNow = 1'800'000'000'000'000;

class CsvRows : public testing::Test {
 protected:
  // `text` with its header.
  CsvBatch run(const std::string& yaml, std::string_view text) {
    const auto mapping = parse_csv_mapping(yaml, "m");
    EXPECT_TRUE(mapping.has_value()) << (mapping ? "" : mapping.error().message);
    CsvCursor cursor;
    CsvRow row;
    EXPECT_TRUE(next_csv_header(text, true, cursor, row));
    const std::vector<std::string> header(row.fields.begin(), row.fields.end());
    const auto plan = bind_csv_mapping(*mapping, header, tenant);
    EXPECT_TRUE(plan.has_value()) << (plan ? "" : plan.error().message);
    CsvBatch batch;
    const AdapterContext context{
        .tenant = tenant, .schema = session, .received_at_us = kNow, .endpoint = "/v1/imports", .random_id = {}};
    read_csv_rows(*plan, source, text, true, 1000, cursor, context, arena, batch);
    EXPECT_TRUE(text.empty());
    return batch;
  }

  model::Tenant tenant = model::default_tenant("t");
  FakeSession session;
  google::protobuf::Arena arena;
  CsvSource source{"content", "import:1"};
};

const std::string kEvents =
    "kind: events\nevent: {constant: Purchase}\ncolumns:\n  customer: {identifier: user_id}\n  day: {timestamp: "
    "\"%Y%m%d\"}\n"
    "  dollars: {property: dollars, type: number}\n  note: {property: note}\n";

TEST_F(CsvRows, AnEvent) {
  const CsvBatch batch = run(kEvents, "customer,day,dollars,note\r\nc1,20240131,12.50,\"a \"\"b\"\"\"\r\n");
  ASSERT_EQ(batch.parsed.envelopes.size(), 1U);
  const v1::Envelope& e = *batch.parsed.envelopes[0];
  EXPECT_EQ(e.tenant(), "t");
  EXPECT_EQ(e.source(), "csv");
  EXPECT_EQ(e.kind(), v1::Envelope::TRACK);
  EXPECT_EQ(e.ledger(), "import:1");
  EXPECT_EQ(e.user(0).type(), "user_id");
  EXPECT_EQ(e.user(0).value(), "c1");
  EXPECT_EQ(e.events(0).name(), "Purchase");
  EXPECT_EQ(e.events(0).properties(), R"({"dollars":12.50,"note":"a \"b\""})");
  EXPECT_EQ(model::format_time(e.events(0).time_us()), "2024-01-31T00:00:00.000Z");
  EXPECT_EQ(e.time_us(), e.events(0).time_us());
  EXPECT_EQ(e.message_id().size(), 48U);
  EXPECT_EQ(session.asked, (std::vector<std::string>{"0 /Purchase", "1 Purchase/dollars", "1 Purchase/note"}));
}

TEST_F(CsvRows, AUserAndADevice) {
  const CsvBatch users = run(
      "kind: users\ncolumns: {id: {identifier: user_id}, mail: {identifier: email}, city: {attribute: city}, "
      "age: {attribute: age, type: number}, vip: {attribute: vip, type: boolean}, born: {attribute: born, type: time}}",
      "mail,id,city,age,vip,born\nA@B.C,u1,Pune,41,Yes,1990-01-02\n");
  ASSERT_EQ(users.parsed.envelopes.size(), 1U);
  const v1::Envelope& user = *users.parsed.envelopes[0];
  EXPECT_EQ(user.kind(), v1::Envelope::IDENTIFY);
  EXPECT_EQ(user.user(0).type(), "user_id");
  EXPECT_EQ(user.user(1).value(), "a@b.c");
  ASSERT_EQ(user.attributes_size(), 4);
  EXPECT_EQ(user.attributes(0).value().text(), "Pune");
  EXPECT_EQ(user.attributes(1).value().integer(), 41);
  EXPECT_TRUE(user.attributes(2).value().boolean());
  EXPECT_EQ(model::format_time(user.attributes(3).value().time_us()), "1990-01-02T00:00:00.000Z");
  EXPECT_EQ(user.time_us(), kNow);
  EXPECT_EQ(user.events_size(), 0);

  const CsvBatch devices =
      run("kind: devices\ncolumns: {d: {identifier: device_id}, u: {identifier: user_id}, os: {attribute: os}}",
          "d,u,os\nd1,u1,iOS\n");
  ASSERT_EQ(devices.parsed.envelopes.size(), 1U);
  EXPECT_EQ(devices.parsed.envelopes[0]->kind(), v1::Envelope::DEVICE);
  EXPECT_EQ(devices.parsed.envelopes[0]->device(0).value(), "d1");
  EXPECT_EQ(devices.parsed.envelopes[0]->user(0).value(), "u1");
  EXPECT_EQ(devices.parsed.envelopes[0]->device_attributes(0).name(), "os");
}

// The zeros of a customer's number are kept so, for spreadsheets; as an attribute it stays what was sent.
TEST_F(CsvRows, AnIdentifierWrittenAsAFormulaIsWhatStandsInTheQuotes) {
  const CsvBatch batch = run("kind: users\ncolumns: {id: {identifier: user_id}, note: {attribute: note}}",
                             "id,note\n=\"00123\",=\"007\"\n\"=\"\"00124\"\"\",x\n=\"\",x\n#N/A,x\n1.23457E+15,x\n");
  ASSERT_EQ(batch.parsed.envelopes.size(), 2U);
  EXPECT_EQ(batch.parsed.envelopes[0]->user(0).value(), "00123");
  EXPECT_EQ(batch.parsed.envelopes[0]->attributes(0).value().text(), "=\"007\"");
  EXPECT_EQ(batch.parsed.envelopes[1]->user(0).value(), "00124");
  EXPECT_EQ(rejections_of(batch.parsed),
            "2:only_blocked_identifiers 3:only_blocked_identifiers 4:only_blocked_identifiers");
}

// As tools for tables write a column of whole numbers in which one is missing.
TEST_F(CsvRows, AnIdentifierWithAFractionOfZeroIsAWholeNumber) {
  const CsvBatch batch = run("kind: users\ncolumns: {id: {identifier: user_id}, note: {attribute: note}}",
                             "id,note\n123.0,7.0\n v1.0,\n1.00,\n.0,\n");
  ASSERT_EQ(batch.parsed.envelopes.size(), 3U);
  EXPECT_EQ(batch.parsed.envelopes[0]->user(0).value(), "123");
  EXPECT_EQ(batch.parsed.envelopes[0]->attributes(0).value().text(), "7.0");
  EXPECT_EQ(batch.parsed.envelopes[1]->user(0).value(), "v1.0");
  EXPECT_EQ(batch.parsed.envelopes[2]->user(0).value(), "1.00");
}

// What shops' exports put in front of numbers, so that spreadsheets leave them alone, and what these make of long ones.
TEST_F(CsvRows, AnIdentifierForASpreadsheetIsWhatItShows) {
  const CsvBatch batch =
      run("kind: users\ncolumns: {id: {identifier: user_id}, phone: {identifier: phone}}",
          "id,phone\n'0012,'+919876500001\n'tHooft,p:+919876500002\n1.2345678E+7,9.19876500003E+11\n'7',\n");
  ASSERT_EQ(batch.parsed.envelopes.size(), 4U);
  const auto ids = [&](size_t i) {
    std::string all;
    for (const v1::Identifier& id : batch.parsed.envelopes[i]->user()) all += id.value() + " ";
    return all;
  };
  EXPECT_EQ(ids(0), "0012 +919876500001 ");
  EXPECT_EQ(ids(1), "'tHooft +919876500002 ");
  EXPECT_EQ(ids(2), "12345678 919876500003 ");
  EXPECT_EQ(ids(3), "'7' ");
}

// Spreadsheets write the cells beside and below a table, too, where anything has ever stood.
TEST_F(CsvRows, CellsBesideTheTableAreNone) {
  const CsvBatch batch = run("kind: users\ncolumns: {id: {identifier: user_id}, name: {attribute: name}}",
                             "id,name\nc1,Ann,,\n,\n \u00a0,\n,,,\nc2,Bo, \nc3,Cy,x\nid,name\nc4,name\n");
  ASSERT_EQ(batch.parsed.envelopes.size(), 3U);
  EXPECT_EQ(batch.parsed.envelopes[0]->attributes(0).value().text(), "Ann");
  EXPECT_EQ(batch.parsed.envelopes[1]->user(0).value(), "c2");
  EXPECT_EQ(batch.parsed.envelopes[2]->user(0).value(), "c4");
  EXPECT_EQ(rejections_of(batch.parsed), "2:wrong_cell_count 3:repeated_header");
  EXPECT_EQ(batch.lines, (std::vector<uint64_t>{2, 6, 7, 8, 9}));
}

TEST_F(CsvRows, ValuesHaveNoBlanksOfAnyKindAroundThem) {
  const CsvBatch batch =
      run("kind: users\ncolumns: {id: {identifier: user_id}, n: {attribute: n, type: number}, b: {attribute: b, type: "
          "boolean}, t: {attribute: t, type: time}}",
          "id,n,b,t\nc1,\u00a012\u00a0,true\u00a0,\u00a02026-01-02\nc2,,1.0,\nc3,,off,\nc4,,maybe,\n");
  ASSERT_EQ(batch.parsed.envelopes.size(), 3U);
  EXPECT_EQ(batch.parsed.envelopes[0]->attributes(0).value().integer(), 12);
  EXPECT_TRUE(batch.parsed.envelopes[0]->attributes(1).value().boolean());
  EXPECT_EQ(batch.parsed.envelopes[0]->attributes(2).value().time_us(), *model::parse_time("2026-01-02"));
  EXPECT_TRUE(batch.parsed.envelopes[1]->attributes(0).value().boolean());
  EXPECT_FALSE(batch.parsed.envelopes[2]->attributes(0).value().boolean());
  EXPECT_EQ(rejections_of(batch.parsed), "3:bad_boolean");
}

TEST_F(CsvRows, EmptyCellsAreLeftOut) {
  const CsvBatch batch = run(kEvents, "customer,day,dollars,note\nc1,,,\n");
  ASSERT_EQ(batch.parsed.envelopes.size(), 1U);
  EXPECT_EQ(batch.parsed.envelopes[0]->events(0).properties(), "");
  EXPECT_EQ(batch.parsed.envelopes[0]->time_us(), kNow);
}

TEST_F(CsvRows, ABadRowCostsItselfAlone) {
  const CsvBatch batch = run(kEvents,
                             "customer,day,dollars,note\n"
                             "c1,20240131,1,\"two\nlines\"\n"  // 2
                             "c2,2024-01-31,1,\n"              // 4
                             "c3,20240131,ten,\n"              // 5
                             ",20240131,1,\n"                  // 6
                             "null,20240131,1,\n"              // 7
                             "c4,20240131\n"                   // 8
                             "\"c5\"x,20240131,1,\n"           // 9
                             "c6,20240131,1,\n");              // 10
  EXPECT_EQ(batch.parsed.envelopes.size(), 2U);
  std::vector<std::pair<uint64_t, std::string>> got;
  for (const Rejection& r : batch.parsed.rejected) got.emplace_back(batch.lines[r.index], r.code);
  const std::vector<std::pair<uint64_t, std::string>> want = {
      {4, "bad_time"},         {5, "bad_number"}, {6, "missing_identifier"}, {7, "only_blocked_identifiers"},
      {8, "wrong_cell_count"}, {9, "bad_quote"}};
  EXPECT_EQ(got, want);
  EXPECT_EQ(batch.parsed.rejected[0].item, "c2,2024-01-31,1,");
  EXPECT_FALSE(batch.parsed.rejected[0].message_id.empty());
  EXPECT_EQ(batch.parsed.rejected[0].message.find("2024-01-31"), std::string::npos) << "values stay out of messages";
}

TEST_F(CsvRows, MessageIdsSayContentRowAndMapping) {
  const std::string text = "customer,day,dollars,note\nc1,,1,\nc1,,1,\n";
  const auto ids = [&](const std::string& yaml) {
    std::vector<std::string> all;
    for (const v1::Envelope* e : run(yaml, text).parsed.envelopes) all.push_back(e->message_id());
    return all;
  };
  const auto first = ids(kEvents);
  ASSERT_EQ(first.size(), 2U);
  EXPECT_NE(first[0], first[1]);
  EXPECT_EQ(ids(kEvents), first);
  EXPECT_NE(ids("kind: events\nevent: {constant: Sale}" + kEvents.substr(kEvents.find("\ncolumns"))), first);
  source.content_hash = "other";
  EXPECT_NE(ids(kEvents), first);
}

// What decides between rows of one instant is the id, so the last row of the file counts.
TEST_F(CsvRows, WhatStandsLaterInTheFileWins) {
  std::string text = "customer,day,dollars,note\n";
  for (int i = 0; i < 300; ++i) text += "c1,20240131,1,\n";
  const CsvBatch batch = run(kEvents, text);
  ASSERT_EQ(batch.parsed.envelopes.size(), 300U);
  for (size_t i = 1; i < 300; ++i) {
    EXPECT_EQ(batch.parsed.envelopes[i]->time_us(), batch.parsed.envelopes[0]->time_us());
    EXPECT_LT(batch.parsed.envelopes[i - 1]->message_id(), batch.parsed.envelopes[i]->message_id());
  }
}

TEST_F(CsvRows, WholeNumbersKeepTheirDigits) {
  const std::string yaml = "kind: users\ncolumns: {u: {identifier: user_id}, n: {attribute: n, type: number}}";
  const auto value = [&](const std::string& cell) {
    return run(yaml, "u,n\nu," + cell + "\n").parsed.envelopes.at(0)->attributes(0).value().ShortDebugString();
  };
  EXPECT_EQ(value("9223372036854775807"), "integer: 9223372036854775807");
  EXPECT_EQ(value("+18446744073709551615"), "decimal: \"18446744073709551615\"");
  EXPECT_EQ(value("-0018446744073709551616"), "decimal: \"-18446744073709551616\"");
  EXPECT_EQ(value("1.5"), "number: 1.5");
}

TEST_F(CsvRows, LimitsAndSchema) {
  tenant.limits.value_length = 5;
  const CsvBatch cut = run(kEvents, "customer,day,dollars,note\nc1,,1,abcdefgh\nc1,,1,https://example.com\n");
  ASSERT_EQ(cut.parsed.envelopes.size(), 2U);
  EXPECT_EQ(cut.parsed.envelopes[0]->events(0).properties(), R"({"dollars":1,"note":"abcde"})");
  EXPECT_EQ(cut.parsed.envelopes[1]->events(0).properties(), R"({"dollars":1})");
  EXPECT_EQ(cut.parsed.warnings.size(), 2U);

  session.odd_name = "note";
  session.odd = schema::Verdict::kOverLimit;
  EXPECT_EQ(run(kEvents, "customer,day,dollars,note\nc1,,1,abc\n").parsed.envelopes[0]->events(0).properties(),
            R"({"dollars":1})");
  session.odd = schema::Verdict::kUnplanned;
  EXPECT_EQ(run(kEvents, "customer,day,dollars,note\nc1,,1,abc\n").parsed.rejected[0].code, "unplanned_attribute");
  session.odd_name = "Purchase";
  EXPECT_EQ(run(kEvents, "customer,day,dollars,note\nc1,,1,abc\n").parsed.rejected[0].code, "unplanned_event");
}

TEST_F(CsvRows, NumbersAndTimes) {
  const std::string yaml =
      "kind: events\nevent: {column: e}\ncolumns: {u: {identifier: user_id}, s: {timestamp: epoch_s}, n: {property: n, "
      "type: number}}";
  const auto properties = [&](const std::string& number) {
    const CsvBatch batch = run(yaml, "u,e,s,n\nu,E,1700000000.5," + number + "\n");
    return batch.parsed.envelopes.empty() ? batch.parsed.rejected[0].code
                                          : batch.parsed.envelopes[0]->events(0).properties();
  };
  EXPECT_EQ(properties("007"), "{\"n\":7}");
  EXPECT_EQ(properties("+1.5"), "{\"n\":1.5}");
  EXPECT_EQ(properties(" 123456789012345678901234567890.10 "), "{\"n\":123456789012345678901234567890.10}");
  EXPECT_EQ(properties("1e400"), "bad_number");
  EXPECT_EQ(properties("nan"), "bad_number");
  EXPECT_EQ(properties("0x10"), "bad_number");
  EXPECT_EQ(properties("\"1,5\""), "bad_number");
  const auto time = [&](const std::string& cell) {
    const CsvBatch batch = run(yaml, "u,e,s,n\nu,E," + cell + ",\n");
    return batch.parsed.envelopes.empty() ? int64_t{-1} : batch.parsed.envelopes[0]->time_us();
  };
  EXPECT_EQ(time("1700000000.5"), 1'700'000'000'500'000);
  EXPECT_EQ(time("1e300"), -1);
  EXPECT_EQ(time("5000000000"), kNow) << "never later than received";
}

}  // namespace
}  // namespace freshet::ingest
