// Moves consumer groups: where a group goes on in the target, given what it has read in the source.
//
// Never ahead: nothing that the group has not read is passed over. What it reads again is at most what was mirrored to
// the topic from the last mark before its position until that position was mirrored: for a group that keeps up, what
// comes in Config::offset_sync_us and one transaction; where the target has another number of partitions, counted from
// the source partition in which the group is furthest behind in time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mirror/config.h"
#include "mirror/marks.h"
#include "mirror/verify/verify.h"

namespace freshet::mirror {

struct GroupMove {
  std::string group;
  std::string topic, to;
  std::vector<std::optional<int64_t>> next;  // by target partition; nullopt: from its beginning
  std::vector<cluster::Place> places;        // what has to be committed for it; empty: nothing
  std::string refused;                       // why nothing is; "": it may be
};

// Of all groups that Config::groups names, or of this one. It only looks.
[[nodiscard]] Result<std::vector<GroupMove>> plan_moves(const Config& config, Sides& sides, const std::string& group,
                                                        env::TimeUs silence_us);
// Commits what was planned. A group that reads in the target already is `refused` and the others go on.
[[nodiscard]] Status move_groups(const Config& config, std::vector<GroupMove>& moves);

[[nodiscard]] std::string moves_text(const std::vector<GroupMove>& moves);
[[nodiscard]] std::string moves_json(const std::vector<GroupMove>& moves);

}  // namespace freshet::mirror
