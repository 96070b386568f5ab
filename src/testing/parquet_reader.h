// For tests: reads a flat, uncompressed Parquet file back, from the specification and without the code that writes it.
// Pages of version 1 with plain values or a dictionary; anything else fails the test.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace freshet {

struct ParquetTable {
  struct Bounds {
    int64_t nulls = 0;
    std::optional<std::string> least, most;  // as they lie in the file
  };
  std::vector<std::string> names;
  std::vector<int64_t> group_rows;
  std::map<std::string, std::vector<std::optional<std::string>>> columns;  // numbers and booleans as text
  std::map<std::string, std::vector<Bounds>> bounds;                       // by group
  std::map<std::string, bool> coded;                                       // whether a group has a dictionary
};

class ParquetReader {
 public:
  explicit ParquetReader(std::string_view file) : file_(file) {}

  ParquetTable read() {
    ParquetTable table;
    const bool framed = file_.size() > 12 && file_.starts_with("PAR1") && file_.ends_with("PAR1");
    EXPECT_TRUE(framed);
    if (!framed) return table;
    size_t at = file_.size() - 8 - little_endian(file_.size() - 8, 4);
    const Thrift footer = read_struct(at);
    EXPECT_EQ(at, file_.size() - 8);
    const auto& schema = footer.at(2).items;
    for (size_t i = 1; i < schema.size(); ++i) table.names.push_back(schema[i].at(4).bytes);
    EXPECT_EQ(table.names.size(), static_cast<size_t>(schema.at(0).at(5).number));
    EXPECT_EQ(footer.at(7).items.size(), table.names.size());
    int64_t rows = 0;
    for (const Thrift& group : footer.at(4).items) {
      rows += group.at(3).number;
      table.group_rows.push_back(group.at(3).number);
      for (size_t i = 0; i < table.names.size(); ++i)
        read_chunk(group.at(1).items.at(i).at(3), schema.at(i + 1).at(3).number == 0, table.names[i], table);
    }
    EXPECT_EQ(rows, footer.at(3).number);
    return table;
  }

 private:
  struct Thrift {
    int64_t number = 0;
    std::string bytes;
    std::vector<Thrift> items;
    std::map<int64_t, Thrift> fields;
    [[nodiscard]] const Thrift& at(int64_t field) const { return fields.at(field); }
  };

  [[nodiscard]] uint64_t little_endian(size_t at, size_t bytes) const {
    uint64_t out = 0;
    for (size_t i = bytes; i > 0; --i) out = out << 8 | static_cast<uint8_t>(file_.at(at + i - 1));
    return out;
  }
  uint64_t varint(size_t& at) const {
    uint64_t out = 0;
    for (uint32_t shift = 0;; shift += 7) {
      const auto byte = static_cast<uint8_t>(file_.at(at++));
      out |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return out;
    }
  }
  int64_t zigzag(size_t& at) const {
    const uint64_t raw = varint(at);
    return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
  }
  Thrift read_value(size_t& at, uint8_t type) {
    Thrift out;
    switch (type) {
      case 5:
      case 6: out.number = zigzag(at); break;
      case 8: {
        const size_t size = varint(at);
        out.bytes = file_.substr(at, size);
        at += size;
        break;
      }
      case 9: {
        const auto head = static_cast<uint8_t>(file_.at(at++));
        const size_t size = head >> 4 == 15 ? varint(at) : head >> 4;
        for (size_t i = 0; i < size; ++i) out.items.push_back(read_value(at, head & 15));
        break;
      }
      case 12: return read_struct(at);
      default: ADD_FAILURE() << "type " << int{type};
    }
    return out;
  }
  Thrift read_struct(size_t& at) {
    Thrift out;
    int64_t field = 0;
    while (const auto head = static_cast<uint8_t>(file_.at(at++))) {
      field = head >> 4 == 0 ? zigzag(at) : field + (head >> 4);
      const uint8_t type = head & 15;
      if (type == 1 || type == 2) {
        out.fields[field].number = type == 1 ? 1 : 0;
      } else {
        out.fields[field] = read_value(at, type);
      }
    }
    return out;
  }

  std::vector<uint32_t> rle(size_t& at, size_t end, uint32_t bits, size_t count) {
    std::vector<uint32_t> out;
    while (out.size() < count && at < end) {
      const uint64_t head = varint(at);
      if ((head & 1) == 0) {
        out.insert(out.end(), head >> 1, static_cast<uint32_t>(little_endian(at, (bits + 7) / 8)));
        at += (bits + 7) / 8;
        continue;
      }
      for (size_t i = 0; i < (head >> 1) * 8; ++i) {
        uint32_t number = 0;
        for (uint32_t bit = 0; bit < bits; ++bit) {
          const size_t place = i * bits + bit;
          number |= (static_cast<uint8_t>(file_.at(at + place / 8)) >> (place % 8) & 1u) << bit;
        }
        out.push_back(number);
      }
      at += (head >> 1) * bits;
    }
    EXPECT_GE(out.size(), count);
    EXPECT_LE(at, end);
    out.resize(count);
    return out;
  }

  std::string plain(size_t& at, int64_t type, size_t nth, size_t begin) {
    switch (type) {
      case 0: return (static_cast<uint8_t>(file_.at(begin + nth / 8)) >> (nth % 8) & 1) != 0 ? "true" : "false";
      case 1: at += 4; return std::to_string(static_cast<int32_t>(little_endian(at - 4, 4)));
      case 2: at += 8; return std::to_string(static_cast<int64_t>(little_endian(at - 8, 8)));
      case 5: at += 8; return std::to_string(std::bit_cast<double>(little_endian(at - 8, 8)));
      case 6: {
        const size_t size = little_endian(at, 4);
        at += 4 + size;
        return std::string(file_.substr(at - size, size));
      }
      default: ADD_FAILURE() << "column of type " << type; return "";
    }
  }

  void read_chunk(const Thrift& chunk, bool required, const std::string& name, ParquetTable& table) {
    EXPECT_EQ(chunk.at(4).number, 0) << "it is compressed";
    auto& column = table.columns[name];
    const size_t rows_before = column.size();
    std::vector<std::string> dictionary;
    size_t at = static_cast<size_t>(chunk.fields.contains(11) ? chunk.at(11).number : chunk.at(9).number);
    const size_t end = at + static_cast<size_t>(chunk.at(7).number);
    int64_t nulls = 0;
    while (at < end) {
      const Thrift header = read_struct(at);
      const size_t page = at;
      const size_t page_end = at + static_cast<size_t>(header.at(3).number);
      if (header.at(1).number == 2) {
        table.coded[name] = true;
        for (int64_t i = 0; i < header.at(7).at(1).number; ++i)
          dictionary.push_back(plain(at, chunk.at(1).number, static_cast<size_t>(i), page));
        EXPECT_EQ(at, page_end);
        continue;
      }
      read_page(header.at(5), chunk.at(1).number, required, dictionary, page_end, at, column, nulls);
      at = page_end;
    }
    EXPECT_EQ(column.size() - rows_before, static_cast<size_t>(chunk.at(5).number));
    auto& bounds = table.bounds[name].emplace_back();
    bounds.nulls = chunk.at(12).at(3).number;
    EXPECT_EQ(bounds.nulls, nulls);
    if (chunk.at(12).fields.contains(5)) bounds.most = chunk.at(12).at(5).bytes;
    if (chunk.at(12).fields.contains(6)) bounds.least = chunk.at(12).at(6).bytes;
  }

  void read_page(const Thrift& header, int64_t type, bool required, const std::vector<std::string>& dictionary,
                 size_t page_end, size_t at, std::vector<std::optional<std::string>>& column, int64_t& nulls) {
    const auto rows = static_cast<size_t>(header.at(1).number);
    std::vector<uint32_t> present(rows, 1);
    if (!required) {
      size_t level = at + 4;
      at = level + little_endian(at, 4);
      present = rle(level, at, 1, rows);
    }
    size_t values = 0;
    for (const uint32_t one : present) values += one;
    std::vector<uint32_t> codes;
    const bool coded = header.at(2).number == 8;
    if (coded) {
      const auto bits = static_cast<uint8_t>(file_.at(at++));
      codes = rle(at, page_end, bits, values);
    }
    const size_t begin = at;
    for (size_t row = 0, nth = 0; row < rows; ++row) {
      if (present[row] == 0) {
        column.emplace_back(std::nullopt);
        ++nulls;
        continue;
      }
      column.emplace_back(coded ? dictionary.at(codes[nth]) : plain(at, type, nth, begin));
      ++nth;
    }
  }

  const std::string_view file_;
};

}  // namespace freshet
