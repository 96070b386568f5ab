// A file is the columns of one row group after another, and then the footer, which has the schema and says where each
// column lies. So a file that was cut off is no file for anybody: its end is missing.
#include "sinks/files/parquet/writer.h"

#include <utility>

#include "base/assert.h"
#include "sinks/files/parquet/encodings.h"
#include "sinks/files/parquet/thrift.h"

namespace freshet::sinks {
namespace {

constexpr std::string_view kMagic = "PAR1";
// Says nothing of the release: a batch that another release finishes has to give the same bytes.
constexpr std::string_view kCreatedBy = "freshet version 1 (build 1)";

// Numbers of parquet.thrift.
constexpr int32_t kRequired = 0, kOptional = 1;
constexpr int32_t kConvertedText = 0, kConvertedTimeUs = 10, kConvertedJson = 19;

// The same numbers stand in headers of pages and in the footer.
int32_t codec_of(model::Compression how) {
  switch (how) {
    case model::Compression::kGzip: return 2;
    case model::Compression::kZstd: return 6;
    case model::Compression::kNone: break;
  }
  return 0;
}

// What older readers go by, and then what newer ones do.
void write_meaning(ThriftWriter& element, Logical meaning) {
  switch (meaning) {
    case Logical::kNothing: return;
    case Logical::kText: element.int32(6, kConvertedText).begin(10).mark(1).end(); return;
    case Logical::kJson: element.int32(6, kConvertedJson).begin(10).mark(12).end(); return;
    case Logical::kTimeUs:
      element.int32(6, kConvertedTimeUs).begin(10).begin(8).boolean(1, true).begin(2).mark(2).end().end().end();
      return;
  }
}

void write_statistics(ThriftWriter& column, const WrittenChunk& chunk, Physical type) {
  column.begin(12).int64(3, chunk.nulls);
  if (chunk.most && chunk.least) column.binary(5, *chunk.most).binary(6, *chunk.least);
  if (type == Physical::kDouble) column.int64(9, 0);  // JSON has none that is no number
  column.end();
}

}  // namespace

ParquetWriter::ParquetWriter(const std::vector<ParquetColumn>& columns, model::Compression how)
    : how_(how), columns_(columns.begin(), columns.end()), file_(kMagic) {
  FRESHET_ASSERT(!columns.empty());
}

void ParquetWriter::end_row() {
  ++rows_;
  size_t bytes = 0;
  for (const ColumnChunk& column : columns_) {
    FRESHET_ASSERT(column.rows() == rows_);
    bytes += column.bytes();
  }
  if (rows_ >= kGroupRowsMax || bytes >= kGroupBytesMax) end_group();
}

void ParquetWriter::end_group() {
  if (rows_ == 0) return;
  Group& group = groups_.emplace_back();
  group.rows = static_cast<int64_t>(rows_);
  for (ColumnChunk& column : columns_) group.chunks.push_back(column.write(file_, how_));
  rows_ = 0;
}

void ParquetWriter::write_schema(ThriftWriter& footer) const {
  footer.list(2, ThriftWriter::Kind::kStruct, columns_.size() + 1);
  footer.begin().binary(4, "schema").int32(5, static_cast<int32_t>(columns_.size())).end();
  for (const ColumnChunk& chunk : columns_) {
    const ParquetColumn& column = chunk.column();
    footer.begin().int32(1, static_cast<int32_t>(column.type));
    footer.int32(3, column.required ? kRequired : kOptional).binary(4, column.name);
    write_meaning(footer, column.meaning);
    footer.end();
  }
}

void ParquetWriter::write_group(ThriftWriter& footer, const Group& group) const {
  int64_t plain_bytes = 0, bytes = 0;
  footer.begin().list(1, ThriftWriter::Kind::kStruct, group.chunks.size());
  for (size_t i = 0; i < group.chunks.size(); ++i) {
    const WrittenChunk& chunk = group.chunks[i];
    const ParquetColumn& column = columns_[i].column();
    plain_bytes += chunk.plain_bytes;
    bytes += chunk.bytes;
    footer.begin().int64(2, 0).begin(3).int32(1, static_cast<int32_t>(column.type));
    footer.list(2, ThriftWriter::Kind::kInt32, chunk.has_dictionary ? 3 : 2).item(kEncodingPlain).item(kEncodingRle);
    if (chunk.has_dictionary) footer.item(kEncodingRleDictionary);
    footer.list(3, ThriftWriter::Kind::kBinary, 1).item(column.name);
    footer.int32(4, codec_of(how_)).int64(5, chunk.values).int64(6, chunk.plain_bytes).int64(7, chunk.bytes);
    footer.int64(9, chunk.data_begin);
    if (chunk.has_dictionary) footer.int64(11, chunk.begin);
    write_statistics(footer, chunk, column.type);
    footer.end().end();
  }
  footer.int64(2, plain_bytes).int64(3, group.rows).int64(5, group.chunks.front().begin).int64(6, bytes).end();
}

std::string ParquetWriter::finish() {
  end_group();
  const size_t begin = file_.size();
  {
    ThriftWriter footer(file_);
    int64_t rows = 0;
    for (const Group& group : groups_) rows += group.rows;
    footer.begin().int32(1, 1);
    write_schema(footer);
    footer.int64(3, rows).list(4, ThriftWriter::Kind::kStruct, groups_.size());
    for (const Group& group : groups_) write_group(footer, group);
    footer.binary(6, kCreatedBy).list(7, ThriftWriter::Kind::kStruct, columns_.size());
    for (size_t i = 0; i < columns_.size(); ++i) footer.begin().mark(1).end();
    footer.end();
  }
  append_little_endian(file_, file_.size() - begin, sizeof(uint32_t));
  file_ += kMagic;
  return std::move(file_);
}

}  // namespace freshet::sinks
