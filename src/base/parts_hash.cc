#include "base/parts_hash.h"

#include <xxhash.h>

#include "base/assert.h"

namespace freshet {

struct PartsHash::State {
  XXH3_state_t* const xxh3 = XXH3_createState();
  State() { FRESHET_ASSERT(xxh3 != nullptr && XXH3_128bits_reset(xxh3) == XXH_OK); }
  ~State() { XXH3_freeState(xxh3); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

PartsHash::PartsHash() : state_(std::make_unique<State>()) {}
PartsHash::~PartsHash() = default;

void PartsHash::add(std::string_view part) {
  FRESHET_ASSERT(XXH3_128bits_update(state_->xxh3, part.data(), part.size()) == XXH_OK);
}

Hash128 PartsHash::hash() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh3));
  return Hash128::from({reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest});
}

}  // namespace freshet
