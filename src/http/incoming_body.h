// A body of announced length that is being read. It grows as bytes arrive: an announcement alone costs nothing.
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "http/body_budget.h"

namespace freshet::http {

class IncomingBody {
 public:
  IncomingBody() = default;
  // Its memory is at most `growth` (2 or more) times what has come.
  IncomingBody(BodyLease lease, uint64_t announced, uint64_t growth)
      : lease_(std::move(lease)), announced_(announced), growth_(growth) {}

  [[nodiscard]] bool is_whole() const { return have_ == announced_; }
  // Memory for what comes next, of which so many bytes are here already. False: the budget has none.
  [[nodiscard]] bool make_room(size_t here = 0) {
    if (is_whole() || have_ < bytes_.size()) return true;
    const size_t wanted = std::min<uint64_t>(announced_, std::max(growth_ * (have_ + here), kFirstBytes));
    if (!lease_.grow_to(wanted)) return false;
    bytes_.resize(wanted);
    return true;
  }
  // Where the next bytes go; empty without make_room().
  [[nodiscard]] boost::asio::mutable_buffer room() { return {bytes_.data() + have_, bytes_.size() - have_}; }
  void filled(size_t count) {
    FRESHET_ASSERT(count <= bytes_.size() - have_);
    have_ += count;
  }
  // Takes what fits of bytes that are here already, and says how much that is.
  size_t take(std::string_view bytes) {
    const size_t count = std::min(bytes.size(), bytes_.size() - have_);
    std::memcpy(bytes_.data() + have_, bytes.data(), count);
    filled(count);
    return count;
  }

  [[nodiscard]] const BodyLease& lease() const { return lease_; }
  // The whole body, and what it has of the budget.
  [[nodiscard]] std::pair<std::string, BodyLease> release() {
    FRESHET_ASSERT(is_whole() && bytes_.size() == have_);
    return {std::move(bytes_), std::move(lease_)};
  }

 private:
  static constexpr uint64_t kFirstBytes = 4096;  // but at least this

  BodyLease lease_;
  std::string bytes_;
  uint64_t announced_ = 0;
  size_t have_ = 0;
  uint64_t growth_ = 2;
};

}  // namespace freshet::http
