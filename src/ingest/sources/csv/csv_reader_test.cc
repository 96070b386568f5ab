#include "ingest/sources/csv/csv_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace freshet::ingest {
namespace {

struct Read {
  uint64_t row;
  uint64_t line;
  std::string raw;
  std::string code;
  std::vector<std::string> fields;
  bool operator==(const Read&) const = default;
};

Read copy_of(const CsvRow& row) {
  return {row.row, row.line, std::string(row.raw), std::string(row.code), {row.fields.begin(), row.fields.end()}};
}

// Reads `text` in the given chunk sizes, then the rest in one piece.
std::vector<Read> read(std::string_view text, const std::vector<size_t>& chunks = {}) {
  std::vector<Read> rows;
  CsvReader reader;
  const auto visit = [&](const CsvRow& row) { rows.push_back(copy_of(row)); };
  for (const size_t chunk : chunks) {
    reader.feed(text.substr(0, chunk), visit);
    text.remove_prefix(std::min(chunk, text.size()));
  }
  reader.feed(text, visit);
  reader.finish(visit);
  return rows;
}

std::vector<std::vector<std::string>> cells(std::string_view text) {
  std::vector<std::vector<std::string>> all;
  for (const Read& row : read(text)) {
    EXPECT_EQ(row.code, "");
    all.push_back(row.fields);
  }
  return all;
}

using Cells = std::vector<std::vector<std::string>>;

TEST(CsvReader, LineEndsOfAllKinds) {
  EXPECT_EQ(cells("a,b\n1,2\n"), (Cells{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(cells("a,b\r\n1,2\r\n"), (Cells{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(cells("a,b\n1,2"), (Cells{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(cells("a,b\r\n\"1\",\"2\"\r"), (Cells{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(cells("a,b\n\n\r\n1,\n"), (Cells{{"a", "b"}, {"1", ""}}));
  EXPECT_EQ(cells(""), Cells{});
  EXPECT_EQ(cells("\n"), Cells{});
}

// As Excel and what writes for it begin a file.
TEST(CsvReader, TheHeaderIsWhatNamesColumns) {
  const auto header = [](std::string_view text, CsvCursor& cursor) {
    CsvRow row;
    return next_csv_header(text, true, cursor, row) ? copy_of(row) : Read{};
  };
  for (const char* text :
       {"id,name\n", "\xef\xbb\xbfsep=,\r\nid,name,,\r\n", "\"SEP=,\"\n\nid,name, \n", "sep=\t\nid,name\n"}) {
    CsvCursor cursor;
    const Read read = header(text, cursor);
    EXPECT_EQ(read.fields, (std::vector<std::string>{"id", "name"})) << text;
    EXPECT_EQ(read.row, 0U) << "the rows behind it keep their numbers";
    EXPECT_EQ(cursor.row, 1U);
  }
  CsvCursor cursor;
  EXPECT_EQ(header("sep=1,name\n", cursor = {}).fields, (std::vector<std::string>{"sep=1", "name"}));
  EXPECT_EQ(header("id,,name\n", cursor = {}).fields.size(), 3U) << "of what follows, it names something";
  EXPECT_EQ(header(",\n", cursor = {}).fields.size(), 1U);
  CsvRow row;
  std::string_view text = "\"id\";\"name\"\n";
  ASSERT_TRUE(next_csv_header(text, true, cursor = {}, row));
  EXPECT_EQ(row.code, "bad_quote");
  EXPECT_NE(row.message.find("separated by commas"), std::string_view::npos);
}

TEST(CsvReader, Quotes) {
  EXPECT_EQ(cells("\"a \"\"b\"\"\",\"x,y\"\n"), (Cells{{"a \"b\"", "x,y"}}));
  EXPECT_EQ(cells("\"\",\"\"\"\"\n"), (Cells{{"", "\""}}));
  EXPECT_EQ(cells("\"a\r\nb\",c\r\n"), (Cells{{"a\r\nb", "c"}}));
  EXPECT_EQ(cells("5\" pipe,x\n"), (Cells{{"5\" pipe", "x"}}));
  EXPECT_EQ(cells("\"a\"\"\",\"b\"\"\",c"), (Cells{{"a\"", "b\"", "c"}}));
}

TEST(CsvReader, ACarriageReturnAloneIsToldBehindAQuote) {
  EXPECT_EQ(read("\"id\",\"name\"\r\"1\",\"Ann\"\r")[0].code, "bad_line_end");
  EXPECT_EQ(read("\"id\",\"name\"x\n")[0].code, "bad_quote");
}

TEST(CsvReader, ByteOrderMarkAndPlaces) {
  const auto rows = read(
      "\xef\xbb\xbf"
      "a\n\n\"x\ny\"\nz\n");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].fields[0], "a");
  EXPECT_EQ(rows[1].line, 3U);
  EXPECT_EQ(rows[2].line, 5U);
  EXPECT_EQ(rows[2].row, 2U);
}

TEST(CsvReader, AFaultCostsOneLine) {
  const auto quote = read("a,b\n\"x\"y,1\n2,3\n");
  ASSERT_EQ(quote.size(), 3U);
  EXPECT_EQ(quote[1].code, "bad_quote");
  EXPECT_EQ(quote[1].raw, "\"x\"y,1");
  EXPECT_EQ(quote[2].fields, (std::vector<std::string>{"2", "3"}));

  const auto open = read("a,b\n1,\"never closed\n2,3\n");
  ASSERT_EQ(open.size(), 3U);
  EXPECT_EQ(open[1].code, "unclosed_quote");
  EXPECT_EQ(open[1].line, 2U);
  EXPECT_EQ(open[2].fields, (std::vector<std::string>{"2", "3"}));

  const auto utf8 = read("a\n\xff\xfe\nb\n");
  ASSERT_EQ(utf8.size(), 3U);
  EXPECT_EQ(utf8[1].code, "bad_utf8");
  EXPECT_EQ(utf8[2].code, "");
  EXPECT_EQ(read(std::string("a\0b\n", 4))[0].code, "nul_byte");
}

TEST(CsvReader, RowsAreBounded) {
  const std::string text = "a\n" + std::string(kCsvRowBytesMax + 10, 'x') + "\nb\n";
  const auto rows = read(text);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].code, "row_too_large");
  EXPECT_EQ(rows[1].raw.size(), kCsvRowBytesMax);
  EXPECT_EQ(rows[2].fields[0], "b");
  EXPECT_EQ(rows[2].line, 3U);
  EXPECT_EQ(read("a\n" + std::string(kCsvRowBytesMax, 'x'))[1].code, "");
  EXPECT_EQ(read("a\n" + std::string(kCsvRowBytesMax, 'x') + "y")[1].code, "row_too_large");
  EXPECT_EQ(read(std::string(kCsvColumnsMax, ',') + "\n")[0].code, "too_many_columns");
  // An open quote swallows no more than a row may have: all lines but the first come back.
  std::string open = "a\n\"open\n";
  for (size_t i = 0; i < 40'000; ++i) open += "line 12345\n";
  EXPECT_EQ(read(open).size(), 40'002U);
}

TEST(CsvReader, LongLinesInAnyChunksAreTheSame) {
  std::string text = "a,b\n";
  text += "\"" + std::string(kCsvRowBytesMax, 'q') + "\n1,2\n";        // too long, with a quote
  text += std::string(kCsvRowBytesMax - 1, 'x') + "\n";                // just fits
  text += "\"" + std::string(kCsvRowBytesMax - 3, 'x') + "\"\n";       // just fits
  text += "\"" + std::string(kCsvRowBytesMax - 2, 'x') + "\"\n3\r\n";  // does not
  const auto whole = read(text);
  for (size_t chunk = 1; chunk < 6; ++chunk) {
    for (size_t at : {size_t{0}, kCsvRowBytesMax, 2 * kCsvRowBytesMax, 3 * kCsvRowBytesMax, 4 * kCsvRowBytesMax}) {
      std::vector<size_t> chunks = {at};
      chunks.insert(chunks.end(), 40, chunk);
      ASSERT_EQ(read(text, chunks), whole) << chunk << " " << at;
    }
  }
}

rc::Gen<std::string> any_csv() {
  return rc::gen::container<std::string>(
      rc::gen::element('a', 'b', ',', ',', '"', '"', '\n', '\n', '\r', ' ', '\xef', '\xbb', '\xbf'));
}

TEST(CsvReader, SplitAnywhereGivesTheSameRows) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = *any_csv();
    const auto whole = read(text);
    for (size_t at = 0; at <= text.size(); ++at) RC_ASSERT(read(text, {at}) == whole);
    RC_ASSERT(read(text, std::vector<size_t>(text.size(), 1)) == whole);
  }));
}

// What the server does: every call begins at the end of the last whole row.
TEST(CsvReader, ResumingAtTheCursorGivesTheSameRows) {
  EXPECT_TRUE(rc::check([] {
    const std::string text = *any_csv();
    const size_t step = *rc::gen::inRange<size_t>(1, 9);
    std::vector<Read> rows;
    CsvCursor cursor;
    for (size_t size = step;; size += step) {
      CsvRow row;
      const bool last = cursor.offset + size >= text.size();
      std::string_view data = std::string_view(text).substr(cursor.offset, size);
      const uint64_t before = cursor.offset;
      while (next_csv_row(data, last, cursor, row)) rows.push_back(copy_of(row));
      RC_ASSERT(cursor.offset + data.size() == before + std::min(size, text.size() - before));
      if (last) break;
      if (cursor.offset != before) size = 0;
    }
    RC_ASSERT(cursor.offset == text.size());
    RC_ASSERT(rows == read(text));
  }));
}

TEST(CsvReader, WhatIsQuotedComesBack) {
  EXPECT_TRUE(rc::check([](const std::vector<std::vector<std::string>>& table) {
    std::string text;
    Cells want;
    for (const auto& fields : table) {
      if (fields.empty()) continue;
      want.emplace_back();
      for (size_t i = 0; i < fields.size(); ++i) {
        text += i == 0 ? "\"" : ",\"";
        std::string cell;
        for (const char c : fields[i]) {
          if (static_cast<unsigned char>(c) >= 0x80 || c == '\0') continue;
          cell += c;
          text.append(c == '"' ? 2 : 1, c);
        }
        text += '"';
        want.back().push_back(cell);
      }
      text += "\r\n";
    }
    RC_ASSERT(cells(text) == want);
  }));
}

}  // namespace
}  // namespace freshet::ingest
