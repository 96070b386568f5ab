// What a Freshet that runs says of itself. Private to the doctor.
#pragma once

#include <string>
#include <string_view>

#include "app/admin_client.h"
#include "base/result.h"

namespace freshet::app {

// The body of a 200 to GET of this address. Else an error with the status or why nobody answers.
[[nodiscard]] Result<std::string> ask_server(const AdminTarget& target, const std::string& path);

// The sum of all series of this metric in Prometheus' text format; 0 if there are none.
[[nodiscard]] double sum_of(std::string_view metrics, std::string_view name);

}  // namespace freshet::app
