// All of what a topology is rendered to, and the parts of it that can be asked for.
#pragma once

#include <span>

#include "base/result.h"
#include "fleet/render/file.h"

namespace freshet::fleet {

struct Target {
  std::string_view name;  // also the folder of its files
  std::string_view what;
  void (*render)(const Topology& topology, const Source& source, Rendering& out);
};
[[nodiscard]] std::span<const Target> targets();

// Pure: the same topology and source, the same bytes. Files are sorted by path, all different. `only` are names of
// targets; if it is empty, all are rendered. kInvalid: there is no such target; the message says which there are.
[[nodiscard]] Result<Rendering> render(const Topology& topology, const Source& source,
                                       const std::vector<std::string>& only);

}  // namespace freshet::fleet
