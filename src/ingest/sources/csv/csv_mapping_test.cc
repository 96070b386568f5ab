#include "ingest/sources/csv/csv_mapping.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace freshet::ingest {
namespace {

constexpr std::string_view kDesign = R"(
kind: events                           # users | events | devices
event: {constant: Purchase}            # or {column: event}
columns:
  customer: {identifier: user_id}
  day: {timestamp: "%Y%m%d"}           # or iso8601, epoch_s, epoch_ms
  dollars: {property: dollars, type: number}
  note: {skip: true}
)";

std::string refusal(std::string_view yaml) {
  const auto mapping = parse_csv_mapping(yaml, "m.yaml");
  return mapping ? "" : mapping.error().message;
}

std::string bind_refusal(std::string_view yaml, const std::vector<std::string>& header) {
  const auto mapping = parse_csv_mapping(yaml, "m.yaml");
  if (!mapping) return "mapping: " + mapping.error().message;
  const auto plan = bind_csv_mapping(*mapping, header, model::default_tenant("t"));
  return plan ? "" : plan.error().message;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(CsvMapping, TheOneOfTheDesign) {
  const auto mapping = parse_csv_mapping(kDesign, "m.yaml");
  ASSERT_TRUE(mapping.has_value()) << mapping.error().message;
  EXPECT_EQ(mapping->event, "Purchase");
  ASSERT_EQ(mapping->columns.size(), 4U);
  EXPECT_EQ(mapping->columns[1].format, "%Y%m%d");
  EXPECT_EQ(mapping->columns[2].type, CsvType::kNumber);
  const std::vector<std::string> header = {"note", "dollars", "day", "customer"};
  const auto plan = bind_csv_mapping(*mapping, header, model::default_tenant("t"));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(plan->cells[3].column.use, CsvUse::kIdentifier);
  EXPECT_EQ(plan->cells[1].json_key, "\"dollars\":");
}

TEST(CsvMapping, AllProblemsWithPlaces) {
  const std::string text = refusal(R"(kind: event
evnt: {constant: x}
columns:
  a: {identifer: user_id}
  b: {timestamp: "%Q"}
  c: {property: c, type: int}
  d: {property: c, attribute: c}
  e: {skip: false}
  f: {timestamp: yesterday}
)");
  EXPECT_TRUE(has(text, "m.yaml:1:7: kind: must be users, events or devices, not \"event\"; did you mean \"events\"?"))
      << text;
  EXPECT_TRUE(has(text, "m.yaml:2:1: unknown key \"evnt\"; did you mean \"event\"?")) << text;
  EXPECT_TRUE(has(text, "m.yaml:4:7: columns.a: unknown key \"identifer\"; did you mean \"identifier\"?")) << text;
  EXPECT_TRUE(has(text, "m.yaml:5:18: columns.b.timestamp: \"%Q\" is not a known directive")) << text;
  EXPECT_TRUE(has(text, "columns.c.type: must be string, number, boolean or time, not \"int\"")) << text;
  EXPECT_TRUE(has(text, "m.yaml:7:6: columns.d: must say exactly one of")) << text;
  EXPECT_TRUE(has(text, "columns.e.skip: must be true")) << text;
  EXPECT_TRUE(has(text, "columns.f.timestamp: must be iso8601, epoch_s, epoch_ms or a format")) << text;
  EXPECT_TRUE(has(text, "one at least must be an identifier")) << text;
}

TEST(CsvMapping, ValuesBelongToTheKind) {
  EXPECT_TRUE(has(refusal("kind: users\ncolumns: {u: {identifier: user_id}, c: {property: city}}"), "write attribute"));
  EXPECT_TRUE(
      has(refusal("kind: events\nevent: {constant: E}\ncolumns: {u: {identifier: user_id}, c: {attribute: city}}"),
          "write property"));
  EXPECT_TRUE(
      has(refusal("kind: users\nevent: {constant: E}\ncolumns: {u: {identifier: user_id}}"), "only for kind: events"));
  EXPECT_TRUE(has(refusal("kind: events\ncolumns: {u: {identifier: user_id}}"), "event: is missing"));
  EXPECT_TRUE(has(refusal("kind: events\nevent: {constant: E, column: e}\ncolumns: {u: {identifier: user_id}}"),
                  "either constant or column"));
  EXPECT_TRUE(has(refusal("kind: users\ncolumns: {u: {identifier: user_id}, a: {attribute: x}, b: {attribute: x}}"),
                  "is mapped to \"x\" already"));
  EXPECT_EQ(
      refusal("kind: users\ncolumns: {u: {identifier: user_id}, c: {attribute: city, type: time, format: epoch_ms}}"),
      "");
}

TEST(CsvMapping, EveryColumnIsNamedOrTheImportIsRefused) {
  const std::string text = bind_refusal(kDesign, {"customer", "day", "dolars", "note", "extra", "day"});
  EXPECT_TRUE(has(text, "the column \"dolars\" is not in the mapping; did you mean \"dollars\"?")) << text;
  EXPECT_TRUE(has(text, "the column \"extra\" is not in the mapping (write {skip: true} to leave it out)")) << text;
  EXPECT_TRUE(has(text, "the mapping names a column \"dollars\" that the file has not; did you mean \"dolars\"?"))
      << text;
  EXPECT_TRUE(has(text, "\"day\" twice")) << text;
  EXPECT_TRUE(has(bind_refusal(kDesign, {"customer;day;dollars;note"}), "separated by commas"));
}

TEST(CsvMapping, LineEndsOfCarriageReturnsAreNamed) {
  const std::string text = bind_refusal(kDesign, {"customer", "day\rc1", "20240131\rc2", "20240131"});
  EXPECT_TRUE(has(text, "line ends are CR alone")) << text;
  EXPECT_FALSE(has(text, "is not in the mapping")) << text;
}

TEST(CsvMapping, AByteOrderMarkIsNoPartOfIt) {
  EXPECT_TRUE(parse_csv_mapping("\xef\xbb\xbfkind: users\ncolumns: {u: {identifier: user_id}}", "m"));
}

TEST(CsvMapping, IdentifierTypesAreTheTenants) {
  const std::string header = "kind: users\ncolumns: {u: {identifier: ";
  EXPECT_TRUE(has(bind_refusal(header + "user_ids}}", {"u"}), "did you mean \"user_id\"?"));
  EXPECT_TRUE(has(bind_refusal(header + "device_id}}", {"u"}), "no column is an identifier of a user"));
  EXPECT_EQ(bind_refusal("kind: events\nevent: {column: e}\ncolumns: {u: {identifier: device_id}}", {"e", "u"}), "");
  EXPECT_EQ(bind_refusal("kind: devices\ncolumns: {u: {identifier: device_id}, o: {identifier: user_id}}", {"o", "u"}),
            "");
}

TEST(CsvMapping, TheHashIsOfTheMeaning) {
  const auto hash = [](std::string_view yaml) { return parse_csv_mapping(yaml, "m")->hash(); };
  const std::string_view a = "kind: users\ncolumns: {u: {identifier: user_id}, c: {attribute: city}}";
  EXPECT_EQ(
      hash(a),
      hash("# other text\ncolumns:\n  c: {attribute: city, type: string}\n  u: {identifier: user_id}\nkind: users\n"));
  EXPECT_NE(hash(a), hash("kind: users\ncolumns: {u: {identifier: email}, c: {attribute: city}}"));
  EXPECT_NE(hash(a), hash("kind: users\ncolumns: {u: {identifier: user_id}, c: {attribute: town}}"));
  EXPECT_NE(hash(a), hash("kind: users\ncolumns: {u: {identifier: user_id}, c: {attribute: city, type: number}}"));
}

TEST(CsvMapping, AProposalCanBeUsed) {
  const std::vector<std::string> header = {"Customer ID", "e-mail: \"x\"", "Event", "created_at",
                                           "total",       "vip",           "day"};
  const std::string text =
      propose_csv_mapping(header, {{"1", "a@b.c", "Buy", "2026-01-02T03:04:05Z", "12.5", "true", "20260102"}});
  const auto mapping = parse_csv_mapping(text, "proposal");
  ASSERT_TRUE(mapping.has_value()) << mapping.error().message << text;
  EXPECT_TRUE(bind_csv_mapping(*mapping, header, model::default_tenant("t")).has_value()) << text;
  EXPECT_EQ(mapping->event_column, "Event");
  EXPECT_EQ(mapping->columns[0].use, CsvUse::kIdentifier);
  EXPECT_EQ(mapping->columns[2].format, "iso8601");
  EXPECT_EQ(mapping->columns[3].type, CsvType::kNumber);
  EXPECT_EQ(mapping->columns[4].type, CsvType::kBoolean);
  EXPECT_TRUE(has(propose_csv_mapping(std::vector<std::string>{"a", "b"}, {}), "no column looks like an identifier"));
  const std::vector<std::string> dated = {"customer", "day"};
  EXPECT_TRUE(
      has(propose_csv_mapping(dated, {{"c", "notaday"}, {"c", "20240102"}, {"c", "20240103"}, {"c", "20240104"}}),
          "{timestamp: \"%Y%m%d\"}"));
  EXPECT_TRUE(has(propose_csv_mapping(std::vector<std::string>{"email", "city"}, {{"a@b.c", "Pune"}}), "kind: users"));
}

// Were the nearest name looked for at each of them, this would take minutes.
TEST(CsvMapping, ManyWrongNamesCostLittle) {
  std::string mapping = "kind: users\ncolumns:\n  id: {identifier: user_id}\n";
  std::vector<std::string> header;
  for (int i = 0; i < 1900; ++i) {
    const std::string name = std::to_string(i) + std::string(80, 'n');
    mapping += "  c" + name + ": {skip: true}\n";
    header.push_back("d" + name);
  }
  const std::string text = bind_refusal(mapping, header);
  EXPECT_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), kCsvMappingProblemsMax);
  EXPECT_TRUE(has(text, "there may be more")) << text;
}

TEST(CsvMapping, ListsSoManyProblems) {
  std::string keys = "kind: users\n", columns = "kind: users\ncolumns:\n", twice = columns;
  for (int i = 0; i < 1500; ++i) {
    keys += "k" + std::to_string(i) + ": 1\n";
    columns += "  c" + std::to_string(i) + ": {sk: true}\n";
    twice += "  c: {skip: true}\n";
  }
  for (const std::string& mapping : {keys, columns, twice}) {
    const std::string text = refusal(mapping);
    EXPECT_EQ(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), kCsvMappingProblemsMax) << text;
  }
  EXPECT_TRUE(has(refusal("a: " + std::string(200'000, '{')), "too much"));
}

}  // namespace
}  // namespace freshet::ingest
