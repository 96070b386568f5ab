// A profile store made again of a state topic: the state of every profile, and then the changes that the topic's sink
// had not read. Both are guarded by their versions, so it may be done again after it was broken off anywhere, and what
// the store has that is newer stays.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// All outlive the call.
struct ProfileRestore {
  std::string tenant;
  std::string sink;
  std::string topic;
  cluster::Admin& admin;
  cluster::Reader& reader;
  eventlog::EventLog& log;
  docstore::DocStore& store;
  env::Clock& clock;
  std::function<void(uint64_t done, uint64_t total)> progress;
};

struct ProfilesRestored {
  uint64_t states = 0;     // that were written, some profiles' more than once
  uint64_t changes = 0;    // that came behind them
  uint64_t set_aside = 0;  // profiles that the topic does not have
  uint64_t foreign = 0;    // records that Freshet has not written
  uint64_t refused = 0;    // what the store will never take; the log says which
};

// Nothing else may write the store meanwhile: reaction is stopped. When it is done, all that was in `changes` when it
// began is in the store, durably. kInvalid: changes that the topic has not are gone from the log; nothing was written.
[[nodiscard]] Result<ProfilesRestored> restore_profiles(const ProfileRestore& parts);

}  // namespace freshet::app
