// A Segment batch body that is made once and then patched in place, so that a load generator pays
// for neither JSON nor formatting: ids and times have fixed widths. Items are tracks, or identifies
// with the traits email, city and plan; every item names a user_id. Merges are pairs: a track of a
// new anonymous id alone, then an identify that names it beside a user_id, so that two profiles
// become one. One thread uses a body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/clock.h"

namespace freshet::bench {

inline constexpr uint64_t kUsersMax = 1'000'000'000;  // a user_id is "u" and nine digits
inline constexpr size_t kRunIdSize = 12;              // hex; message id = run id '-' sequence as 16 hex digits
inline constexpr size_t kBodyBytesMax = 500 * 1024;   // what the tracking API takes in one batch

// What is in a body.
struct BodyOptions {
  size_t batch = 100;
  size_t event_bytes = 500;  // size of one item; small items are padded by properties
  double identify_share = 0.2;
  // The share of items that merge; as many more items are the anonymous tracks before them.
  double merge_share = 0;
  uint64_t seed = 1;  // another seed makes other names, cities and amounts
};

class Body {
 public:
  // kInvalid: event_bytes is below what an item needs at least, or the batch is above
  // kBodyBytesMax.
  [[nodiscard]] static Result<Body> make(const BodyOptions& options);

  // Names the user of an item; an anonymous item stays as it is. REQUIRES: item < items(), user <
  // kUsersMax.
  void set_user(size_t item, uint64_t user);
  // Sets the message id, and makes the anonymous ids of the same number. REQUIRES: run_id.size() ==
  // kRunIdSize; items are given ascending sequences without gaps.
  void set_message_id(size_t item, std::string_view run_id, uint64_t sequence);
  // Sets the time of all items, and sentAt.
  void set_time(env::TimeUs time);

  [[nodiscard]] size_t items() const { return items_.size(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  // Where the parts of an item lie in text_; 0 means that it has no such part.
  struct Item {
    size_t user = 0;   // an anonymous track has none
    size_t email = 0;  // only identifies have one
    size_t message = 0;
    size_t time = 0;
    size_t anonymous = 0;
    bool second = false;  // of a pair: its anonymous id is that of the item before
  };
  friend class BodyMaker;

  std::string text_;
  std::vector<Item> items_;
  size_t sent_at_ = 0;
};

}  // namespace freshet::bench
