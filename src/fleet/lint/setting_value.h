// What Kafka takes for a setting, of topics and of brokers: which releases have it, and which values. Private to
// src/fleet/lint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace freshet::fleet::checks {

using Version = std::pair<uint32_t, uint32_t>;  // the first two numbers of Kafka's

// What a value must be for Kafka to take it.
enum class Takes : uint8_t { kWhole, kFraction, kTruth, kWord, kWords, kAnything };

struct KafkaSetting {
  std::string_view name;
  Takes takes = Takes::kWhole;
  int64_t least = 0;
  int64_t most = INT64_MAX;
  std::string_view words = {};  // of kWord and kWords (a list of them), with a blank between two
  Version since = {0, 0};       // the first release that has it
  Version gone = {99, 0};       // the first that has it no more
};

// Null: topics have no such setting, or it has a key of its own in the file.
[[nodiscard]] const KafkaSetting* find_topic_setting(std::string_view name);

// What Kafka would take in the place of this value, or "" if it takes it.
[[nodiscard]] std::string right_value(const KafkaSetting& setting, const std::string& value);

[[nodiscard]] std::vector<std::string_view> words_between(std::string_view text, char between);

// A number that is not written as such counts as the other one: another finding says what is wrong with it.
[[nodiscard]] int64_t number_or(std::string_view text, int64_t otherwise);

}  // namespace freshet::fleet::checks
