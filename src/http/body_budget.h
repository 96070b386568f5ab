// Memory for the bodies of all requests of a listener that are under way. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/assert.h"

namespace freshet::http {

class BodyBudget {
 public:
  explicit BodyBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // False: there is not so much left, and nothing was taken.
  [[nodiscard]] bool take(uint64_t bytes) {
    const uint64_t before = taken_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= bytes_max_) return true;
    taken_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void give_back(uint64_t bytes) {
    const uint64_t before = taken_.fetch_sub(bytes, std::memory_order_relaxed);
    FRESHET_ASSERT(before >= bytes);
  }
  [[nodiscard]] uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const uint64_t bytes_max_;
  std::atomic<uint64_t> taken_{0};
};

// What one body has of a budget; given back at its end.
class BodyLease {
 public:
  BodyLease() = default;
  explicit BodyLease(std::shared_ptr<BodyBudget> budget) : budget_(std::move(budget)) {}
  ~BodyLease() { end(); }
  BodyLease(BodyLease&& other) noexcept : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  BodyLease& operator=(BodyLease&& other) noexcept {
    if (this != &other) {
      end();
      budget_ = std::move(other.budget_);
      bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
  }

  // From now on it has so many bytes, or as many as before if false is returned. It never shrinks.
  [[nodiscard]] bool grow_to(uint64_t bytes) {
    if (bytes <= bytes_) return true;
    FRESHET_ASSERT(budget_ != nullptr);
    if (!budget_->take(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }

 private:
  void end() {
    if (bytes_ > 0) budget_->give_back(std::exchange(bytes_, 0));
  }

  std::shared_ptr<BodyBudget> budget_;
  uint64_t bytes_ = 0;
};

}  // namespace freshet::http
