// A field says how far its number is from the one before it, in the same byte as its type; that is why the last number
// of each open struct is remembered.
#include "sinks/files/parquet/thrift.h"

#include "base/assert.h"
#include "base/varint.h"

namespace freshet::sinks {
namespace {

constexpr uint8_t kTrue = 1, kFalse = 2, kI32 = 5, kI64 = 6, kBinaryType = 8, kListType = 9, kStructType = 12;
constexpr size_t kShortListMax = 14;    // longer ones have their size behind the first byte
constexpr int32_t kShortDeltaMax = 15;  // fields that are further apart have their number behind it

}  // namespace

ThriftWriter::~ThriftWriter() { FRESHET_ASSERT(last_.empty()); }

void ThriftWriter::integer(int64_t value) { append_varint(out_, zigzag(value)); }

void ThriftWriter::head(int32_t field, uint8_t type) {
  FRESHET_ASSERT(!last_.empty());
  const int32_t delta = field - last_.back();
  FRESHET_ASSERT(delta > 0);
  if (delta <= kShortDeltaMax) {
    out_ += static_cast<char>((delta << 4) | type);
  } else {
    out_ += static_cast<char>(type);
    integer(field);
  }
  last_.back() = field;
}

ThriftWriter& ThriftWriter::begin() {
  last_.push_back(0);
  return *this;
}

ThriftWriter& ThriftWriter::begin(int32_t field) {
  head(field, kStructType);
  return begin();
}

ThriftWriter& ThriftWriter::end() {
  FRESHET_ASSERT(!last_.empty());
  last_.pop_back();
  out_ += '\0';
  return *this;
}

ThriftWriter& ThriftWriter::int32(int32_t field, int32_t value) {
  head(field, kI32);
  integer(value);
  return *this;
}

ThriftWriter& ThriftWriter::int64(int32_t field, int64_t value) {
  head(field, kI64);
  integer(value);
  return *this;
}

ThriftWriter& ThriftWriter::boolean(int32_t field, bool value) {
  head(field, value ? kTrue : kFalse);
  return *this;
}

ThriftWriter& ThriftWriter::binary(int32_t field, std::string_view value) {
  head(field, kBinaryType);
  return item(value);
}

ThriftWriter& ThriftWriter::list(int32_t field, Kind kind, size_t size) {
  head(field, kListType);
  const auto type = static_cast<uint8_t>(kind);
  if (size <= kShortListMax) {
    out_ += static_cast<char>((size << 4) | type);
  } else {
    out_ += static_cast<char>(0xf0 | type);
    append_varint(out_, size);
  }
  return *this;
}

ThriftWriter& ThriftWriter::item(int32_t value) {
  integer(value);
  return *this;
}

ThriftWriter& ThriftWriter::item(std::string_view value) {
  append_varint(out_, value.size());
  out_ += value;
  return *this;
}

}  // namespace freshet::sinks
