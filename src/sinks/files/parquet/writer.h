// Writes a table as a Parquet file (apache/parquet-format, parquet.thrift): flat columns, pages of version 1, row
// groups of a bounded size, so that no more than one is in memory uncompressed. The same rows give the same bytes.
#pragma once

#include <string>
#include <vector>

#include "sinks/files/parquet/column_chunk.h"

namespace freshet::sinks {

class ThriftWriter;

class ParquetWriter {
 public:
  // Of a row group: then the next one begins.
  static constexpr size_t kGroupBytesMax = 32u << 20;
  static constexpr size_t kGroupRowsMax = 100'000;

  ParquetWriter(const std::vector<ParquetColumn>& columns, model::Compression how);

  // Takes one value, or a null, of each column; then end_row().
  [[nodiscard]] ColumnChunk& column(size_t i) { return columns_[i]; }
  void end_row();
  // The file. REQUIRES: nothing is called afterwards.
  [[nodiscard]] std::string finish();

 private:
  struct Group {
    std::vector<WrittenChunk> chunks;
    int64_t rows = 0;
  };
  void end_group();
  void write_schema(ThriftWriter& footer) const;
  void write_group(ThriftWriter& footer, const Group& group) const;

  const model::Compression how_;
  std::vector<ColumnChunk> columns_;
  std::vector<Group> groups_;
  size_t rows_ = 0;  // of the group
  std::string file_;
};

}  // namespace freshet::sinks
