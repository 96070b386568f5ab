// What applying a rendering would lose that the one before had: topics that are gone, partitions fewer, retention
// shorter; brokers, volumes and room on them (lost_brokers.h). Pure; told, never refused: the file may mean it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace freshet::fleet {

// Whether there is something to compare in a rendered file. Of the two versions of Strimzi's API, which say the same,
// one counts.
[[nodiscard]] bool may_lose(std::string_view path);

// "topic back/ledger is gone", …: of the file of this path as it is on disk, and as it is rendered now ("": it is not).
// What can't be read on disk has nothing to lose.
[[nodiscard]] std::vector<std::string> losses(std::string_view path, std::string_view old_file,
                                              std::string_view new_file);

}  // namespace freshet::fleet
