// The hash of a text that comes in parts and is nowhere whole.
#pragma once

#include <memory>
#include <string_view>

#include "base/hash.h"

namespace freshet {

class PartsHash {
 public:
  PartsHash();
  ~PartsHash();
  PartsHash(const PartsHash&) = delete;
  PartsHash& operator=(const PartsHash&) = delete;
  void add(std::string_view part);
  [[nodiscard]] Hash128 hash() const;  // hash128() of all that was added, one behind the other

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace freshet
