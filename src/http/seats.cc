#include "http/seats.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace freshet::http {

uint64_t address_key(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  // A prefix of IPv6 that nobody is given, so that no network of IPv6 has the key of an address of IPv4.
  constexpr uint64_t kIpv4 = uint64_t{0xffff} << 32;
  if (address.is_v4()) return kIpv4 | address.to_v4().to_uint();
  const ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return kIpv4 | ip::make_address_v4(ip::v4_mapped, v6).to_uint();
  uint64_t network = 0;
  const auto bytes = v6.to_bytes();
  for (size_t i = 0; i < sizeof network; ++i) network = network << 8 | bytes[i];
  return network;
}

std::shared_ptr<Seat> Seats::most_dispensable(const Bucket& bucket) const {
  std::shared_ptr<Seat> found;
  uint64_t lowest = Seat::kBusy;
  for (const auto& seat : bucket) {
    const uint64_t rank = seat->rank_.load(std::memory_order_relaxed);
    // Ticks are coarse; of one tick, who came first goes first.
    const bool is_lower = rank < lowest || (found && rank == lowest && seat->connection() < found->connection());
    if (seat->leaving_ || !is_lower) continue;
    lowest = rank;
    found = seat;
  }
  return found;
}

// Whoever has most connections can best do without one, so that one address can't push out all others.
std::shared_ptr<Seat> Seats::most_dispensable_of_all() const {
  std::shared_ptr<Seat> found;
  size_t most = 0;
  for (const auto& [address, bucket] : addresses_) {
    if (bucket.size() <= most) continue;
    auto seat = most_dispensable(bucket);
    if (seat == nullptr) continue;
    most = bucket.size();
    found = std::move(seat);
  }
  return found;
}

// Of these, or of all if there are none given.
std::shared_ptr<Seat> Seats::evict(const Bucket* bucket) {
  auto seat = bucket != nullptr ? most_dispensable(*bucket) : most_dispensable_of_all();
  if (seat == nullptr) return nullptr;
  FRESHET_ASSERT(!seat->leaving_);
  seat->leaving_ = true;
  ++leaving_;
  return seat;
}

bool Seats::is_crowded(uint64_t address) {
  const std::lock_guard lock(mutex_);
  const auto found = addresses_.find(address);
  const size_t of_address = found == addresses_.end() ? 0 : found->second.size();
  return leaving_ > 0 &&
         (taken() >= limits_.seats + limits_.spare || of_address >= limits_.of_an_address + limits_.spare);
}

Seats::Admission Seats::admit(uint64_t address, uint64_t connection, size_t worker) {
  const std::lock_guard lock(mutex_);
  Admission out;
  const auto found = addresses_.find(address);
  const size_t of_address = found == addresses_.end() ? 0 : found->second.size();
  out.by_address = of_address >= limits_.of_an_address;
  const Bucket* const bucket = out.by_address ? &found->second : nullptr;
  if (taken() >= limits_.seats + limits_.spare || of_address >= limits_.of_an_address + limits_.spare) {
    // It goes on when those that were chosen have gone. If there are none, those that stayed have used up the spare
    // ones.
    if (leaving_ == 0) out.evicted = evict(bucket);
    return out;
  }
  if (out.by_address || taken() >= limits_.seats) {
    out.evicted = evict(bucket);
    out.is_refused = out.evicted == nullptr;
  }
  out.seat = std::make_shared<Seat>(address, connection, worker);
  Bucket& seats = addresses_[address];
  out.seat->index_ = seats.size();
  seats.push_back(out.seat);
  taken_.fetch_add(1, std::memory_order_relaxed);
  return out;
}

void Seats::leave(const Seat& seat) {
  const std::lock_guard lock(mutex_);
  const auto found = addresses_.find(seat.address_);
  FRESHET_ASSERT(found != addresses_.end());
  Bucket& bucket = found->second;
  const size_t index = seat.index_;
  FRESHET_ASSERT(index < bucket.size() && bucket[index].get() == &seat);  // nobody leaves twice
  if (seat.leaving_) --leaving_;
  std::swap(bucket[index], bucket.back());
  bucket[index]->index_ = index;
  // `seat` may be held by nobody else, so it is not looked at after this.
  bucket.pop_back();
  if (bucket.empty()) addresses_.erase(found);
  taken_.fetch_sub(1, std::memory_order_relaxed);
}

void Seats::stays(Seat& seat) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(seat.leaving_, false)) --leaving_;
}

}  // namespace freshet::http
