// Removes the directories of states that became other processes' and did not come back: nobody reads or rewrites them
// any more, but their files still have everybody who was in them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "env/clock.h"
#include "kv/store.h"

namespace freshet::app {

struct LeftoverOptions {
  std::string data_dir;  // empty: all of them stay, as nothing else has what is in them
  uint32_t partitions = 0;
  env::TimeUs kept_us = 0;  // how long a state may be away before it is a leftover
};

// Thread-safe.
class LeftoverStates {
 public:
  // The clock outlives it.
  LeftoverStates(LeftoverOptions options, env::Clock& clock);

  // The state is about to be opened. Waits while its directory is being put aside.
  void opening(uint32_t partition);
  void opened(uint32_t partition, std::weak_ptr<kv::Store> state);
  // Looks for leftovers and removes them, once a minute, however often it is called. By one thread.
  void remove();

 private:
  struct Part {
    std::weak_ptr<kv::Store> state;
    env::TimeUs seen_us = 0;  // when it was last open here
  };

  const LeftoverOptions options_;
  env::Clock& clock_;
  env::TimeUs due_us_;
  std::mutex mutex_;  // of what follows
  std::map<uint32_t, Part> parts_;
};

}  // namespace freshet::app
