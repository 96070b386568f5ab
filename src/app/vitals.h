// The few gauges that say whether this process and its machine are well, for alerts.
#pragma once

#include <string>

#include "env/clock.h"

namespace freshet::app {

// To be called about once a second: whether the process is ready, its clock, and what is left of the disk that has the
// data directory.
void show_vitals(const std::string& data_dir, bool is_ready, env::TimeUs now_us);

}  // namespace freshet::app
