// IDENTITY: the cases that ingest decides, 1, 2 and 10, in every adapter. Those of action are beside its identity
// protocol.
#include <gtest/gtest.h>

#include <map>

#include "ingest/sources/csv/csv.h"
#include "ingest/sources/data_api/data_api.h"
#include "ingest/sources/records/records.h"
#include "ingest/sources/segment/segment.h"
#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

// Values of "nobody", as senders write them; with them quoted, cased and padded.
std::vector<std::string> values_of_nobody() {
  std::vector<std::string> all;
  for (const std::string value :
       {"", "null", "undefined", "none", "nil", "0", "-1", "NaN", "true", "false", "anonymous", "guest", "unknown",
        "[object Object]", "00000000-0000-0000-0000-000000000000", "0000000000"}) {
    std::string upper = value;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (const std::string& cased : {value, upper})
      for (const std::string& shown : {cased, "  " + cased + "\\t ", "'" + cased + "'", " \\\"" + cased + "\\\" "})
        all.push_back(shown);
  }
  return all;
}

class IdentityCases : public ::testing::Test, public AdapterFixture {
 protected:
  // What each adapter makes of one record of this user and this device; the values are put into JSON as they are.
  std::map<std::string, Parsed> parse(const std::string& user, const std::string& device = "") {
    std::map<std::string, Parsed> all;
    const std::string on_device = device.empty() ? "" : R"(,"device":{"device_id":")" + device + "\"}";
    const std::string context_part = device.empty() ? "" : R"(,"context":{"device":{"id":")" + device + "\"}}";
    const std::string device_id = device.empty() ? "" : R"(,"device_id":")" + device + "\"";
    all["segment"] = *parse_segment(R"({"event":"E","messageId":"m","userId":")" + user + "\"" + context_part + "}",
                                    {.call = "track"}, context(), arena);
    all["identify"] = *parse_segment(
        R"({"messageId":"m","anonymousId":")" + user + R"(","traits":{"city":"Pune"})" + context_part + "}",
        {.call = "identify"}, context(), arena);
    all["data api event"] = *parse_data_api(
        R"({"type":"event","customer_id":")" + user + "\"" + device_id + R"(,"actions":[{"action":"E"}]})", "event",
        context(), arena);
    all["records"] =
        *parse_records(R"({"event":"E","user":{"user_id":")" + user + "\"}" + on_device + "}", context(), arena);
    if (!device.empty()) return all;
    all["data api customer"] =
        *parse_data_api(R"({"type":"customer","customer_id":")" + user + R"(","attributes":{"city":"Pune"}})",
                        "customer", context(), arena);
    all["data api delete"] = *parse_data_api(R"({"identity_type":"customer_id","identity_value":")" + user + "\"}",
                                             "delete", context(), arena);
    all["erase"] = *parse_records(R"({"erase":{"user_id":")" + user + "\"}}", context(), arena);
    return all;
  }

  CsvBatch parse_csv(std::string_view text) {
    const auto mapping =
        parse_csv_mapping("kind: users\ncolumns: {id: {identifier: user_id}, mail: {identifier: email}}", "m");
    const auto plan = bind_csv_mapping(*mapping, std::vector<std::string>{"id", "mail"}, tenant);
    CsvCursor cursor;
    CsvRow row;
    CsvBatch batch;
    (void)next_csv_row(text, true, cursor, row);
    read_csv_rows(*plan, {"content", "import:1"}, text, true, 100, cursor, context(), arena, batch);
    return batch;
  }
};

// Never a phantom: the record is refused with its reason, and kept whole for the dead letters.
TEST_F(IdentityCases, C01_ARecordOfBlockedValuesOnlyIsADeadLetter) {
  for (const std::string& value : values_of_nobody())
    for (const auto& [adapter, parsed] : parse(value)) {
      EXPECT_TRUE(parsed.envelopes.empty()) << adapter << ": " << value;
      ASSERT_EQ(parsed.rejected.size(), 1u) << adapter << ": " << value;
      EXPECT_EQ(parsed.rejected[0].code, "only_blocked_identifiers") << adapter << ": " << value;
      EXPECT_NE(parsed.rejected[0].item.find(value), std::string_view::npos) << adapter;
    }
}

TEST_F(IdentityCases, C01_ABlockedValueBesideAGoodOneIsLeftOut) {
  for (const std::string& value : values_of_nobody())
    for (const auto& [adapter, parsed] : parse(value, "d1")) {
      ASSERT_EQ(parsed.envelopes.size(), 1u) << adapter << ": " << value;
      EXPECT_TRUE(parsed.envelopes[0]->user().empty()) << adapter << ": " << value;
      EXPECT_EQ(parsed.envelopes[0]->device(0).value(), "d1") << adapter;
      EXPECT_EQ(warnings_of(parsed), "0:blocked_identifier") << adapter << ": " << value;
    }
}

TEST_F(IdentityCases, C01_InCsvToo) {
  const CsvBatch batch = parse_csv("id,mail\nNULL,undefined\n ,\n0,a@b.c\nu1,none\n");
  EXPECT_EQ(rejections_of(batch.parsed), "0:only_blocked_identifiers") << "a row of blanks is none";
  ASSERT_EQ(batch.parsed.envelopes.size(), 2u);
  EXPECT_EQ(batch.parsed.envelopes[0]->user(0).value(), "a@b.c");
  EXPECT_EQ(batch.parsed.envelopes[1]->user_size(), 1);
}

TEST_F(IdentityCases, C01_ATenantsOwnBlockedValues) {
  tenant.rules.add_blocked_values("test");
  for (const auto& [adapter, parsed] : parse("TEST")) EXPECT_EQ(parsed.rejected.size(), 1u) << adapter;
  for (const auto& [adapter, parsed] : parse("tester")) EXPECT_TRUE(parsed.rejected.empty()) << adapter;
}

TEST_F(IdentityCases, C01_MergesOfNobodyAreRefused) {
  EXPECT_EQ(rejections_of(
                *parse_records(R"({"merge":{"from":{"user_id":"null"},"into":{"user_id":"u"}}})", context(), arena)),
            "0:only_blocked_identifiers");
  EXPECT_EQ(rejections_of(*parse_records(R"({"unlink":{"from":{"user_id":"u"},"identifier":{"email":"null"}}})",
                                         context(), arena)),
            "0:only_blocked_identifiers");
  EXPECT_EQ(rejections_of(*parse_data_api(R"({"merge_data":[{"merged_user":"0","retained_user":"u"}]})", "merge",
                                          context(), arena)),
            "0:only_blocked_identifiers");
}

constexpr const char* kZeros = "00000000-0000-0000-0000-000000000000";

TEST_F(IdentityCases, C02_AZeroAdvertisingIdIdentifiesNothing) {
  for (const std::string type : {"ios", "android"}) {
    const Parsed parsed =
        *parse_segment(R"({"userId":"u","event":"E","messageId":"m","context":{"device":{"id":"d1","type":")" + type +
                           R"(","advertisingId":")" + kZeros + "\"}}}",
                       {.call = "track"}, context(), arena);
    ASSERT_EQ(parsed.envelopes.size(), 1u);
    EXPECT_EQ(parsed.envelopes[0]->device_size(), 1) << type;
  }
  const Parsed api =
      *parse_data_api(R"({"type":"device","device_id":"d1","attributes":{"moe_gaid":")" + std::string(kZeros) + "\"}}",
                      "device", context(), arena);
  EXPECT_EQ(api.envelopes.at(0)->device_size(), 1);
  const Parsed alone =
      *parse_records(R"({"device":{"idfa":")" + std::string(kZeros) + R"("},"event":"E"})", context(), arena);
  EXPECT_EQ(rejections_of(alone), "0:only_blocked_identifiers");
}

TEST_F(IdentityCases, C02_WithoutConsentToAdTrackingItsIdIdentifiesNothing) {
  const auto devices = [&](const std::string& consent) {
    const Parsed parsed = *parse_segment(
        R"({"userId":"u","event":"E","messageId":"m","context":{"device":{"type":"ios","advertisingId":"ad1")" +
            consent + "}}}",
        {.call = "track"}, context(), arena);
    return parsed.envelopes.at(0)->device_size();
  };
  EXPECT_EQ(devices(R"(,"adTrackingEnabled":false)"), 0);
  EXPECT_EQ(devices(R"(,"adTrackingEnabled":true)"), 1);
  EXPECT_EQ(devices(""), 1);
}

// A backend's event names its user by the id alone, so it lands where the later identify leads.
TEST_F(IdentityCases, C10_ABackendsEventNamesNobodyElse) {
  const Parsed event = *parse_data_api(R"({"type":"event","customer_id":"u","actions":[{"action":"Invoice"}]})",
                                       "event", context(), arena);
  ASSERT_EQ(event.envelopes.size(), 1u);
  EXPECT_EQ(event.envelopes[0]->user_size(), 1);
  EXPECT_TRUE(event.envelopes[0]->device().empty());
  const Parsed update = *parse_data_api(
      R"({"type":"customer","customer_id":"u","attributes":{"plan":"gold"},"update_existing_only":true})", "customer",
      context(), arena);
  EXPECT_TRUE(update.envelopes.at(0)->existing_only()) << "creates nobody";
}

// The country's code that a form shows before anybody has typed a number is of all who have typed none.
TEST_F(IdentityCases, C01_APhoneNumberThatNobodyTypedIsNone) {
  tenant.rules.add_blocked_values("9999999999");
  tenant.phones.default_country = "91";
  for (const char* phone : {"+91", "+91 ", "0091", "91", "+", "99999 99999", "+919999999999", "tel:+91"}) {
    const Parsed parsed = *parse_segment(R"({"anonymousId":"a","traits":{"phone":")" + std::string(phone) + "\"}}",
                                         {.call = "identify"}, context(), arena);
    ASSERT_EQ(parsed.envelopes.size(), 1u);
    EXPECT_EQ(parsed.envelopes[0]->user_size(), 1) << phone;
    EXPECT_EQ(warnings_of(parsed), "0:blocked_identifier") << phone;
  }
}

// One message id for all messages would make all but the first of a person repetitions, and they would be lost.
TEST_F(IdentityCases, C01_AMessageIdOfNobodyIsNone) {
  for (const std::string id : {"undefined", "null", "{{messageId}}", "00000000-0000-0000-0000-000000000000"}) {
    const std::string line = R"({"user":{"user_id":"u"},"message_id":")" + id + R"(","event":)";
    const Parsed parsed = *parse_records(line + "\"A\"}\n" + line + "\"B\"}\n", context(), arena);
    ASSERT_EQ(parsed.envelopes.size(), 2u) << id << rejections_of(parsed);
    EXPECT_NE(parsed.envelopes[0]->message_id(), parsed.envelopes[1]->message_id());
    EXPECT_NE(parsed.envelopes[0]->message_id(), id);
    EXPECT_EQ(warnings_of(parsed), "0:blocked_message_id 1:blocked_message_id");
  }
  const Parsed counted = *parse_records(R"({"user":{"user_id":"u"},"message_id":"0","event":"A"})", context(), arena);
  EXPECT_EQ(counted.envelopes.at(0)->message_id(), "0") << "a sender may count from 0";
}

// As of every member that occurs twice: two of one type would be two names of the person.
TEST_F(IdentityCases, OfAnIdentifierThatOccursTwiceTheLastCounts) {
  const auto named = [](const Parsed& parsed) {
    std::string out;
    for (const v1::Identifier& i : parsed.envelopes.at(0)->user()) out += i.type() + "=" + i.value() + " ";
    return out;
  };
  EXPECT_EQ(named(*parse_records(R"({"user":{"user_id":"u1","email":["a@b.c","d@b.c"],"user_id":"u2"},"event":"E"})",
                                 context(), arena)),
            "user_id=u2 email=a@b.c email=d@b.c ");
  EXPECT_EQ(
      named(*parse_records(R"({"user":{"email":"a@b.c","user_id":"u","email":null},"event":"E"})", context(), arena)),
      "user_id=u ");
  EXPECT_EQ(
      named(*parse_data_api(
          R"({"type":"event","user_identifiers":{"email":"a@b.c","moe_email":"d@b.c","email":"e@b.c"},"actions":[{"action":"A"}]})",
          "event", context(), arena)),
      "email=d@b.c email=e@b.c ");
}

// The limit is for a tenant's own names: a member that says who it is, or that somebody has opted out, is never cut.
TEST_F(IdentityCases, AShortLimitOfNamesHidesNoMember) {
  tenant.limits.name_length = 6;
  const Parsed segment = *parse_segment(
      R"({"anonymousId":"a","messageId":"m","traits":{"favourite":1},"originalTimestamp":"2026-01-01T00:00:00Z",
          "context":{"device":{"id":"d","type":"ios","advertisingId":"x1","adTrackingEnabled":false}}})",
      {.call = "identify"}, context(), arena);
  ASSERT_EQ(segment.envelopes.size(), 1u) << rejections_of(segment);
  const v1::Envelope& e = *segment.envelopes[0];
  EXPECT_EQ(e.user(0).type() + e.message_id(), "anonymous_idm");
  EXPECT_EQ(e.device_size(), 1);
  EXPECT_EQ(e.attributes(0).name(), "favour");
  EXPECT_LT(e.time_us(), kReceivedUs);
  const Parsed records = *parse_records(
      R"({"user":{"anonymous_id":"a"},"message_id":"m","remove_from_set":{"favourites":["x"]},"event":"Bought it","properties":{"category":{"category":1}}})",
      context(), arena);
  ASSERT_EQ(records.envelopes.size(), 1u) << rejections_of(records);
  EXPECT_EQ(records.envelopes[0]->attributes(0).name(), "favour");
  EXPECT_EQ(records.envelopes[0]->events(0).name(), "Bought");
  EXPECT_EQ(records.envelopes[0]->events(0).properties(), R"({"catego":{"catego":1}})");
  const Parsed api = *parse_data_api(
      R"({"type":"customer","customer_id":"c","attributes":{"moe_email":"a@b.c","removeValueFromArrayField":{"t":1}}})",
      "customer", context(), arena);
  ASSERT_EQ(api.envelopes.size(), 1u) << rejections_of(api);
  EXPECT_EQ(api.envelopes[0]->user_size(), 2);
  EXPECT_EQ(api.envelopes[0]->attributes(1).type(), v1::AttributeOp::REMOVE_FROM_SET);
}

}  // namespace
}  // namespace freshet::ingest
