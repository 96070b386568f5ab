// Reports as partners send them: shapes of AppsFlyer's Push API 2, of Adjust's callbacks and of Branch's webhooks.
#include "ingest/sources/attribution/attribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "http/text.h"
#include "model/time.h"
#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kAppsFlyerInstall =
    R"({"idfv":"9E4E09DA-41D9-4C4B-8E0D-1F2F5F2F0A11","device_category":"phone","af_sub1":null,"customer_user_id":"u-17",)"
    R"("is_lat":false,"bundle_id":"com.example.shop","event_value":null,"city":"Pune","media_source":"googleadwords_int",)"
    R"("event_time":"2026-01-01 14:57:24.898","attributed_touch_time":"2026-01-01 14:45:01.000","af_adset":"women-25",)"
    R"("platform":"ios","app_version":"4.2.1","os_version":"17.5","device_model":"iPhone14,2","language":"en-IN",)"
    R"("campaign":"Diwali 2025","campaign_type":"ua","conversion_type":"install","event_name":"install","af_ad":"",)"
    R"("is_retargeting":false,"is_primary_attribution":true,"idfa":"AAAAAAAA-1111-2222-3333-444455556666",)"
    R"("appsflyer_id":"1577890644898-8433945","app_id":"id123456789","install_time":"2026-01-01 14:57:24.898",)"
    R"("cost_per_install":null,"event_source":"SDK","imei":null,"android_id":null,"advertising_id":null})";

class Attribution : public ::testing::Test, public AdapterFixture {
 protected:
  // The envelope of one report, or why it is rejected.
  const v1::Envelope& take(std::string_view partner, std::string_view body) {
    static const v1::Envelope none;
    auto result = parse_attribution(body, partner, context(), arena);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) return none;
    parsed = std::move(*result);
    EXPECT_EQ(parsed.item_count, 1u);
    EXPECT_TRUE(parsed.rejected.empty()) << parsed.rejected[0].code << ": " << parsed.rejected[0].message;
    return parsed.envelopes.empty() ? none : *parsed.envelopes[0];
  }
  std::string why(std::string_view partner, std::string_view body) {
    parsed = *parse_attribution(body, partner, context(), arena);
    return rejections_of(parsed);
  }

  static std::string identifiers(const google::protobuf::RepeatedPtrField<v1::Identifier>& list) {
    std::string out;
    for (const v1::Identifier& id : list) out += (out.empty() ? "" : " ") + id.type() + "=" + id.value();
    return out;
  }
  // "a=1 -b": a is set, b unset.
  static std::string operations(const google::protobuf::RepeatedPtrField<v1::AttributeOp>& ops) {
    std::string out;
    for (const v1::AttributeOp& op : ops) {
      out += out.empty() ? "" : " ";
      out += op.type() == v1::AttributeOp::UNSET ? "-" + op.name() : op.name() + "=" + op.value().text();
    }
    return out;
  }

  Parsed parsed;
};

TEST_F(Attribution, AnInstallOfAppsFlyer) {
  const v1::Envelope& e = take("appsflyer", kAppsFlyerInstall);
  EXPECT_EQ(e.kind(), v1::Envelope::TRACK);
  EXPECT_EQ(e.source(), "attribution");
  EXPECT_EQ(model::format_time(e.time_us()), "2026-01-01T14:57:24.898Z");
  EXPECT_EQ(identifiers(e.user()), "user_id=u-17");
  EXPECT_EQ(identifiers(e.device()),
            "idfv=9E4E09DA-41D9-4C4B-8E0D-1F2F5F2F0A11 idfa=AAAAAAAA-1111-2222-3333-444455556666 "
            "appsflyer_id=1577890644898-8433945");
  const std::string touch =
      "attribution_provider=appsflyer attribution_source=googleadwords_int attribution_campaign=Diwali 2025 "
      "attribution_adset=women-25 -attribution_ad -attribution_channel install_source=googleadwords_int "
      "install_campaign=Diwali 2025 installed_at=2026-01-01T14:57:24.898Z";
  EXPECT_EQ(operations(e.attributes()), touch);
  EXPECT_EQ(operations(e.device_attributes()),
            touch + " os_name=ios os_version=17.5 app_version=4.2.1 model=iPhone14,2");
  ASSERT_EQ(e.events_size(), 1);
  EXPECT_EQ(e.events(0).name(), "install");
  EXPECT_EQ(
      e.events(0).properties(),
      R"({"device_category":"phone","is_lat":false,"bundle_id":"com.example.shop","city":"Pune",)"
      R"("attributed_touch_time":"2026-01-01 14:45:01.000","language":"en-IN","campaign_type":"ua",)"
      R"("conversion_type":"install","is_retargeting":false,"is_primary_attribution":true,"app_id":"id123456789",)"
      R"("install_time":"2026-01-01 14:57:24.898","event_source":"SDK","provider":"appsflyer",)"
      R"("media_source":"googleadwords_int","campaign":"Diwali 2025","adset":"women-25"})");
  EXPECT_EQ(warnings_of(parsed), "");
}

TEST_F(Attribution, AnEventInTheAppByAppsFlyersGet) {
  const v1::Envelope& e = take(
      "appsflyer",
      "appsflyer_id=1577890644898-8433945&customer_user_id=u+17%2B&event_name=af_purchase&event_value=%7B%22af_revenue"
      "%22%3A%2219.90%22%2C%22af_currency%22%3A%22INR%22%2C%22city%22%3A%22theirs%22%7D&event_time=2026-01-01%2010%3A00"
      "%3A00.5&media_source=organic&city=Pune&advertising_id=38400000-8cf0-11bd-b23e-10b96e40000d&idfa=&campaign=null&"
      "is_retargeting=true&&");
  EXPECT_EQ(identifiers(e.user()), "user_id=u 17+");
  EXPECT_EQ(identifiers(e.device()), "gaid=38400000-8cf0-11bd-b23e-10b96e40000d appsflyer_id=1577890644898-8433945");
  EXPECT_EQ(model::format_time(e.time_us()), "2026-01-01T10:00:00.500Z");
  EXPECT_EQ(e.events(0).name(), "af_purchase");
  EXPECT_EQ(e.events(0).properties(), R"({"city":"Pune","is_retargeting":"true","af_revenue":"19.90",)"
                                      R"("af_currency":"INR","provider":"appsflyer","media_source":"organic"})");
  EXPECT_THAT(operations(e.attributes()), HasSubstr("attribution_source=organic -attribution_campaign"));
  EXPECT_THAT(operations(e.attributes()), Not(HasSubstr("install_source")));
}

// Both reports of one event while a re-engagement counts.
TEST_F(Attribution, AnEventThatAppsFlyerReportsForTwoSourcesIsOne) {
  const auto report = [](std::string_view source, std::string_view primary) {
    return R"({"appsflyer_id":"1-2","event_name":"buy","event_time":"2026-01-01 10:00:00.123","event_value":"{\"n\":1}",)"
           R"("media_source":")" +
           std::string(source) + R"(","is_primary_attribution":)" + std::string(primary) + "}";
  };
  const std::string id = take("appsflyer", report("fb", "true")).message_id();
  EXPECT_EQ(take("appsflyer", report("fb", "true")).message_id(), id) << "sent again";
  const v1::Envelope& other = take("appsflyer", report("google", "false"));
  EXPECT_EQ(other.message_id(), id);
  EXPECT_EQ(operations(other.device_attributes()), "") << "the source that does not count for it";
  EXPECT_NE(take("appsflyer", R"({"appsflyer_id":"1-2","event_name":"buy","event_time":"2026-01-01 10:00:00.124"})")
                .message_id(),
            id);
}

TEST_F(Attribution, ACallbackOfAdjust) {
  const std::string_view query =
      "activity_kind=install&created_at=1767230400&gps_adid=38400000-8cf0-11bd-b23e-10b96e40000d&idfa=%7Bidfa%7D&idfv="
      "{idfv}&adid=18546f6171f67e29d1cb983322ad1329&tracker=abc123&tracker_name=Facebook+Installs%3A%3ADiwali+120"
      "%3A%3AWomen&app_name=Shop&os_name=android&device_name=Pixel7&random=111&user_id=u1&verdicts=1";
  const v1::Envelope& e = take("adjust", query);
  EXPECT_EQ(identifiers(e.user()), "user_id=u1");
  EXPECT_EQ(identifiers(e.device()),
            "gaid=38400000-8cf0-11bd-b23e-10b96e40000d adjust_id=18546f6171f67e29d1cb983322ad1329");
  EXPECT_EQ(model::format_time(e.time_us()), "2026-01-01T01:20:00.000Z");
  EXPECT_EQ(e.events(0).name(), "install");
  EXPECT_EQ(e.events(0).properties(),
            R"({"activity_kind":"install","tracker":"abc123","tracker_name":"Facebook Installs::Diwali 120::Women",)"
            R"("app_name":"Shop","provider":"adjust","media_source":"Facebook Installs","campaign":"Diwali 120",)"
            R"("adset":"Women"})");
  EXPECT_EQ(operations(e.attributes()),
            "attribution_provider=adjust attribution_source=Facebook Installs attribution_campaign=Diwali 120 "
            "attribution_adset=Women -attribution_ad install_source=Facebook Installs install_campaign=Diwali 120 "
            "installed_at=2026-01-01T01:20:00.000Z");
  EXPECT_THAT(operations(e.device_attributes()), HasSubstr("os_name=android model=Pixel7"));
  std::string again(query);
  again.replace(again.find("random=111"), 10, "random=222");
  const std::string id = e.message_id();
  EXPECT_EQ(take("adjust", again).message_id(), id);
}

TEST_F(Attribution, EventsOfAdjustHaveTheirNamesOrTokens) {
  EXPECT_EQ(take("adjust", "adid=a1&activity_kind=event&event=f0ob4r&event_name=Purchase&revenue=9.5").events(0).name(),
            "Purchase");
  EXPECT_EQ(operations(parsed.envelopes[0]->device_attributes()), "") << "a callback without a tracker says nothing";
  EXPECT_EQ(take("adjust", "adid=a1&event=f0ob4r&event_name={event_name}").events(0).name(), "f0ob4r");
  EXPECT_EQ(take("adjust", "adid=a1&activity_kind=session").events(0).name(), "session");
  EXPECT_EQ(why("adjust", "adid=a1&activity_kind=event"), "0:missing_event");
}

TEST_F(Attribution, AWebhookOfBranch) {
  const v1::Envelope& e = take(
      "branch",
      R"({"id":"1046","name":"PURCHASE","timestamp":1767230400123,"attributed":true,"days_from_last_attributed_touch_to_event":3,)"
      R"("user_data":{"os":"IOS","os_version":"17.5","model":"iPhone14,2","brand":"Apple","platform":"IOS_APP",)"
      R"("idfa":"00000000-0000-0000-0000-000000000000","idfv":"9E4E09DA-41D9-4C4B-8E0D-1F2F5F2F0A11",)"
      R"("limit_ad_tracking":true,"ip":"192.0.2.1","developer_identity":"u1","language":"en"},)"
      R"("last_attributed_touch_data":{"~id":"77","~campaign":"Diwali","~channel":"Email","~feature":"marketing",)"
      R"("+url":"https://shop.app.link/x","name":"of the link"},"custom_data":{"name":"theirs","vip":true},)"
      R"("event_data":{"revenue":19.9,"currency":"INR"},"content_items":[{"$sku":"s1","$price":19.9}]})");
  EXPECT_EQ(identifiers(e.user()), "user_id=u1");
  EXPECT_EQ(identifiers(e.device()), "idfv=9E4E09DA-41D9-4C4B-8E0D-1F2F5F2F0A11");
  EXPECT_EQ(model::format_time(e.time_us()), "2026-01-01T01:20:00.123Z");
  EXPECT_EQ(e.events(0).name(), "PURCHASE");
  EXPECT_EQ(e.events(0).properties(),
            R"({"id":"1046","attributed":true,"days_from_last_attributed_touch_to_event":3,)"
            R"("content_items":[{"$sku":"s1","$price":19.9}],"platform":"IOS_APP","limit_ad_tracking":true,)"
            R"("ip":"192.0.2.1","language":"en","revenue":19.9,"currency":"INR","name":"theirs","vip":true,"~id":"77",)"
            R"("~feature":"marketing","+url":"https://shop.app.link/x","provider":"branch","media_source":"Email",)"
            R"("campaign":"Diwali","channel":"Email"})");
  EXPECT_EQ(operations(e.attributes()),
            "attribution_provider=branch attribution_source=Email attribution_campaign=Diwali -attribution_adset "
            "-attribution_ad attribution_channel=Email");
  EXPECT_EQ(operations(e.device_attributes()),
            operations(e.attributes()) + " os_name=IOS os_version=17.5 model=iPhone14,2 manufacturer=Apple");
}

TEST_F(Attribution, AWebhookOfBranchByGet) {
  const v1::Envelope& e =
      take("branch",
           "name=INSTALL&timestamp=1767230400123&aaid=38400000-8cf0-11bd-b23e-10b96e40000d&"
           "campaign=Diwali&channel=Email&developer_identity=%24%7B%28user_data.developer_identity%29%21%7D");
  EXPECT_EQ(identifiers(e.user()), "");
  EXPECT_EQ(identifiers(e.device()), "gaid=38400000-8cf0-11bd-b23e-10b96e40000d");
  EXPECT_EQ(operations(e.device_attributes()),
            "attribution_provider=branch attribution_source=Email attribution_campaign=Diwali "
            "attribution_channel=Email install_source=Email install_campaign=Diwali "
            "installed_at=2026-01-01T01:20:00.123Z");
}

TEST_F(Attribution, AnInstallThatNobodyPaidForIsOrganic) {
  EXPECT_THAT(operations(take("appsflyer", R"({"appsflyer_id":"1-2","event_name":"install"})").device_attributes()),
              HasSubstr("install_source=organic"));
  EXPECT_THAT(
      operations(take("branch", R"({"name":"INSTALL","user_data":{"idfv":"v1"},"last_attributed_touch_data":null})")
                     .device_attributes()),
      HasSubstr("install_source=organic"));
  EXPECT_EQ(operations(take("adjust", "adid=a1&activity_kind=install").device_attributes()), "")
      << "a template without a tracker does not know";
}

TEST_F(Attribution, WhoLimitsAdTrackingHasNoAdvertisingId) {
  const auto limited = [&](std::string_view partner, std::string_view body) {
    const v1::Envelope& e = take(partner, body);
    EXPECT_THAT(e.ShortDebugString(), Not(HasSubstr("38400000"))) << body;
    return identifiers(e.device());
  };
  for (const char* flag : {"true", "\"true\"", "\"True\"", "1", "\"1\"", "\" yes \"", "\"ON\"", "1.0"})
    EXPECT_EQ(limited("appsflyer", R"({"event_name":"e","appsflyer_id":"1","advertising_id":"38400000","is_lat":)" +
                                       std::string(flag) + "}"),
              "appsflyer_id=1");
  for (const char* flag : {"tracking_enabled=0", "tracking_limited=1", "tracking_enabled=false", "tracking_enabled=no",
                           "tracking_limited=Yes"})
    EXPECT_EQ(limited("adjust", "activity_kind=session&adid=1&gps_adid=38400000&gps_adid_lower_md5=38400000aa&" +
                                    std::string(flag)),
              "adjust_id=1");
  EXPECT_EQ(limited("branch", R"({"name":"OPEN","user_data":{"idfv":"v","idfa":"38400000","limit_ad_tracking":true}})"),
            "idfv=v");
  EXPECT_EQ(why("appsflyer", R"({"event_name":"e","idfa":"38400000","is_lat":true})"), "0:missing_identifier");
  // Whether somebody has opted out is not guessed.
  for (const char* flag : {"\"limited\"", "2", "[true]", "{}"})
    EXPECT_EQ(why("appsflyer",
                  R"({"event_name":"e","appsflyer_id":"1","idfa":"38400000","is_lat":)" + std::string(flag) + "}"),
              "0:bad_field")
        << flag;
  EXPECT_EQ(parsed.rejected[0].attribute, "is_lat");
  EXPECT_EQ(why("adjust", "activity_kind=session&adid=1&tracking_enabled=perhaps"), "0:bad_field");
  EXPECT_EQ(why("branch", R"({"name":"OPEN","user_data":{"idfv":"v","limit_ad_tracking":"partly"}})"), "0:bad_field");
  EXPECT_EQ(limited("adjust", "activity_kind=session&adid=1&tracking_enabled=&tracking_limited={tracking_limited}"),
            "adjust_id=1")
      << "what nobody has filled in says nothing";
}

TEST_F(Attribution, WhatNamesNobodyIsNoIdentifier) {
  EXPECT_EQ(why("adjust", "activity_kind=session&idfa=00000000-0000-0000-0000-000000000000"),
            "0:only_blocked_identifiers");
  EXPECT_EQ(why("adjust", "activity_kind=session&idfa=%7Bidfa%7D&gps_adid=&adid=+"), "0:missing_identifier");
  EXPECT_EQ(parsed.rejected[0].item, R"({"activity_kind":"session","idfa":"{idfa}","gps_adid":"","adid":" "})")
      << "a query is kept decoded";
}

// Networks have macros of other forms. Unfilled, they would join the devices of all reports into one.
TEST_F(Attribution, MacrosOfNetworksSayNothing) {
  const v1::Envelope& unfilled =
      take("adjust", "activity_kind=session&adid=1&idfa=%7B%7Bidfa%7D%7D&gps_adid=__GAID__&idfv=%5BIDFV%5D");
  ASSERT_EQ(unfilled.device_size(), 1);
  EXPECT_EQ(unfilled.device(0).type(), "adjust_id");
  const v1::Envelope& e = take("adjust",
                               "activity_kind=session&adid=a1&campaign_name=__CAMPAIGN_NAME__&network_name=N&"
                               "x=%7B%7Bad.name%7D%7D&y=__a__&z=%5Bsale%5D");
  EXPECT_EQ(e.events(0).properties(),
            R"({"activity_kind":"session","y":"__a__","z":"[sale]","provider":"adjust","media_source":"N"})");
}

TEST_F(Attribution, AQueryIsReadAsItComes) {
  const v1::Envelope& e =
      take("adjust", "adid=a1&activity_kind=session&off=50%&x=%ff&note=a%00b&=1&n=1&n=2&n=3&flag&a=b=c");
  EXPECT_EQ(e.events(0).properties(),
            R"({"activity_kind":"session","off":"50%","note":"a\u0000b","n":"3","a":"b=c","provider":"adjust"})");
  EXPECT_EQ(warnings_of(parsed), "0:bad_escape 0:bad_text 0:empty_name");
  EXPECT_EQ(why("adjust", "adid=a1&activity_kind=session&a%01b=1"), "0:bad_name");
  std::string many = "adid=a1&activity_kind=session";
  for (int i = 0; i < 2000; ++i) many += "&n" + std::to_string(i) + "=1";
  take("adjust", many);
  EXPECT_THAT(warnings_of(parsed), HasSubstr("too_many_event_attributes"));
  EXPECT_EQ(why("adjust", "adid=a1&x=" + std::string(33 << 10, 'x')), "0:too_large");
}

TEST_F(Attribution, WhatIsNoReportIsRefused) {
  for (const char* body : {"", " ", "{", "[]", R"({"a":1)", R"({"a":nul})", R"({"user_data":{"a":tru}})"}) {
    const auto result = parse_attribution(body, "branch", context(), arena);
    EXPECT_FALSE(result) << body;
  }
  EXPECT_EQ(take("branch", "\xef\xbb\xbf{\"name\":\"OPEN\",\"user_data\":{\"idfv\":\"v\"}}").events(0).name(), "OPEN");
  EXPECT_EQ(
      take("appsflyer", R"({"event_name":"e","appsflyer_id":"1","event_value":"{not json"})").events(0).properties(),
      R"({"event_value":"{not json","provider":"appsflyer"})");
}

TEST_F(Attribution, ADeadLetterGoesInOnceItIsCorrected) {
  ASSERT_EQ(why("adjust", "activity_kind=install&created_at=1767230400&user_id="), "0:missing_identifier");
  const std::string letter = parsed.rejected[0].item;
  EXPECT_EQ(letter, R"({"activity_kind":"install","created_at":"1767230400","user_id":""})");
  const v1::Envelope& e = take("adjust", R"({"activity_kind":"install","created_at":"1767230400","user_id":"u1"})");
  EXPECT_EQ(identifiers(e.user()), "user_id=u1");
}

// However a query is escaped, what was meant comes out, and the same report has the same id.
RC_GTEST_FIXTURE_PROP(Attribution, ValuesComeOutOfQueriesAsTheyWentIn, (const std::vector<uint8_t>& bytes)) {
  std::string value = "v";
  for (const uint8_t byte : bytes) value += static_cast<char>(0x20 + byte % 0x5f);
  std::string escaped;
  for (const char c : value) {
    constexpr char kHex[] = "0123456789abcdef";
    const auto u = static_cast<unsigned char>(c);
    escaped += {'%', kHex[u >> 4], kHex[u & 15]};
  }
  RC_PRE(value.size() <= 200);
  const std::string query = "adid=a1&activity_kind=session&label=" + escaped;
  const v1::Envelope& e = take("adjust", query);
  simdjson::dom::parser parser;
  const std::string properties = e.events(0).properties();
  RC_ASSERT(std::string(parser.parse(properties)["label"].get_string().value()) == value);
  const std::string id = e.message_id();
  RC_ASSERT(take("adjust", query).message_id() == id);
}

}  // namespace
}  // namespace freshet::ingest
