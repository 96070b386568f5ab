// Every page has a header of its own and is compressed by itself. Texts that repeat lie once in a dictionary in front,
// and in the pages there are only their numbers; that is decided at the end, when it is known what is shorter.
#include "sinks/files/parquet/column_chunk.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/assert.h"
#include "sinks/files/compress.h"
#include "sinks/files/parquet/encodings.h"
#include "sinks/files/parquet/thrift.h"

namespace freshet::sinks {
namespace {

constexpr size_t kPageBytes = 1u << 20;
constexpr size_t kPageRows = 20'000;
constexpr size_t kDictionaryBytesMax = 1u << 20;
// Longer texts have no least and most one in the footer, which would grow with them.
constexpr size_t kBoundBytesMax = 64;

// Numbers of Parquet's PageType.
constexpr int32_t kDataPage = 0, kDictionaryPage = 2;

std::string plain_number(double value) {
  std::string out;
  append_little_endian(out, std::bit_cast<uint64_t>(value), sizeof(double));
  return out;
}

}  // namespace

void ColumnChunk::add_null() {
  FRESHET_ASSERT(!column_.required);
  present_.push_back(0);
}

void ColumnChunk::add_boolean(bool value) {
  FRESHET_ASSERT(column_.type == Physical::kBoolean);
  plain_ += value ? '\1' : '\0';
  end_value();
}

void ColumnChunk::add_integer(int64_t value) {
  FRESHET_ASSERT(column_.type == Physical::kInt32 || column_.type == Physical::kInt64);
  append_little_endian(plain_, static_cast<uint64_t>(value), column_.type == Physical::kInt32 ? 4 : 8);
  least_integer_ = values_ == 0 ? value : std::min(least_integer_, value);
  most_integer_ = values_ == 0 ? value : std::max(most_integer_, value);
  end_value();
}

void ColumnChunk::add_number(double value) {
  FRESHET_ASSERT(column_.type == Physical::kDouble);
  append_little_endian(plain_, std::bit_cast<uint64_t>(value), sizeof(double));
  least_number_ = values_ == 0 ? value : std::min(least_number_, value);
  most_number_ = values_ == 0 ? value : std::max(most_number_, value);
  end_value();
}

void ColumnChunk::add_bytes(std::string_view value) {
  FRESHET_ASSERT(column_.type == Physical::kBytes);
  append_little_endian(plain_, value.size(), sizeof(uint32_t));
  plain_ += value;
  if (column_.meaning != Logical::kJson) {
    if (!least_text_ || value < *least_text_) least_text_ = value;
    if (!most_text_ || value > *most_text_) most_text_ = value;
  }
  if (coding_) note_code(value);
  end_value();
}

void ColumnChunk::note_code(std::string_view value) {
  auto found = code_of_.find(value);
  if (found == code_of_.end()) {
    append_little_endian(dictionary_, value.size(), sizeof(uint32_t));
    dictionary_ += value;
    found = code_of_.emplace(value, static_cast<uint32_t>(code_of_.size())).first;
  }
  codes_.push_back(found->second);
  if (dictionary_.size() <= kDictionaryBytesMax) return;
  coding_ = false;
  code_of_.clear();
  codes_.clear();
  dictionary_.clear();
}

void ColumnChunk::end_value() {
  present_.push_back(1);
  ++values_;
  const Mark last = pages_.empty() ? Mark{} : pages_.back();
  if (plain_.size() - last.bytes >= kPageBytes || present_.size() - last.rows >= kPageRows)
    pages_.push_back({present_.size(), values_, plain_.size()});
}

bool ColumnChunk::dictionary_pays() const {
  if (!coding_ || codes_.empty()) return false;
  return dictionary_.size() + codes_.size() * bits_for(code_of_.size()) / 8 < plain_.size();
}

// What a page has between two marks: which rows have a value, then the values.
std::string ColumnChunk::page_values(const Mark& from, const Mark& to, bool coded) const {
  std::string out;
  if (!column_.required) {
    std::string levels;
    append_rle(levels, std::span(present_).subspan(from.rows, to.rows - from.rows), 1);
    append_little_endian(out, levels.size(), sizeof(uint32_t));
    out += levels;
  }
  if (coded) {
    const uint32_t bits = bits_for(code_of_.size());
    out += static_cast<char>(bits);
    append_rle(out, std::span(codes_).subspan(from.values, to.values - from.values), bits);
  } else if (column_.type == Physical::kBoolean) {
    append_bits(out, std::string_view(plain_).substr(from.bytes, to.bytes - from.bytes));
  } else {
    out.append(plain_, from.bytes, to.bytes - from.bytes);
  }
  return out;
}

void ColumnChunk::put_page(std::string& file, std::string_view content, size_t values, bool is_dictionary, bool coded,
                           model::Compression how, WrittenChunk& chunk) const {
  const std::string packed = compressed(content, how);
  const size_t begin = file.size();
  {
    ThriftWriter header(file);
    header.begin().int32(1, is_dictionary ? kDictionaryPage : kDataPage);
    header.int32(2, static_cast<int32_t>(content.size())).int32(3, static_cast<int32_t>(packed.size()));
    header.begin(is_dictionary ? 7 : 5).int32(1, static_cast<int32_t>(values));
    header.int32(2, coded ? kEncodingRleDictionary : kEncodingPlain);
    if (!is_dictionary) header.int32(3, kEncodingRle).int32(4, kEncodingRle);
    header.end().end();
  }
  const size_t header_bytes = file.size() - begin;
  file += packed;
  chunk.plain_bytes += static_cast<int64_t>(header_bytes + content.size());
  chunk.bytes += static_cast<int64_t>(header_bytes + packed.size());
}

WrittenChunk ColumnChunk::write(std::string& file, model::Compression how) {
  FRESHET_ASSERT(rows() > 0);
  WrittenChunk chunk;
  chunk.has_dictionary = dictionary_pays();
  chunk.values = static_cast<int64_t>(rows());
  chunk.nulls = static_cast<int64_t>(rows() - values_);
  chunk.begin = static_cast<int64_t>(file.size());
  if (chunk.has_dictionary) put_page(file, dictionary_, code_of_.size(), true, false, how, chunk);
  chunk.data_begin = static_cast<int64_t>(file.size());
  const Mark all{rows(), values_, plain_.size()};
  if (pages_.empty() || pages_.back().rows < all.rows) pages_.push_back(all);
  Mark from;
  for (const Mark& to : pages_) {
    const std::string content = page_values(from, to, chunk.has_dictionary);
    put_page(file, content, to.rows - from.rows, false, chunk.has_dictionary, how, chunk);
    from = to;
  }
  if (values_ > 0 && (column_.type == Physical::kInt32 || column_.type == Physical::kInt64)) {
    const size_t width = column_.type == Physical::kInt32 ? 4 : 8;
    append_little_endian(chunk.least.emplace(), static_cast<uint64_t>(least_integer_), width);
    append_little_endian(chunk.most.emplace(), static_cast<uint64_t>(most_integer_), width);
  } else if (values_ > 0 && column_.type == Physical::kDouble) {
    // Of the two zeros neither is less; the specification wants the ones that hold both.
    chunk.least = plain_number(least_number_ == 0 ? -0.0 : least_number_);
    chunk.most = plain_number(most_number_ == 0 ? 0.0 : most_number_);
  } else if (least_text_ && std::max(least_text_->size(), most_text_->size()) <= kBoundBytesMax) {
    chunk.least = std::move(least_text_);
    chunk.most = std::move(most_text_);
  }
  *this = ColumnChunk(column_);
  return chunk;
}

}  // namespace freshet::sinks
