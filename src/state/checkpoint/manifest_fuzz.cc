#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "state/checkpoint/manifest.h"

// As it is, and behind a right head: what lies behind the hash must be safe on its own.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(state::decode_manifest(bytes));
  static_cast<void>(state::parse_checkpoint_key(0, bytes));
  std::string sealed = "FRESHCP1";
  sealed.append(objectstore::view(objectstore::sha256(bytes))).append(bytes);
  const auto checkpoint = state::decode_manifest(sealed);
  if (!checkpoint) return 0;
  for (const auto& file : checkpoint->files())
    if (file.name().find('/') != std::string::npos || file.name().starts_with('.')) __builtin_trap();
  if (!state::decode_manifest(state::encode_manifest(*checkpoint))) __builtin_trap();
  return 0;
}
