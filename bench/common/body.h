// A Segment batch body that is made once and then patched in place, so that a load generator pays for neither JSON nor
// formatting: ids and times have fixed widths. Items are tracks, or identifies with the traits email, city and plan;
// every item names a user_id. Not thread-safe.
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
  uint64_t seed = 1;  // another seed: other names, cities, amounts
};

class Body {
 public:
  // kInvalid: event_bytes below what an item needs at least, or a batch above kBodyBytesMax.
  [[nodiscard]] static Result<Body> make(const BodyOptions& options);

  // REQUIRES: item < items(), user < kUsersMax.
  void set_user(size_t item, uint64_t user);
  // REQUIRES: run_id.size() == kRunIdSize.
  void set_message_id(size_t item, std::string_view run_id, uint64_t sequence);
  // Time of all items, and sentAt.
  void set_time(env::TimeUs time);

  [[nodiscard]] size_t items() const { return items_.size(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Item {
    size_t user = 0;   // offsets into text_
    size_t email = 0;  // 0: a track
    size_t message = 0;
    size_t time = 0;
  };
  friend class BodyMaker;

  std::string text_;
  std::vector<Item> items_;
  size_t sent_at_ = 0;
};

}  // namespace freshet::bench
