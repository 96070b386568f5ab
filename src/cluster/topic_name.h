// What Kafka takes in the name of a topic.
#pragma once

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace freshet::cluster {

[[nodiscard]] inline bool is_topic_byte(char c) { return is_name_char(c) || c == '.' || c == '-'; }

// A name that topics' names are made with has less than Kafka's 249.
inline constexpr size_t kNameInTopicsMax = 150;
[[nodiscard]] inline bool is_name_in_topics(std::string_view text) {
  return !text.empty() && text.size() <= kNameInTopicsMax && std::all_of(text.begin(), text.end(), is_topic_byte);
}

}  // namespace freshet::cluster
