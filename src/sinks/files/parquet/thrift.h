// Thrift's compact protocol, as far as the headers and the footer of a Parquet file need it
// (apache/thrift, doc/specs/thrift-compact-protocol.md). Fields of a struct are written by rising number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace freshet::sinks {

// Writes one struct, which may have others and lists in it, at the end of a string that the caller owns. It asserts
// that every struct is ended.
class ThriftWriter {
 public:
  // What is in a list.
  enum class Kind : uint8_t { kInt32 = 5, kBinary = 8, kStruct = 12 };

  explicit ThriftWriter(std::string& out) : out_(out) {}
  ~ThriftWriter();
  ThriftWriter(const ThriftWriter&) = delete;
  ThriftWriter& operator=(const ThriftWriter&) = delete;

  // The struct itself, or the next one of a list.
  ThriftWriter& begin();
  // A struct as a field.
  ThriftWriter& begin(int32_t field);
  ThriftWriter& end();
  // A field of an empty struct: how Thrift's unions say which of them it is.
  ThriftWriter& mark(int32_t field) { return begin(field).end(); }

  ThriftWriter& int32(int32_t field, int32_t value);
  ThriftWriter& int64(int32_t field, int64_t value);
  ThriftWriter& boolean(int32_t field, bool value);
  ThriftWriter& binary(int32_t field, std::string_view value);

  // A list as a field; then come `size` of begin() … end(), or of the next two.
  ThriftWriter& list(int32_t field, Kind kind, size_t size);
  ThriftWriter& item(int32_t value);
  ThriftWriter& item(std::string_view value);

 private:
  void head(int32_t field, uint8_t type);
  void integer(int64_t value);

  std::string& out_;
  std::vector<int32_t> last_;  // of each struct that is open: its last field
};

}  // namespace freshet::sinks
