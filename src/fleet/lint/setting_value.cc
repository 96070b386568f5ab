#include "fleet/lint/setting_value.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/number.h"
#include "base/text.h"
#include "fleet/topic_settings.h"

namespace freshet::fleet::checks {
namespace {

template <class Number>
bool is_between(std::string_view text, const KafkaSetting& setting) {
  const auto value = to_number<Number>(text);
  return value && *value >= static_cast<Number>(setting.least) && *value <= static_cast<Number>(setting.most);
}

std::string range_of(const KafkaSetting& setting) {
  if (setting.least == INT64_MIN) return "";
  return setting.most == INT64_MAX ? fmt::format(", {} or more", setting.least)
                                   : fmt::format(" from {} to {}", setting.least, setting.most);
}

}  // namespace

std::string right_value(const KafkaSetting& setting, const std::string& value) {
  const auto words = words_between(setting.words, ' ');
  const auto is_word = [&](std::string_view word) { return std::ranges::find(words, trim(word)) != words.end(); };
  switch (setting.takes) {
    case Takes::kWhole: return is_between<int64_t>(value, setting) ? "" : "a whole number" + range_of(setting);
    case Takes::kFraction: return is_between<double>(value, setting) ? "" : "a number" + range_of(setting);
    case Takes::kTruth: return truth_of(value) ? "" : "true or false";
    case Takes::kWord: return is_word(value) ? "" : "one of: " + joined(words, ", ");
    case Takes::kWords: {
      const bool fits = !value.empty() && std::ranges::all_of(words_between(value, ','), is_word);
      return fits ? "" : "some of: " + joined(words, ", ");
    }
    case Takes::kAnything: break;
  }
  return "";
}

std::vector<std::string_view> words_between(std::string_view text, char between) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(between), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

int64_t number_or(std::string_view text, int64_t otherwise) { return to_number<int64_t>(text).value_or(otherwise); }

}  // namespace freshet::fleet::checks
