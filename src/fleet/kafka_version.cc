// The tables: downloads of kafka.apache.org, and kafka-versions.yaml of Strimzi 0.45 to 0.51.
#include "fleet/kafka_version.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/assert.h"

namespace freshet::fleet {

std::pair<uint32_t, uint32_t> parse_version(std::string_view text) {
  std::pair<uint32_t, uint32_t> out;
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return out;
  std::from_chars(text.data(), text.data() + dot, out.first);
  std::from_chars(text.data() + dot + 1, text.data() + text.size(), out.second);
  return out;
}

bool is_released(std::string_view version) {
  constexpr uint32_t kLast3 = 9;
  constexpr uint32_t kLast4 = 3;
  const auto [major, minor] = parse_version(version);
  return (major == 3 && minor <= kLast3) || (major == 4 && minor <= kLast4);
}

bool runs_with_strimzi_v1(std::string_view version) { return parse_version(version).first >= 4; }

bool is_known_of_strimzi(std::string_view version) {
  return is_released(version) && parse_version(version) <= std::pair<uint32_t, uint32_t>(4, 2);
}

std::string_view patches_of_strimzi(std::string_view version) {
  struct Known {
    std::pair<uint32_t, uint32_t> minor;
    std::string_view patches;
  };
  constexpr std::array<Known, 5> kKnown = {{{{3, 8}, "3.8.0 3.8.1"},
                                            {{3, 9}, "3.9.0 3.9.1 3.9.2"},
                                            {{4, 0}, "4.0.0 4.0.1"},
                                            {{4, 1}, "4.1.0 4.1.1"},
                                            {{4, 2}, "4.2.0"}}};
  const auto* const found = std::ranges::find(kKnown, parse_version(version), &Known::minor);
  return found == kKnown.end() ? std::string_view() : found->patches;
}

std::string_view default_kafka(Platform platform) {
  switch (platform) {
    case Platform::kEc2: return "3.9.1";
    case Platform::kStrimzi: return "4.1.0";
  }
  FRESHET_ASSERT(false && "every platform is handled");
  return "";
}

}  // namespace freshet::fleet
