// What watch shows of all clusters at one moment.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fleet/watch/standing.h"

namespace freshet::fleet {

struct Watched {
  std::string file;
  env::TimeUs now_us = 0;                                 // by the monotonic clock, as Standing::seen_us
  int64_t wall_us = 0;                                    // since 1970, for documents
  uint64_t looks = 0;                                     // how often all were shown
  std::vector<std::shared_ptr<const Standing>> clusters;  // none is null
};

// For people: what is wrong first, in words; then the clusters, the groups that are behind and the hottest topics.
// `lines_most` in all; 0: no bound.
[[nodiscard]] std::string watch_text(const Watched& watched, size_t lines_most);
// One document. docs/fleet/watch.md lists the keys, which are part of the public surface.
[[nodiscard]] std::string watch_json(const Watched& watched);

}  // namespace freshet::fleet
