// Offsets of a group that nobody is a member of.
#pragma once

#include <string>
#include <vector>

#include "cluster/admin/connection.h"
#include "cluster/stream/stream.h"

namespace freshet::cluster {

// Commits them for the group, whose members, if there are any, make it kConflict.
[[nodiscard]] Status commit_offsets(const Connection& connection, const std::string& group,
                                    const std::vector<Place>& places);

}  // namespace freshet::cluster
