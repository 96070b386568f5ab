// What is written is read back by a reader that knows nothing of the writer; other people's readers have it in the
// integration tests.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <iterator>

#include "base/hash.h"
#include "sinks/files/parquet/encodings.h"
#include "sinks/files/parquet/table.h"
#include "sinks/files/parquet/thrift.h"
#include "sinks/files/parquet/writer.h"
#include "testing/dice.h"
#include "testing/parquet_reader.h"
#include "testing/project_path.h"

namespace freshet::sinks {
namespace {

using Cells = std::vector<std::optional<std::string>>;

const std::vector<ParquetColumn> kTable = {
    {"text", Physical::kBytes, Logical::kText},       {"json", Physical::kBytes, Logical::kJson},
    {"time", Physical::kInt64, Logical::kTimeUs},     {"small", Physical::kInt32, Logical::kNothing, true},
    {"number", Physical::kDouble, Logical::kNothing}, {"truth", Physical::kBoolean, Logical::kNothing}};

TEST(Parquet, ThriftIsAsItsSpecificationSays) {
  std::string out;
  {
    ThriftWriter writer(out);
    writer.begin().int32(1, -1).boolean(3, true).int64(20, 150).binary(21, "ab");
    writer.list(22, ThriftWriter::Kind::kInt32, 15);
    for (int i = 0; i < 15; ++i) writer.item(0);
    writer.begin(23).mark(8).end().end();
  }
  EXPECT_EQ(to_hex(out),
            "1501"
            "21"
            "06"
            "28"
            "ac02"
            "18"
            "02"
            "6162"
            "19"
            "f5"
            "0f"
            "000000000000000000000000000000"
            "1c"
            "8c"
            "00"
            "00"
            "00");
}

// Runs of eight and more, and what is between them in whole groups.
RC_GTEST_PROP(ParquetProperty, RunsAndGroupsSayTheNumbers, (uint64_t seed)) {
  Dice dice(seed);
  const auto bits = static_cast<uint32_t>(dice.between(1, 20));
  std::vector<uint32_t> numbers;
  for (int64_t runs = dice.between(0, 30); runs > 0; --runs)
    numbers.insert(numbers.end(), dice.roll(dice.one_in(3) ? 40 : 4), static_cast<uint32_t>(dice.roll(1u << bits)));
  std::string out;
  append_rle(out, numbers, bits);
  // As codes of a dictionary they are read back by the reader below; here by the specification's own words.
  std::vector<uint32_t> again;
  for (size_t at = 0; at < out.size();) {
    uint64_t head = 0;
    for (uint32_t shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(out[at++]);
      head |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) break;
    }
    if ((head & 1) == 0) {
      uint32_t number = 0;
      for (uint32_t i = 0; i < (bits + 7) / 8; ++i) number |= uint32_t{static_cast<uint8_t>(out[at++])} << (8 * i);
      again.insert(again.end(), head >> 1, number);
      continue;
    }
    for (size_t i = 0; i < (head >> 1) * 8; ++i) {
      uint32_t number = 0;
      for (uint32_t bit = 0; bit < bits; ++bit)
        number |= (static_cast<uint8_t>(out[at + (i * bits + bit) / 8]) >> ((i * bits + bit) % 8) & 1u) << bit;
      again.push_back(number);
    }
    at += (head >> 1) * bits;
  }
  RC_ASSERT(again.size() >= numbers.size() && again.size() < numbers.size() + 8);
  again.resize(numbers.size());
  RC_ASSERT(again == numbers);
}

// One cell of a column: what is written, and what the reader should say.
std::optional<std::string> add_random(ColumnChunk& chunk, Dice& dice, size_t texts) {
  const ParquetColumn& column = chunk.column();
  if (!column.required && dice.one_in(4)) {
    chunk.add_null();
    return std::nullopt;
  }
  const int64_t number = static_cast<int64_t>(dice.next() >> dice.roll(64)) * (dice.one_in(2) ? 1 : -1);
  switch (column.type) {
    case Physical::kBoolean: chunk.add_boolean(number % 2 == 0); return number % 2 == 0 ? "true" : "false";
    case Physical::kInt32:
      chunk.add_integer(static_cast<int32_t>(number));
      return std::to_string(static_cast<int32_t>(number));
    case Physical::kInt64: chunk.add_integer(number); return std::to_string(number);
    case Physical::kDouble:
      chunk.add_number(static_cast<double>(number) / 8);
      return std::to_string(static_cast<double>(number) / 8);
    case Physical::kBytes: break;
  }
  const size_t which = dice.roll(texts);
  std::string text = "t" + std::to_string(which) + std::string(which % 7 == 0 ? 200 : 0, '\xc3');
  chunk.add_bytes(text);
  return text;
}

RC_GTEST_PROP(ParquetProperty, WhatIsWrittenIsReadBack, (uint64_t seed)) {
  Dice dice(seed);
  // So many that no text comes twice: a long one that does can make a dictionary pay.
  const size_t texts = dice.one_in(2) ? 5 : 1'000'000'000'000'000;
  ParquetWriter writer(kTable, model::Compression::kNone);
  std::map<std::string, Cells> wanted;
  const int64_t rows = dice.one_in(25) ? 25'000 : dice.between(1, 300);
  for (int64_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < kTable.size(); ++i)
      wanted[kTable[i].name].push_back(add_random(writer.column(i), dice, texts));
    writer.end_row();
  }
  const std::string file = writer.finish();
  const ParquetTable table = ParquetReader(file).read();
  RC_ASSERT(table.columns == wanted);
  if (rows >= 100) RC_ASSERT(table.coded.contains("text") == (texts == 5));
}

TEST(Parquet, BoundsAreThoseOfTheColumn) {
  ParquetWriter writer(kTable, model::Compression::kNone);
  const auto row = [&](std::optional<std::string_view> text, int64_t time, double number) {
    text ? writer.column(0).add_bytes(*text) : writer.column(0).add_null();
    writer.column(1).add_bytes("{}");
    writer.column(2).add_integer(time);
    writer.column(3).add_integer(-5);
    writer.column(4).add_number(number);
    writer.column(5).add_null();
    writer.end_row();
  };
  row("b", 7, 0.0);
  row(std::nullopt, -7, 0.0);
  row("\xc3\xa4", 0, 0.0);
  const ParquetTable table = ParquetReader(writer.finish()).read();
  const auto bounds = [&](const char* name) { return table.bounds.at(name).at(0); };
  EXPECT_EQ(bounds("text").nulls, 1);
  EXPECT_EQ(bounds("text").least, "b");
  EXPECT_EQ(bounds("text").most, "\xc3\xa4") << "bytes are compared without a sign";
  EXPECT_FALSE(bounds("json").least);
  EXPECT_EQ(to_hex(*bounds("time").least), "f9ffffffffffffff");
  EXPECT_EQ(to_hex(*bounds("small").most), "fbffffff");
  EXPECT_EQ(to_hex(*bounds("number").least), "0000000000000080") << "the zero that is below";
  EXPECT_EQ(to_hex(*bounds("number").most), "0000000000000000");
  EXPECT_EQ(bounds("truth").nulls, 3);
  EXPECT_FALSE(bounds("truth").least);
}

// Texts that are too long have no bounds, and too many different ones no dictionary.
TEST(Parquet, GroupsAndDictionariesAreBounded) {
  const std::vector<ParquetColumn> one = {{"text", Physical::kBytes, Logical::kText, true}};
  ParquetWriter writer(one, model::Compression::kNone);
  const std::string filler(4000, 'x');
  size_t rows = 0;
  for (; rows < 20'000; ++rows) {
    writer.column(0).add_bytes(filler + std::to_string(rows));
    writer.end_row();
  }
  const ParquetTable table = ParquetReader(writer.finish()).read();
  EXPECT_EQ(table.group_rows.size(), 3U) << "32 MiB each";
  EXPECT_FALSE(table.coded.contains("text"));
  EXPECT_FALSE(table.bounds.at("text").at(0).least);
  ASSERT_EQ(table.columns.at("text").size(), rows);
  for (size_t i = 0; i < rows; i += 99) ASSERT_EQ(table.columns.at("text")[i], filler + std::to_string(i));
}

Item event(eventlog::Offset offset, const std::string& rest) {
  return {offset, 0, "u",
          R"({"message_id":"m)" + std::to_string(offset) +
              R"(","tenant":"acme","user":"u1","event":"Order Completed","timestamp":"2026-01-02T03:04:05.678Z",)"
              R"("received_at":"2026-01-02T03:04:06.000Z","source":"segment",)" +
              rest + "}"};
}

std::string table_of_events() {
  const std::vector<Item> items = {
      event(
          5,
          R"("device":"d1","properties":{"total":12.5,"n":3,"gift":true,"at":"2026-01-02","tags":["x"],"city":"Pune"},"enriched":{"city":"Oslo"})"),
      event(8, R"("properties":{"total":"many","n":3.5,"gift":1,"at":"soon","city":7},"enriched":{})"),
      event(9, R"("properties":{"total":-0.25,"n":4.0,"city":null})")};
  std::vector<const Item*> all;
  for (const Item& item : items) all.push_back(&item);
  return parquet_of({eventlog::Topic::kEvents, 3}, all,
                    {"total:number", "n:integer", "gift:boolean", "at:time", "tags:json", "city", "enriched.city:text"},
                    model::Compression::kNone);
}

TEST(Parquet, EventsHaveTypedColumns) {
  const ParquetTable table = ParquetReader(table_of_events()).read();
  const auto column = [&](const char* name) { return table.columns.at(name); };
  EXPECT_EQ(column("log_partition"), (Cells{"3", "3", "3"}));
  EXPECT_EQ(column("log_offset"), (Cells{"5", "8", "9"}));
  EXPECT_EQ(column("message_id"), (Cells{"m5", "m8", "m9"}));
  EXPECT_EQ(column("device"), (Cells{"d1", std::nullopt, std::nullopt}));
  EXPECT_EQ(column("timestamp"), (Cells(3, "1767323045678000")));
  EXPECT_EQ(column("total"), (Cells{"12.500000", std::nullopt, "-0.250000"}));
  EXPECT_EQ(column("n"), (Cells{"3", std::nullopt, "4"}));
  EXPECT_EQ(column("gift"), (Cells{"true", std::nullopt, std::nullopt}));
  EXPECT_EQ(column("at"), (Cells{"1767312000000000", std::nullopt, std::nullopt}));
  EXPECT_EQ(column("tags"), (Cells{R"(["x"])", std::nullopt, std::nullopt}));
  EXPECT_EQ(column("city"), (Cells{"Pune", "7", std::nullopt}));
  EXPECT_EQ(column("enriched.city"), (Cells{"Oslo", std::nullopt, std::nullopt}));
  EXPECT_EQ(column("properties")[2], R"({"total":-0.25,"n":4.0,"city":null})");
  EXPECT_EQ(column("enriched")[2], std::nullopt);
}

TEST(Parquet, ChangesHaveTheirOps) {
  v1::Change change;
  change.set_tenant("acme");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id("0123456789abcdef");
  change.set_version(7);
  change.set_received_at_us(1'000);
  v1::ChangeOp& op = *change.add_ops();
  op.set_type(v1::ChangeOp::SET);
  op.set_section(v1::ATTRIBUTES);
  op.set_name("city");
  op.mutable_value()->set_text("Pune");
  const Item item{4, 1'000, "k", change.SerializeAsString()};
  const std::vector<const Item*> all = {&item};
  const ParquetTable table =
      ParquetReader(parquet_of({eventlog::Topic::kChanges, 0}, all, {}, model::Compression::kNone)).read();
  EXPECT_EQ(table.columns.at("id"), (Cells{to_hex("0123456789abcdef")}));
  EXPECT_EQ(table.columns.at("version"), (Cells{"7"}));
  EXPECT_EQ(table.columns.at("removed"), (Cells{"false"}));
  EXPECT_EQ(table.columns.at("ops"), (Cells{R"([{"op":"set","section":"attributes","name":"city","value":"Pune"}])"}));
}

// The bytes of a file that others read, too (tests/integration/test_sinks.py): a change of them is a change of what a
// repeated batch makes.
TEST(Parquet, GoldenFile) {
  std::ifstream in(project_path("tests/golden/sinks/events.parquet"), std::ios::binary);
  const std::string golden(std::istreambuf_iterator<char>(in), {});
  EXPECT_EQ(to_hex(table_of_events()), to_hex(golden));
}

}  // namespace
}  // namespace freshet::sinks
