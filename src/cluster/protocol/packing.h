// How producers pack a batch's records, with Kafka's numbers. Packs as clients do: gzip and zstd at their usual levels,
// snappy as librdkafka (one block), LZ4 as a frame. Unpacks these, and Java's framed snappy. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/names.h"
#include "base/result.h"

namespace freshet::cluster::protocol {

enum class Packing : uint8_t { kNone, kGzip, kSnappy, kLz4, kZstd };
[[nodiscard]] constexpr auto names_of(Packing) {
  using enum Packing;
  return std::to_array<Name<Packing>>(
      {{kNone, "none"}, {kGzip, "gzip"}, {kSnappy, "snappy"}, {kLz4, "lz4"}, {kZstd, "zstd"}});
}

[[nodiscard]] std::string pack(Packing packing, std::string_view bytes);

// kCorrupt: that is not what was packed so. kInvalid: it has more than `bytes_max`: a few bytes may claim to be many.
[[nodiscard]] Result<std::string> unpack(Packing packing, std::string_view packed, size_t bytes_max);

}  // namespace freshet::cluster::protocol
