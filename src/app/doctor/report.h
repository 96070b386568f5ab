// What the doctor says, as text for people and as JSON.
#pragma once

#include <string>
#include <vector>

#include "app/doctor/doctor.h"

namespace freshet::app {

// A line for each finding, what to do below it, and a line that counts them.
[[nodiscard]] std::string doctor_text(const std::vector<Finding>& findings);
// {"health":"ok|warn|fail","findings":[{"check","health","found","advice"}]}
[[nodiscard]] std::string doctor_json(const std::vector<Finding>& findings);

}  // namespace freshet::app
