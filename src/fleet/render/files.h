// Files that are the same for every fleet, from src/fleet/render/files; embedded by CMake.
#pragma once

#include <array>
#include <string_view>

namespace freshet::fleet {

// A file's name and its text, both in the binary for as long as the process lives.
struct FixedFile {
  std::string_view name;
  std::string_view text;
};

extern const std::array<FixedFile, 6> kTerraformFiles;  // root.hcl first, then the module's
extern const std::string_view kFleetWatchPlaybook;      // for Ansible
extern const std::string_view kNodeExporterPlaybook;    // likewise
extern const std::string_view kMirrorPlaybook;          // likewise, with @hosts@, @cluster@, @mirror@ and @port@

}  // namespace freshet::fleet
