// Whether the stages behind ingest have room for what it would accept.
#pragma once

#include <cstdint>
#include <optional>

#include "app/tenant_keeper.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// One thread uses it.
class StagesRoom {
 public:
  // How many records each of them has not done; nullopt: the log does not say, and what was said last counts. Tells
  // `tenants` when all that had waited for the state of this log is done.
  [[nodiscard]] bool look(eventlog::EventLog& log, TenantKeeper& tenants, std::optional<int64_t> action,
                          std::optional<int64_t> reaction);

 private:
  bool has_room_ = true;  // as they said last
};

}  // namespace freshet::app
