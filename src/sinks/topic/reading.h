// Reads a state topic from its beginning to where it ends now, for whoever makes something of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"
#include "env/clock.h"
#include "sinks/topic/record.h"

namespace freshet::sinks {

struct StatesRead {
  uint64_t set_aside = 0;  // profiles whose state is not in the topic
  uint64_t foreign = 0;    // records that Freshet has not written; the log says which
};

// Calls take(states) with the states of some thousand records at a time, each profile once among them; later calls
// have later states of it. progress(done, total) in offsets. Errors are those of take, of reading, or kNotFound: there
// is no such topic.
[[nodiscard]] Result<StatesRead> read_states(cluster::Admin& admin, cluster::Reader& reader, const std::string& topic,
                                             env::Clock& clock,
                                             const std::function<Status(std::vector<ProfileState>)>& take,
                                             const std::function<void(uint64_t, uint64_t)>& progress);

}  // namespace freshet::sinks
