// The wire format of Protobuf (https://protobuf.dev/programming-guides/encoding/), read as far as it says where a
// message begins and ends.
#include "ingest/sources/logs/otlp_size.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace freshet::ingest {
namespace {

constexpr uint32_t kDepthMost = 200;  // Protobuf itself refuses what is deeper than 100

enum class Type : uint8_t {
  kRequest,
  kResourceLogs,
  kResource,
  kScopeLogs,
  kScope,
  kRecord,
  kPair,
  kValue,
  kList,
  kPairs
};

// The fields of these messages that are messages (proto/foreign/otlp_logs.proto).
struct Part {
  Type of;
  uint64_t field;
  Type is;
};
constexpr std::array<Part, 13> kParts = {{{Type::kRequest, 1, Type::kResourceLogs},
                                          {Type::kResourceLogs, 1, Type::kResource},
                                          {Type::kResourceLogs, 2, Type::kScopeLogs},
                                          {Type::kResource, 1, Type::kPair},
                                          {Type::kScopeLogs, 1, Type::kScope},
                                          {Type::kScopeLogs, 2, Type::kRecord},
                                          {Type::kRecord, 5, Type::kValue},
                                          {Type::kRecord, 6, Type::kPair},
                                          {Type::kPair, 2, Type::kValue},
                                          {Type::kValue, 5, Type::kList},
                                          {Type::kValue, 6, Type::kPairs},
                                          {Type::kList, 1, Type::kValue},
                                          {Type::kPairs, 1, Type::kPair}}};
// Their fields that are not, a bit each. All others are kept as they come, each for itself.
constexpr std::array<uint64_t, 10> kScalars = {0,
                                               0,
                                               0,
                                               0,
                                               1u << 1 | 1u << 2,
                                               1u << 1 | 1u << 2 | 1u << 3 | 7u << 9 | 1u << 12,
                                               1u << 1,
                                               1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 7,
                                               0,
                                               0};

std::optional<Type> part_of(Type of, uint64_t field) {
  const auto is_it = [&](const Part& part) { return part.of == of && part.field == field; };
  if (const auto at = std::find_if(kParts.begin(), kParts.end(), is_it); at != kParts.end()) return at->is;
  return std::nullopt;
}

bool is_scalar(Type of, uint64_t field) { return field < 64 && (kScalars[static_cast<size_t>(of)] >> field & 1u) != 0; }

bool take_varint(std::string_view& bytes, uint64_t& value) {
  value = 0;
  for (uint32_t shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

class Counter {
 public:
  explicit Counter(size_t most) : most_(most) {}

  // False: it is damaged, or there are too many.
  bool count(Type type, std::string_view bytes, uint32_t depth) {
    uint64_t tag = 0;
    while (!bytes.empty()) {
      if (!take_varint(bytes, tag)) return false;
      const auto part = part_of(type, tag >> 3);
      const bool is_group = (tag & 7u) == 3;  // Nobody writes one any more.
      if (is_group) found_ = most_;
      if ((is_group || !is_scalar(type, tag >> 3)) && ++found_ > most_) return false;
      std::string_view inner;
      if (!take(bytes, tag & 7u, inner)) return false;
      if (part && (tag & 7u) == 2 && (depth == kDepthMost || !count(*part, inner, depth + 1))) return false;
    }
    return true;
  }
  [[nodiscard]] size_t found() const { return found_; }

 private:
  // Takes the value of a field away.
  static bool take(std::string_view& bytes, uint64_t wire_type, std::string_view& inner) {
    uint64_t size = 0;
    switch (wire_type) {
      case 0: return take_varint(bytes, size);
      case 1: size = 8; break;
      case 2:
        if (!take_varint(bytes, size)) return false;
        break;
      case 5: size = 4; break;
      default: return false;
    }
    if (size > bytes.size()) return false;
    inner = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return true;
  }

  const size_t most_;
  size_t found_ = 0;
};

}  // namespace

size_t otlp_protobuf_messages(std::string_view body, size_t most) {
  Counter counter(most);
  counter.count(Type::kRequest, body, 0);
  return counter.found();
}

size_t otlp_json_messages(std::string_view body) {
  return static_cast<size_t>(std::count(body.begin(), body.end(), '{'));
}

}  // namespace freshet::ingest
