// An entity as small as it can be and still do its work: small vectors, no tombstones, no sets.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "env/clock.h"

namespace freshet::bench {

struct Attribute {
  std::string name;
  std::string value;
  env::TimeUs time_us = 0;
};

struct EventCount {
  std::string name;
  uint64_t count = 0;
  env::TimeUs last_us = 0;
};

struct Entity {
  Hash128 id;
  // The first few lie within the entity, as most have no more.
  absl::InlinedVector<Attribute, 3> attributes;
  absl::InlinedVector<EventCount, 4> events;
  env::TimeUs last_seen_us = 0;
  uint64_t version = 0;
  bool changed = false;
};

// Bytes in the simplest way that could be read back.
template <class Number>
void append_number(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}
inline void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<uint16_t>(text.size()));
  out += text;
}

}  // namespace freshet::bench
