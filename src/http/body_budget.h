// Memory for the bodies of all requests of a listener that are under way, and each address's part of it. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/assert.h"

namespace freshet::http {

class BodyBudget {
 public:
  // `whole`: what is taken here is taken there, too; null: it is no part of another budget.
  explicit BodyBudget(uint64_t bytes_max, std::shared_ptr<BodyBudget> whole = nullptr)
      : bytes_max_(bytes_max), whole_(std::move(whole)) {}

  enum class Taken : uint8_t { kYes, kPartIsFull, kAllIsFull };
  // Unless it is kYes, there is not so much left, and nothing was taken.
  [[nodiscard]] Taken take(uint64_t bytes) {
    const uint64_t before = taken_.fetch_add(bytes, std::memory_order_relaxed);
    const bool fits = before + bytes <= bytes_max_;
    if (fits && (whole_ == nullptr || whole_->take(bytes) == Taken::kYes)) return Taken::kYes;
    taken_.fetch_sub(bytes, std::memory_order_relaxed);
    return !fits && whole_ != nullptr ? Taken::kPartIsFull : Taken::kAllIsFull;
  }
  void give_back(uint64_t bytes) {
    const uint64_t before = taken_.fetch_sub(bytes, std::memory_order_relaxed);
    FRESHET_ASSERT(before >= bytes);
    if (whole_ != nullptr) whole_->give_back(bytes);
  }
  [[nodiscard]] uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const uint64_t bytes_max_;
  const std::shared_ptr<BodyBudget> whole_;
  std::atomic<uint64_t> taken_{0};
};

// A budget of which no address holds more than its part, so that one that sends slowly can't take it from all others.
class SharedBodyBudget {
 public:
  SharedBodyBudget(uint64_t bytes_max, uint64_t of_an_address)
      : whole_(std::make_shared<BodyBudget>(bytes_max)), of_an_address_(of_an_address) {
    FRESHET_ASSERT(of_an_address > 0 && of_an_address <= bytes_max);
  }

  // Whoever has this address (an address_key()) has the same part, for as long as somebody holds it.
  [[nodiscard]] std::shared_ptr<BodyBudget> part_of(uint64_t address) {
    const std::lock_guard lock(mutex_);
    std::weak_ptr<BodyBudget>& known = parts_[address];
    if (auto part = known.lock()) return part;
    const auto part = std::make_shared<BodyBudget>(of_an_address_, whole_);
    known = part;
    // Those that nobody holds any more go now and then: they are never more than those that are held, and a few.
    if (parts_.size() >= sweep_at_) {
      std::erase_if(parts_, [](const auto& one) { return one.second.expired(); });
      sweep_at_ = 2 * parts_.size() + kSweepAtLeast;
    }
    return part;
  }
  [[nodiscard]] uint64_t of_an_address() const { return of_an_address_; }
  [[nodiscard]] size_t parts() {
    const std::lock_guard lock(mutex_);
    return parts_.size();
  }

 private:
  static constexpr size_t kSweepAtLeast = 64;

  const std::shared_ptr<BodyBudget> whole_;
  const uint64_t of_an_address_;
  std::mutex mutex_;
  std::unordered_map<uint64_t, std::weak_ptr<BodyBudget>> parts_;
  size_t sweep_at_ = kSweepAtLeast;
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
    last_ = budget_->take(bytes - bytes_);
    if (last_ != BodyBudget::Taken::kYes) return false;
    bytes_ = bytes;
    return true;
  }
  // Whether it was its address's part that had no room when grow_to() returned false.
  [[nodiscard]] bool found_its_part_full() const { return last_ == BodyBudget::Taken::kPartIsFull; }

 private:
  void end() {
    if (bytes_ > 0) budget_->give_back(std::exchange(bytes_, 0));
  }

  std::shared_ptr<BodyBudget> budget_;
  uint64_t bytes_ = 0;
  BodyBudget::Taken last_ = BodyBudget::Taken::kYes;
};

}  // namespace freshet::http
