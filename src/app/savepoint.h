// Checkpoints that somebody asks a running process for, over its admin listener.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/admin_client.h"
#include "app/progress_bar.h"
#include "base/result.h"
#include "state/checkpoint/checkpointer.h"

namespace freshet::app {

// What the listener answers: {"round":1,"done":false,"partitions":[{"partition":0,"offset":12,"done":true,
// "gone":false,"error":""},…]}. It is done when all `workers` have said which partitions they have, and each of these
// is done or gone.
[[nodiscard]] std::string savepoint_json(const state::AskedFor& asked, size_t workers);

// Asks for checkpoints of what is there now and waits for them. The partitions that have one: those of that process.
// kRetry: one could not be made, and why; the process goes on trying.
[[nodiscard]] Result<std::vector<uint32_t>> make_savepoint(AdminClient& client, ProgressBar& bar);

}  // namespace freshet::app
