// What is wrong with a unit whose two sides differ: the first difference, in words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/names.h"

namespace freshet::mirror {

struct Sighting {
  Hash128 print;
  int32_t partition = 0;
  int64_t offset = 0;
};

enum class Wrong : uint8_t { kLost, kDouble, kSwapped, kForeign, kChanged };
[[nodiscard]] constexpr auto names_of(Wrong) {
  using enum Wrong;
  return std::to_array<Name<Wrong>>(
      {{kLost, "lost"}, {kDouble, "double"}, {kSwapped, "swapped"}, {kForeign, "foreign"}, {kChanged, "changed"}});
}

struct Difference {
  Wrong wrong = Wrong::kChanged;
  std::string key;   // as text; "": a partition
  std::string text;  // where, on both sides
};

// REQUIRES: the sides differ; each in its order. Of the source, what lies behind the target's end counts as lost.
[[nodiscard]] Difference diagnose(const std::vector<Sighting>& source, const std::vector<Sighting>& target);

}  // namespace freshet::mirror
