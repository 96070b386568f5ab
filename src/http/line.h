// Those that wait to be served one at a time, in turns by where they come from: however many of one address there are,
// somebody of another one waits for one of them only. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "base/assert.h"

namespace freshet::http {

template <class T>
class Line {
 public:
  void add(uint64_t address, T one) {
    waiting_[address].push_back(std::move(one));
    ++size_;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] size_t size() const { return size_; }
  // REQUIRES: not empty()
  [[nodiscard]] T take() {
    FRESHET_ASSERT(size_ > 0);
    auto turn = waiting_.upper_bound(last_);
    if (turn == waiting_.end()) turn = waiting_.begin();
    last_ = turn->first;
    T one = std::move(turn->second.front());
    turn->second.pop_front();
    if (turn->second.empty()) waiting_.erase(turn);
    --size_;
    return one;
  }

 private:
  std::map<uint64_t, std::deque<T>> waiting_;  // none of them is empty
  uint64_t last_ = 0;                          // whose turn was the last one
  size_t size_ = 0;
};

}  // namespace freshet::http
