// A column of a row group: gathers values, and writes them as pages. What readers are told of it is in the footer
// (sinks/files/parquet/writer.h).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/sink.h"

namespace freshet::sinks {

// Parquet's Type, CompressionCodec aside: numbers of its specification.
enum class Physical : uint8_t { kBoolean = 0, kInt32 = 1, kInt64 = 2, kDouble = 5, kBytes = 6 };
// What the bytes or the number mean.
enum class Logical : uint8_t { kNothing, kText, kJson, kTimeUs };

struct ParquetColumn {
  std::string name;
  Physical type = Physical::kBytes;
  Logical meaning = Logical::kNothing;
  bool required = false;  // there are no nulls
};

// What the footer says of a chunk. Offsets are of the file, sizes with the headers of pages.
struct WrittenChunk {
  bool has_dictionary = false;  // then it begins with it
  int64_t begin = 0;
  int64_t data_begin = 0;
  int64_t values = 0;  // with nulls
  int64_t nulls = 0;
  int64_t plain_bytes = 0;
  int64_t bytes = 0;
  std::optional<std::string> least, most;  // as they lie plainly; nullopt: not told
};

class ColumnChunk {
 public:
  explicit ColumnChunk(ParquetColumn column) : column_(std::move(column)) {}

  [[nodiscard]] const ParquetColumn& column() const { return column_; }
  [[nodiscard]] size_t rows() const { return present_.size(); }
  [[nodiscard]] size_t bytes() const { return plain_.size(); }  // of the values, about

  // One of these for each row. REQUIRES: it is of the column's type; no null where the column is required.
  void add_null();
  void add_boolean(bool value);
  void add_integer(int64_t value);
  void add_number(double value);
  void add_bytes(std::string_view value);

  // Appends the pages to the file, and is empty again. REQUIRES: there are rows.
  [[nodiscard]] WrittenChunk write(std::string& file, model::Compression how);

 private:
  // A place between two rows: how many rows, values and bytes lie before.
  struct Mark {
    size_t rows = 0, values = 0, bytes = 0;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  void end_value();
  void note_code(std::string_view value);
  [[nodiscard]] bool dictionary_pays() const;
  [[nodiscard]] std::string page_values(const Mark& from, const Mark& to, bool coded) const;
  void put_page(std::string& file, std::string_view content, size_t values, bool is_dictionary, bool coded,
                model::Compression how, WrittenChunk& chunk) const;

  ParquetColumn column_;
  std::vector<uint32_t> present_;  // by rows: 1, or 0 for a null
  std::string plain_;              // the values, plainly; booleans a byte each
  size_t values_ = 0;              // without nulls
  std::vector<Mark> pages_;        // where pages end, but for the last one
  bool coding_ = true;             // the dictionary is small enough so far
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> code_of_;
  std::string dictionary_;       // its values, plainly
  std::vector<uint32_t> codes_;  // of the values
  std::optional<std::string> least_text_, most_text_;
  int64_t least_integer_ = 0, most_integer_ = 0;
  double least_number_ = 0, most_number_ = 0;
};

}  // namespace freshet::sinks
