// For tests: the text of a file.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "testing/project_path.h"

namespace freshet::fleet {

// A relative path starts at the project's folder. "" if there is no such file.
[[nodiscard]] inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(std::filesystem::path(project_path("")) / path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace freshet::fleet
