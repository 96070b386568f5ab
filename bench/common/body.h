// A Segment batch body that is made once and then patched in place, so that a load generator pays for neither JSON nor
// formatting: ids and times have fixed widths. Items are tracks, or identifies with the traits email, city and plan;
// every item names a user_id. Merges are pairs: a track of a new anonymous id alone, then an identify that names it
// beside a user_id, so that two profiles become one. Not thread-safe.
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

struct BodyOptions {
  size_t batch = 100;
  size_t event_bytes = 500;  // size of one item; small items are padded by properties
  double identify_share = 0.2;
  double merge_share = 0;  // of the items: those that merge; as many more are the anonymous tracks before them
  uint64_t seed = 1;       // another seed: other names, cities, amounts
};

class Body {
 public:
  // kInvalid: event_bytes below what an item needs at least, or a batch above kBodyBytesMax.
  [[nodiscard]] static Result<Body> make(const BodyOptions& options);

  // Nothing happens to an anonymous item. REQUIRES: item < items(), user < kUsersMax.
  void set_user(size_t item, uint64_t user);
  // Makes anonymous ids of the same. REQUIRES: run_id.size() == kRunIdSize; items are given ascending sequences without
  // gaps.
  void set_message_id(size_t item, std::string_view run_id, uint64_t sequence);
  // Time of all items, and sentAt.
  void set_time(env::TimeUs time);

  [[nodiscard]] size_t items() const { return items_.size(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Item {
    size_t user = 0;   // offsets into text_; 0: an anonymous track
    size_t email = 0;  // 0: a track
    size_t message = 0;
    size_t time = 0;
    size_t anonymous = 0;  // 0: none
    bool second = false;   // of a pair: the anonymous id is the one of the item before
  };
  friend class BodyMaker;

  std::string text_;
  std::vector<Item> items_;
  size_t sent_at_ = 0;
};

}  // namespace freshet::bench
