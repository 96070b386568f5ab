// The body of a dead letter. What was set aside may be as large as a record of its topic can be, and the letter has
// more than that: one that topic `deadletters` does not take would be tried again for ever, by a stage that commits
// nothing meanwhile. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "freshet/v1/event.pb.h"

namespace freshet::model {

// Half of what a record of a topic may have: far more than anything that Freshet takes in.
inline constexpr size_t kRecordBytesMost = 8u << 20;
inline constexpr size_t kCutBodyBytes = 4u << 10;

// Of a body over kRecordBytesMost only the begin is kept, and how long it was: it can be looked at, but not replayed.
inline void put_body(v1::DeadLetter& letter, std::string_view body, v1::DeadLetter::Body type) {
  if (body.size() > kRecordBytesMost) {
    letter.set_cut_bytes(body.size());
    body = body.substr(0, kCutBodyBytes);
  }
  letter.set_body(std::string(body));
  letter.set_body_type(type);
}

}  // namespace freshet::model
