// One server thread: its io_context, its connections and their deadlines. Everything but the
// constructor and the posting of work runs on the thread itself, so connections need no lock.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "http/body_budget.h"
#include "http/line.h"
#include "http/seats.h"
#include "http/server_options.h"

namespace freshet::http {

// What runs a server's sockets and timers. Asio's usual ones could be bound to any executor, which costs the compiler a
// sixth of its time.
using Executor = boost::asio::io_context::executor_type;
using Timer = boost::asio::steady_timer::rebind_executor<Executor>::other;

// Deadlines are counted in ticks, so that a request costs no timer and no look at a clock.
inline constexpr uint32_t kTicksPerSecond = 10;

// What all threads of a server share.
struct Shared {
  Shared(const ServerOptions& server_options, Handler server_handler);

  // What the body of such a request has its memory from.
  [[nodiscard]] SharedBodyBudget& budget(bool trusted) { return trusted ? bodies : bodies_of_strangers; }

  const ServerOptions options;
  const Handler handler;
  Seats seats;
  SharedBodyBudget bodies;
  SharedBodyBudget bodies_of_strangers;
};

// A connection as its worker sees it, whether it has TLS or not.
class AnyConnection {
 public:
  virtual ~AnyConnection() = default;
  virtual void start() = 0;
  // For a connection that is one too many: it says so and closes.
  virtual void start_refused() = 0;
  // Takes the response to request number `request`. It is ignored if the connection has ended
  // meanwhile.
  virtual void respond(uint64_t request, Response response) = 0;
  // Called kTicksPerSecond times a second, with the number of the tick.
  virtual void on_tick(uint64_t now) = 0;
  // It has lined up, and now it is its turn.
  virtual void take_turn() = 0;
  // Ends a connection that has no request under way.
  virtual void close_if_idle() = 0;
  // Ends the connection for a newcomer, unless a whole request of it is being worked on.
  virtual void evict() = 0;
  // Ends the connection now, whatever is under way.
  virtual void close() = 0;
};

class Worker {
 public:
  explicit Worker(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  void start_ticking();
  // Takes the connection with its seat. Every connection ends with remove().
  void add(std::shared_ptr<Seat> seat, std::shared_ptr<AnyConnection> connection);
  void remove(uint64_t id);
  // Passes a response on, if the connection is still there.
  void respond(uint64_t connection, uint64_t request, Response response);
  void evict(uint64_t connection);
  // For a connection that has not proved itself: its take_turn() is called when it is its turn, by address; one of them
  // between all that is ready for others. So a flood of strangers costs those who are trusted the wait for one.
  void line_up(uint64_t address, std::shared_ptr<AnyConnection> connection);
  // Allows no further requests: idle connections close now, the others after their response.
  void begin_stop();
  void close_all();

  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] Shared& shared() { return *shared_; }
  [[nodiscard]] uint64_t ticks() const { return ticks_; }
  [[nodiscard]] bool stopping() const { return stopping_; }

 private:
  struct Entry {
    std::shared_ptr<Seat> seat;
    std::shared_ptr<AnyConnection> connection;
  };
  [[nodiscard]] std::vector<std::shared_ptr<AnyConnection>> all() const;
  // Null if it has ended. The copy keeps it alive while it is being used.
  [[nodiscard]] std::shared_ptr<AnyConnection> find(uint64_t id) const;

  void serve_line();

  std::shared_ptr<Shared> shared_;
  boost::asio::io_context io_{1};
  Timer timer_{io_};
  uint64_t ticks_ = 0;
  bool stopping_ = false;
  std::unordered_map<uint64_t, Entry> connections_;
  Line<std::shared_ptr<AnyConnection>> line_;  // each connection is there once at most
};

}  // namespace freshet::http
