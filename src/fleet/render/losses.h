// What applying a rendering would lose that the one before had: topics that are gone, partitions fewer, retention
// shorter. Pure; told, never refused: the file may mean it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freshet::fleet {

// Whether a rendered file has topics to compare. Of the two versions of Strimzi's API, which say the same, one does.
[[nodiscard]] bool has_topics(std::string_view path);

// "topic back/ledger is gone", …: of a file of topics as it is on disk, and as it is rendered now ("": it is not). What
// can't be read on disk has nothing to lose.
[[nodiscard]] std::vector<std::string> losses(std::string_view old_topics, std::string_view new_topics);

}  // namespace freshet::fleet
