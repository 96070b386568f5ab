// Who is connected to a listener, and who must go for a newcomer: connections are bounded, in all and for one address,
// and those that hold a place without using it make room for those that come. Thread-safe.
#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace freshet::http {

// The place of one connection, which says on its own thread how dispensable it is.
class Seat {
 public:
  Seat(uint64_t address, uint64_t connection, size_t worker)
      : address_(address), connection_(connection), worker_(worker) {}

  // It may go for a newcomer. Those that have not proved themselves go first, and among them those that have been
  // dispensable for longest: `since` is a tick of its worker.
  void dispensable(uint64_t since, bool proved) {
    rank_.store((proved ? kProved : 0) | since, std::memory_order_relaxed);
  }
  // A request of it is being worked on.
  void busy() { rank_.store(kBusy, std::memory_order_relaxed); }

  [[nodiscard]] uint64_t address() const { return address_; }  // an address_key()
  [[nodiscard]] uint64_t connection() const { return connection_; }
  [[nodiscard]] size_t worker() const { return worker_; }

 private:
  friend class Seats;
  static constexpr uint64_t kProved = uint64_t{1} << 62;
  static constexpr uint64_t kBusy = std::numeric_limits<uint64_t>::max();

  const uint64_t address_;
  const uint64_t connection_;
  const size_t worker_;
  // The lowest goes first. Who has just come goes before those that have proved themselves, even if its worker has not
  // got to it yet: in a flood there may be nobody else.
  std::atomic<uint64_t> rank_{kProved - 1};
  // Guarded by the mutex of Seats.
  size_t index_ = 0;      // among those of its address
  bool leaving_ = false;  // it was chosen to go
};

class Seats {
 public:
  struct Limits {
    uint32_t seats = 0;
    uint32_t of_an_address = 0;
    // Beyond both limits, for those that are told that there are too many, and while others have not gone yet.
    uint32_t spare = 0;
  };
  struct Admission {
    std::shared_ptr<Seat> seat;     // null: close it without a word
    std::shared_ptr<Seat> evicted;  // its connection is to be closed, unless a request of it is being worked on by then
    bool is_refused = false;        // it is one too many, and nobody can go for it
    bool by_address = false;        // the limit of an address was what counted
  };

  explicit Seats(Limits limits) : limits_(limits) {}

  // Whether a newcomer does well to wait a moment: all places are taken, the spare ones, too, and some who were chosen
  // to go have not gone yet.
  [[nodiscard]] bool is_crowded(uint64_t address);
  // A place for a newcomer, until leave(). `address` is an address_key().
  [[nodiscard]] Admission admit(uint64_t address, uint64_t connection, size_t worker);
  void leave(const Seat& seat);
  // A connection that was chosen to go has been given work meanwhile.
  void stays(Seat& seat);
  [[nodiscard]] uint32_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  using Bucket = std::vector<std::shared_ptr<Seat>>;
  [[nodiscard]] std::shared_ptr<Seat> most_dispensable(const Bucket& bucket) const;
  [[nodiscard]] std::shared_ptr<Seat> most_dispensable_of_all() const;
  [[nodiscard]] std::shared_ptr<Seat> evict(const Bucket* bucket);

  const Limits limits_;
  std::mutex mutex_;
  std::unordered_map<uint64_t, Bucket> addresses_;  // none of them is empty
  uint32_t leaving_ = 0;                            // were chosen to go, and are there
  std::atomic<uint32_t> taken_{0};
};

// What counts as one address: of IPv6 the network of 64 bits, which is what one subscriber is given.
[[nodiscard]] uint64_t address_key(const boost::asio::ip::address& address);

}  // namespace freshet::http
