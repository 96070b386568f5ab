// For tests: where the project's files are.
#pragma once

#include <string>
#include <string_view>

namespace freshet {

// The absolute path of a file or folder that is named from the project's root:
// project_path("examples/fleet/small.yaml"). Made by cmake/freshet.cmake, in a library that only tests are linked with.
[[nodiscard]] std::string project_path(std::string_view path);

}  // namespace freshet
