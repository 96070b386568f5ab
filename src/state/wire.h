// Fields of a serialized message one after the other, for those who want few of them: where a message is decoded for
// every record, most of what that costs is for parts that nobody looks at.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace freshet::state {

// A field as it lies in its message.
struct WireField {
  uint32_t number = 0;
  uint32_t type = 0;        // of its encoding
  std::string_view bytes;   // all of it, its tag too
  std::string_view inside;  // of kWireBytes: what it holds
  uint64_t value = 0;       // of kWireVarint and kWireFixed64
};

inline constexpr uint32_t kWireVarint = 0, kWireFixed64 = 1, kWireBytes = 2, kWireFixed32 = 5;

[[nodiscard]] inline bool next_varint(std::string_view& from, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(from.front());
    from.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

[[nodiscard]] inline bool skip_value(std::string_view& from, WireField& field) {
  uint64_t size = 0;
  switch (field.type) {
    case kWireVarint: return next_varint(from, field.value);
    case kWireFixed64: size = sizeof field.value; break;
    case kWireFixed32: size = sizeof(uint32_t); break;
    case kWireBytes:
      if (!next_varint(from, size)) return false;
      break;
    default: return false;  // Groups, which no format of ours has.
  }
  if (size > from.size()) return false;
  if (field.type == kWireFixed64) std::memcpy(&field.value, from.data(), sizeof field.value);
  field.inside = from.substr(0, size);
  from.remove_prefix(size);
  return true;
}

// Takes the first field off. False: it is damaged, or `from` is empty.
[[nodiscard]] inline bool next_field(std::string_view& from, WireField& field) {
  const char* const begin = from.data();
  uint64_t tag = 0;
  if (!next_varint(from, tag) || tag >> 3 == 0 || tag > UINT32_MAX) return false;
  field.number = static_cast<uint32_t>(tag >> 3);
  field.type = static_cast<uint32_t>(tag & 7);
  if (!skip_value(from, field)) return false;
  field.bytes = {begin, static_cast<size_t>(from.data() - begin)};
  return true;
}

}  // namespace freshet::state
