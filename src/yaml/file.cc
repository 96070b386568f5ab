#include "yaml/file.h"

#include "env/file.h"

namespace freshet::yaml {

// An empty file is told like one that can't be read: nobody means it, and its YAML would be a null without a place.
std::optional<std::string> read_file(const std::string& path, const std::string& wanted, Problems& problems) {
  if (auto text = env::read_file(path); text && !text->empty()) return text;
  problems.add({}, "can't be read, or is empty: it must be " + wanted + " (YAML)");
  return std::nullopt;
}

}  // namespace freshet::yaml
