// Any text: no crash; refused, or paths inside the folder that are read back the same once written.
#include <cstdlib>

#include "fleet/render/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet::fleet;
  const auto hashes = parse_manifest({reinterpret_cast<const char*>(data), size});
  if (!hashes) return 0;
  for (const auto& [path, hash] : *hashes) {
    const bool inside = !path.empty() && path.front() != '/' && path != ".." && !path.starts_with("../") &&
                        path.find("/../") == std::string::npos && !path.ends_with("/..");
    if (!inside || hash.size() != 32) std::abort();
  }
  const auto again = parse_manifest(write_manifest(*hashes, "# comment\n"));
  if (!again || *again != *hashes) std::abort();
  return 0;
}
