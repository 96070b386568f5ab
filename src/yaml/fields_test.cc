// One description, and what its visitors make of it.
#include "yaml/fields.h"

#include <gtest/gtest.h>

#include "yaml/field_reader.h"
#include "yaml/field_schema.h"
#include "yaml/field_table.h"

namespace freshet::yaml {
namespace {

enum class Size : uint8_t { kSmall, kLarge };
[[nodiscard]] constexpr auto names_of(Size) {
  return std::to_array<Name<Size>>({{Size::kSmall, "small"}, {Size::kLarge, "large"}});
}

const TextRule kLower = {"^[a-z]+$", "lower-case letters", [](std::string_view text) {
                           return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
                         }};

struct Cup {
  std::string name;
  Size size = Size::kSmall;
  Where where;
};
Where& where_of(Cup& cup) { return cup.where; }

struct Shop {
  uint32_t seats = 8;
  uint32_t chairs = 0;  // 0: as many as seats
  uint64_t cellar_bytes = 64u << 20;
  int64_t open_us = 3'600'000'000;
  double discount = 0.5;
  std::vector<std::string> kinds = {"tea"};
  std::vector<Size> sizes;
  std::vector<Cup> cups;
  std::vector<std::pair<std::string, uint32_t>> prices;
  std::string address;
};

template <class V>
void describe(V& v, Cup& cup) {
  v.text("name", cup.name, kLower, "Its name", Need::kRequired);
  v.choice("size", cup.size, "How [large](sizes.md): `small` is usual");
}

template <class V>
void describe(V& v, Shop& shop) {
  v.count("seats", shop.seats, 1, 100, "Seats");
  v.count("chairs", shop.chairs, 1, 100, "Chairs");
  v.bytes("cellar", shop.cellar_bytes, 1 << 20, 1ull << 30, "Cellar");
  v.duration("open", shop.open_us, 0, 86'400'000'000, "Open");
  v.number("discount", shop.discount, 0, 1, "Discount");
  v.texts("kinds", shop.kinds, kLower, "Kinds", Items(Need::kOptional, 1, 3));
  v.choices("sizes", shop.sizes, "Sizes", Items());
  Cup usual;
  usual.size = Size::kLarge;
  v.list("cups", shop.cups, "Cups", Need::kRequired, usual);
  v.map("prices", "KIND", "", "Prices", [&](auto& prices, const std::string& kind) {
    uint32_t price = 0;
    if (prices.count(kind, price, 1, 9, "")) shop.prices.emplace_back(kind, price);
  });
  v.section("place", "Place", [&](auto& place) {
    place.text("street", shop.address, kAnyText, "Street");
    place.exactly_one_of(std::vector<std::string_view>{"street", "square"});
    place.text("square", shop.address, kAnyText, "Square");
  });
  v.unavailable("music", "there is none yet");
}

std::string read(std::string_view text, Shop& shop) {
  Problems problems("f");
  const auto root = parse(text, {}, problems);
  if (root) {
    FieldReader reader(*root, "", problems);
    describe(reader, shop);
    reader.finish();
  }
  return problems.text();
}

TEST(FieldReader, Reads) {
  Shop shop;
  EXPECT_EQ(read("seats: 9\nchairs: 3\ncellar: 2MiB\nopen: 0\ndiscount: 1\nkinds: [tea, coffee]\nsizes: [large]\n"
                 "cups: [{name: a}, {name: b, size: small}]\nprices: {tea: 3}\nplace: {square: s}\n",
                 shop),
            "");
  EXPECT_EQ(shop.seats, 9U);
  EXPECT_EQ(shop.chairs, 3U);
  EXPECT_EQ(shop.cellar_bytes, 2U << 20);
  EXPECT_EQ(shop.open_us, 0);
  EXPECT_EQ(shop.discount, 1);
  EXPECT_EQ(shop.kinds, (std::vector<std::string>{"tea", "coffee"}));
  EXPECT_EQ(shop.sizes, std::vector<Size>{Size::kLarge});
  ASSERT_EQ(shop.cups.size(), 2U);
  EXPECT_EQ(shop.cups[0].size, Size::kLarge) << "as the item that lists begin with";
  EXPECT_EQ(shop.cups[1].size, Size::kSmall);
  EXPECT_EQ(shop.cups[1].where.of("size"), (Place{8, 35}));
  EXPECT_FALSE(shop.cups[0].where.has("size"));
  EXPECT_EQ(shop.prices, (std::vector<std::pair<std::string, uint32_t>>{{"tea", 3}}));
  EXPECT_EQ(shop.address, "s");
}

TEST(FieldReader, SaysAllThatIsWrong) {
  Shop shop;
  EXPECT_EQ(
      read("seets: 9\nkinds: []\nsizes: [huge]\ncups: [{size: larg}, {name: A}]\nprices: {tea: 10}\n"
           "place: {}\nmusic: loud\n",
           shop),
      "f:1:1: unknown key \"seets\"; did you mean \"seats\"? Allowed: cellar, chairs, cups, discount, kinds, open, "
      "place, prices, seats or sizes\n"
      "f:2:8: kinds: must have one at least: Kinds\n"
      "f:3:9: sizes: must be small or large, not \"huge\"\n"
      "f:4:8: cups[0].name: is missing: Its name\n"
      "f:4:15: cups[0].size: must be small or large, not \"larg\"; did you mean \"large\"?\n"
      "f:4:29: cups[1].name: must be lower-case letters\n"
      "f:5:15: prices.tea: must be a whole number from 1 to 9, not \"10\"\n"
      "f:6:8: place: must have exactly one of street or square\n"
      "f:7:1: music: there is none yet");
  EXPECT_EQ(read("cups: [{name: a}]\nkinds: [a, b, c, d]\n", shop), "f:2:8: kinds: must have at most 3 items, not 4");
  EXPECT_EQ(read("{}", shop), "f:1:1: cups: is missing: Cups");
}

TEST(SchemaWriter, SaysTheSame) {
  SchemaWriter writer;
  Shop shop;
  describe(writer, shop);
  const std::string body = schema_file("A shop", writer);
  for (const char* part : {
           R"("type":"object","additionalProperties":false,"required":["cups"])",
           R"("seats":{"description":"Seats","type":"integer","minimum":1,"maximum":100,"default":8})",
           R"("chairs":{"description":"Chairs","type":"integer","minimum":1,"maximum":100})",
           R"("minimum":1048576,"maximum":1073741824,"default":"64MiB"})",
           R"("uniqueItems":true,"type":"array","minItems":1,"maxItems":3,"items":{"type":["string","boolean"],)",
           R"("size":{"description":"How large: small is usual","enum":["small","large"],"default":"large"})",
           R"("additionalProperties":{"type":"integer","minimum":1,"maximum":9})",
           R"("oneOf":[{"required":["street"]},{"required":["square"]}])",
           R"("music":{"description":"there is none yet","not":{}})",
       }) {
    EXPECT_NE(body.find(part), std::string::npos) << part << "\nin " << body;
  }
}

TEST(SchemaWriter, TakesVariablesForValues) {
  SchemaWriter writer(SchemaWriter::Variables::kAllowed);
  Shop shop;
  describe(writer, shop);
  const std::string body = schema_file("A shop", writer);
  EXPECT_NE(body.find(R"("anyOf":[{"type":"integer","minimum":1,"maximum":100},{"type":"string","pattern":)"
                      R"("\\$\\{[A-Za-z0-9_]+\\}"}],"default":8})"),
            std::string::npos)
      << body;
}

TEST(FieldTable, ListsKeysWithTheirValues) {
  FieldTable table;
  Shop shop;
  describe(table, shop);
  std::vector<std::string> keys;
  for (const FieldRow& row : table.rows()) keys.push_back(row.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"seats", "chairs", "cellar", "open", "discount", "kinds", "sizes", "cups",
                                            "cups[].name", "cups[].size", "prices", "place.street", "place.square",
                                            "music"}));
  EXPECT_EQ(table.rows()[0].value, "8");
  EXPECT_EQ(table.rows()[1].value, "") << "0 is not allowed: it stands for nothing";
  EXPECT_EQ(table.rows()[3].value, "1h");
  EXPECT_EQ(table.rows()[5].value, "[tea]");
  EXPECT_EQ(table.rows()[9].value, "large");
  EXPECT_EQ(table.rows()[10].allowed, "map of `KIND`: 1 to 9");
  EXPECT_FALSE(table.rows()[13].available);
  EXPECT_EQ(markdown_of(table.rows(), "cups[]."),
            "| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n"
            "| `name` | — | lower-case letters | Its name |\n"
            "| `size` | `large` | `small`, `large` | How [large](sizes.md): `small` is usual |\n");
}

TEST(PlainText, HasNoMarksOfMarkdown) {
  EXPECT_EQ(plain_text("[Standbys](workers.md#x): `1` and (b), `[{name: [k]}]`; [more](m.md)"),
            "Standbys: 1 and (b), [{name: [k]}]; more");
  EXPECT_EQ(plain_text("[open](x"), "[open](x");
}

}  // namespace
}  // namespace freshet::yaml
