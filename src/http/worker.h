// One server thread: its io_context, its connections and their deadlines. All but the constructor and post() run on the
// thread itself, so that connections need no lock.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "http/server_options.h"

namespace freshet::http {

// Deadlines are counted in ticks, so that a request costs no timer and no look at a clock.
inline constexpr uint32_t kTicksPerSecond = 10;

// What all threads of a server share.
struct Shared {
  ServerOptions options;
  Handler handler;
  std::atomic<uint32_t> open{0};  // connections
};

class AnyConnection {
 public:
  virtual ~AnyConnection() = default;
  virtual void start() = 0;
  // For a connection that is one too many: says so and closes.
  virtual void start_refused() = 0;
  // The response to request `request`; ignored if the connection has ended meanwhile.
  virtual void respond(uint64_t request, Response response) = 0;
  virtual void on_tick(uint64_t now) = 0;
  virtual void close_if_idle() = 0;
  virtual void close() = 0;
};

class Worker {
 public:
  explicit Worker(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  void start_ticking();
  // Takes the connection; every connection ends with remove().
  void add(uint64_t id, std::shared_ptr<AnyConnection> connection);
  void remove(uint64_t id);
  void respond(uint64_t connection, uint64_t request, Response response);
  // No further requests: idle connections close now, the others after their response.
  void begin_stop();
  void close_all();

  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] Shared& shared() { return *shared_; }
  [[nodiscard]] uint64_t ticks() const { return ticks_; }
  [[nodiscard]] bool stopping() const { return stopping_; }

 private:
  [[nodiscard]] std::vector<std::shared_ptr<AnyConnection>> all() const;

  std::shared_ptr<Shared> shared_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_{io_};
  uint64_t ticks_ = 0;
  bool stopping_ = false;
  std::unordered_map<uint64_t, std::shared_ptr<AnyConnection>> connections_;
};

}  // namespace freshet::http
