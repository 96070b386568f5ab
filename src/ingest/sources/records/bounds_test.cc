// What one record may ask for: bounded whatever it says.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "ingest/sources/records/records.h"
#include "model/limits.h"
#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

std::string names_from(int begin, int end) {
  std::string list;
  for (int i = begin; i < end; ++i) list += (list.empty() ? "\"k" : ",\"k") + std::to_string(i) + "\"";
  return "[" + list + "]";
}

// An unset leaves its time behind, so names that nobody has would fill a profile without a bound.
TEST(Bounds, AnUnsetTakesANamesPlaceInTheSchema) {
  AdapterFixture fixture;
  fixture.tenant.limits.user_attributes = 10;
  const auto of_names = [&](int begin, int end) {
    return *parse_records(R"({"user":{"user_id":"u1"},"unset":)" + names_from(begin, end) + "}", fixture.context(),
                          fixture.arena);
  };
  EXPECT_EQ(of_names(0, 6).envelopes[0]->attributes_size(), 6);
  EXPECT_EQ(of_names(0, 6).envelopes[0]->attributes_size(), 6) << "known by now";
  const Parsed more = of_names(6, 12);
  EXPECT_EQ(more.envelopes[0]->attributes_size(), 4);
  EXPECT_EQ(warnings_of(more), "0:too_many_attributes 0:too_many_attributes");
  EXPECT_EQ(fixture.registry->list("acme").size(), 10u);
  const Parsed device =
      *parse_records(R"({"device":{"device_id":"d1"},"unset":["a","a","",null]})", fixture.context(), fixture.arena);
  EXPECT_EQ(rejections_of(device), "0:bad_unset");
  const Parsed twice =
      *parse_records(R"({"device":{"device_id":"d1"},"unset":["a","a",""]})", fixture.context(), fixture.arena);
  EXPECT_EQ(twice.envelopes[0]->device_attributes_size(), 1);
  EXPECT_EQ(fixture.registry->list("acme").back().subject, schema::Subject::kDeviceAttribute);
}

TEST(Bounds, AStrictSchemaRefusesAnUnsetOfWhatItDoesNotKnow) {
  AdapterFixture fixture;
  fixture.tenant.strict_schema = true;
  EXPECT_EQ(
      rejections_of(*parse_records(R"({"user":{"user_id":"u1"},"unset":["k"]})", fixture.context(), fixture.arena)),
      "0:unplanned_attribute");
}

// As the name of a value is, so that the two meet.
TEST(Bounds, ALongNameIsCutInAnUnset) {
  AdapterFixture fixture;
  const std::string name(300, 'n');
  const Parsed parsed =
      *parse_records(R"({"user":{"user_id":"u1"},"unset":[")" + name + "\"]}", fixture.context(), fixture.arena);
  EXPECT_EQ(parsed.envelopes[0]->attributes(0).name(), name.substr(0, 200));
  EXPECT_EQ(warnings_of(parsed), "0:name_cut");
}

TEST(Bounds, ARecordHasSoManyOperationsWhateverTheTenantMayHave) {
  AdapterFixture fixture;
  fixture.tenant.limits.user_attributes = 10'000;
  const Parsed parsed = *parse_records(R"({"user":{"user_id":"u1"},"unset":)" + names_from(0, 3000) + "}",
                                       fixture.context(), fixture.arena);
  EXPECT_EQ(static_cast<uint32_t>(parsed.envelopes[0]->attributes_size()), model::kAttributeOpsMax);
  EXPECT_EQ(warnings_of(parsed), "0:too_many_attributes");
}

// A body of nothing but warnings is counted, and costs no memory.
TEST(Bounds, ManyWarningsAreOnlyCounted) {
  AdapterFixture fixture;
  std::string body;
  for (int i = 0; i < 5000; ++i)
    body += R"({"user":{"user_id":"u)" + std::to_string(i) +
            R"(","email":"null"},"set":{"":1}})"
            "\n";
  const Parsed parsed = *parse_records(body, fixture.context(), fixture.arena);
  EXPECT_LE(parsed.warnings.size(), kWarningsKept + 2);
  std::map<std::string_view, uint64_t> counts;
  for (const Warning& warning : parsed.warnings) counts[warning.code] += warning.count;
  EXPECT_EQ(counts["blocked_identifier"], 5000u);
  EXPECT_EQ(counts["empty_name"], 5000u);
}

TEST(Bounds, ARecordHasSoManyElementsOfSets) {
  AdapterFixture fixture;
  fixture.tenant.limits.list_length = 1000;
  const std::string list = names_from(0, 900);
  const Parsed parsed = *parse_records(R"({"user":{"user_id":"u1"},"add_to_set":{"a":)" + list + R"(,"b":)" + list +
                                           R"(,"c":)" + list + R"(,"d":["x"]}})",
                                       fixture.context(), fixture.arena);
  ASSERT_EQ(parsed.envelopes.size(), 1u);
  EXPECT_EQ(parsed.envelopes[0]->attributes_size(), 3);
  EXPECT_EQ(warnings_of(parsed), "0:too_many_elements");
}

TEST(Bounds, ARejectedItemTeachesTheSchemaNothing) {
  AdapterFixture fixture;
  const std::string deep = std::string(20, '[') + std::string(20, ']');
  const Parsed parsed = *parse_records(R"({"user":{"user_id":"u1"},"event":"good"}
{"user":{"user_id":"u1"},"set":{"junk":1,"deep":)" +
                                           deep + R"(}}
{"user":{"user_id":"u1"},"event":"garbage","properties":{"a":1,"b":)" +
                                           deep + "}}",
                                       fixture.context(), fixture.arena);
  EXPECT_EQ(rejections_of(parsed), "1:too_deep 2:too_deep");
  ASSERT_EQ(fixture.registry->list("acme").size(), 1u);
  EXPECT_EQ(fixture.session->take_discoveries().size(), 1u);
}

}  // namespace
}  // namespace freshet::ingest
