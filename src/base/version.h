// Which Freshet this is. Both texts are constants of the build: the version is that of the project
// (SemVer, CMakeLists.txt), the commit is that of the source tree, with "-dirty" behind it if files
// differed from it, or "unknown" outside of a git checkout.
#pragma once

#include <string_view>

namespace freshet {

[[nodiscard]] std::string_view version();
[[nodiscard]] std::string_view commit();

}  // namespace freshet
