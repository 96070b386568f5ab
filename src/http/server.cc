// Accepts connections and shares them out to the worker threads in turn. A connection stays with
// its thread, so nothing of a request is shared between threads.

#include "http/server.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <mutex>
#include <thread>

#include "base/assert.h"
#include "env/clock.h"
#include "env/thread.h"
#include "http/address.h"
#include "http/connection.h"
#include "http/tls.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr env::TimeUs kStopPollUs = 2'000;
// How long a newcomer waits for a place that somebody is leaving, and how often.
constexpr std::chrono::milliseconds kPlaceWait{2};
constexpr uint32_t kPlaceWaitsMax = 500;

class BeastServer final : public Server {
 public:
  BeastServer(const ServerOptions& options, Handler handler)
      : shared_(std::make_shared<Shared>(options, std::move(handler))) {
    for (uint32_t i = 0; i < std::max(options.threads, 1U); ++i) workers_.push_back(std::make_shared<Worker>(shared_));
    acceptor_.emplace(workers_[0]->io());
    retry_.emplace(workers_[0]->io());
  }
  ~BeastServer() override { stop(0); }

  Status open();
  void run();
  [[nodiscard]] uint16_t port() const override { return port_; }
  Status reload_tls() override;
  void stop(uint32_t grace_ms) override;

 private:
  Result<std::shared_ptr<asio::ssl::context>> load_tls();
  Status listen();
  void accept();
  void take(size_t index, Socket socket, uint32_t waits);
  void on_accepted(size_t index, Socket socket);
  telemetry::Counter& count_of(const std::string& what, bool by_address, const std::string& help);
  void wait_for_requests(uint32_t grace_ms);

  std::shared_ptr<Shared> shared_;
  std::vector<std::shared_ptr<Worker>> workers_;
  std::shared_ptr<asio::ssl::context> tls_;  // of new connections; null: none; used on the acceptor's thread
  std::optional<asio::basic_socket_acceptor<tcp, Executor>> acceptor_;
  std::optional<Timer> retry_;
  std::vector<std::thread> threads_;
  std::mutex stop_mutex_;
  bool stopped_ = false;
  uint16_t port_ = 0;
  uint64_t next_id_ = 0;  // of a connection
};

Result<std::shared_ptr<asio::ssl::context>> BeastServer::load_tls() {
  const ServerOptions& options = shared_->options;
  if (options.tls_cert.empty() && options.tls_key.empty()) return nullptr;
  if (options.tls_cert.empty() || options.tls_key.empty())
    return fail(Code::kInvalid, "tls needs both cert and key, or neither");
  FRESHET_ASSIGN(auto context, server_tls(options.tls_cert, options.tls_key));
  telemetry::gauge("freshet_http_tls_certificate_end_seconds", "When the certificate in use ends, since 1970.",
                   {{"listener", options.name}})
      .set(static_cast<double>(certificate_ends_s(*context)));
  return context;
}

Status BeastServer::reload_tls() {
  auto loaded = load_tls();
  if (loaded && *loaded == nullptr) return {};
  telemetry::counter("freshet_http_tls_reloads_total", "Certificates read again, by whether they could be used.",
                     {{"listener", shared_->options.name}, {"result", loaded ? "taken" : "refused"}})
      .add();
  if (!loaded) return tl::unexpected<Error>(std::move(loaded).error());
  // Connections that stand keep what they began with.
  asio::post(workers_[0]->io(), [this, context = std::move(*loaded)]() mutable { tls_ = std::move(context); });
  return {};
}

Status BeastServer::listen() {
  const std::string& where = shared_->options.listen;
  const auto address = parse_address(where);
  if (!address)
    return fail(Code::kInvalid, "listen address \"" + where + "\" must be host:port, such as 127.0.0.1:8080");
  const auto failed = [&where](const char* step, const ErrorCode& error) {
    return fail(Code::kInvalid, "can't listen on " + where + ": " + step + ": " + error.message());
  };
  ErrorCode error;
  tcp::resolver resolver(workers_[0]->io());
  const auto found = resolver.resolve(address->host, std::to_string(address->port), tcp::resolver::passive, error);
  if (error || found.empty()) return failed("resolve", error);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor_->open(endpoint.protocol(), error);
  if (error) return failed("socket", error);
  // A process that was restarted may listen at once, although old connections of its port still
  // fade away.
  acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  acceptor_->bind(endpoint, error);
  if (error) return failed("bind", error);
  acceptor_->listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed("listen", error);
  port_ = acceptor_->local_endpoint(error).port();
  return {};
}

Status BeastServer::open() {
  FRESHET_ASSIGN(tls_, load_tls());
  return listen();
}

void BeastServer::run() {
  FRESHET_ASSERT(threads_.empty());
  accept();
  for (const auto& worker : workers_) {
    worker->start_ticking();
    threads_.emplace_back([worker = worker.get(), name = "http-" + std::to_string(threads_.size())] {
      env::name_thread(name);
      worker->io().run();
    });
  }
}

void BeastServer::accept() {
  // The acceptor runs on the first worker; sockets are made for the one that will serve them.
  const size_t index = next_id_ % workers_.size();
  acceptor_->async_accept(workers_[index]->io(), [this, index](const ErrorCode& error, Socket socket) {
    if (error == asio::error::operation_aborted || !acceptor_->is_open()) return;
    if (!error) {
      return take(index, std::move(socket), 0);
    }
    // Most likely there are no file descriptors left; they come back when connections end.
    log::warn("http: can't accept on {}: {}; trying again", shared_->options.listen, error.message());
    retry_->expires_after(std::chrono::milliseconds(100));
    retry_->async_wait([this](const ErrorCode& cancelled) {
      if (!cancelled) accept();
    });
  });
}

// In a flood the acceptor is faster than the workers that close connections for newcomers. Then the newcomer waits for
// a place, and with it all that the kernel has ready, instead of being sent away.
void BeastServer::take(size_t index, Socket socket, uint32_t waits) {
  ErrorCode error;
  const auto peer = socket.remote_endpoint(error);
  if (!error && waits < kPlaceWaitsMax && shared_->seats.is_crowded(address_key(peer.address()))) {
    retry_->expires_after(kPlaceWait);
    retry_->async_wait([this, index, socket = std::move(socket), waits](const ErrorCode& cancelled) mutable {
      if (!cancelled) take(index, std::move(socket), waits + 1);
    });
    return;
  }
  on_accepted(index, std::move(socket));
  accept();
}

void BeastServer::on_accepted(size_t index, Socket socket) {
  static telemetry::Counter& accepted = telemetry::counter("freshet_http_connections_total", "Connections accepted.");
  ErrorCode error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return;  // it has gone already
  const uint64_t id = next_id_++;
  const Seats::Admission admission = shared_->seats.admit(address_key(peer.address()), id, index);
  if (admission.evicted) {
    count_of("evicted", admission.by_address, "closed for newcomers").add();
    asio::post(workers_[admission.evicted->worker()]->io(),
               [w = workers_[admission.evicted->worker()].get(), victim = admission.evicted->connection()] {
                 w->evict(victim);
               });
  }
  if (admission.is_refused || !admission.seat) {
    count_of("refused", admission.by_address, "refused because there were too many, and all were busy").add();
  } else {
    accepted.add();
  }
  if (!admission.seat) return;  // the socket's destructor closes it
  const auto& worker = workers_[index];
  std::shared_ptr<AnyConnection> connection;
  if (tls_) {
    connection = std::make_shared<Connection<TlsStream>>(worker, admission.seat, TlsStream(std::move(socket), *tls_));
  } else {
    connection = std::make_shared<Connection<Socket>>(worker, admission.seat, std::move(socket));
  }
  // The table of connections belongs to the worker's thread, so the connection enters it there.
  asio::post(worker->io(), [w = worker.get(), seat = admission.seat, is_refused = admission.is_refused,
                            connection = std::move(connection)] {
    w->add(seat, connection);
    is_refused ? connection->start_refused() : connection->start();
  });
}

telemetry::Counter& BeastServer::count_of(const std::string& what, bool by_address, const std::string& help) {
  return telemetry::counter("freshet_http_connections_" + what + "_total", "Connections " + help + ".",
                            {{"listener", shared_->options.name}, {"limit", by_address ? "address" : "all"}});
}

void BeastServer::wait_for_requests(uint32_t grace_ms) {
  env::Clock& clock = env::real_clock();
  const env::TimeUs deadline = clock.monotonic_us() + env::TimeUs{grace_ms} * 1000;
  while (shared_->seats.taken() > 0 && clock.monotonic_us() < deadline) clock.sleep_us(kStopPollUs);
}

void BeastServer::stop(uint32_t grace_ms) {
  const std::lock_guard lock(stop_mutex_);
  if (stopped_ || threads_.empty()) return;
  stopped_ = true;
  // The acceptor may be used on its thread only.
  asio::post(workers_[0]->io(), [this] {
    ErrorCode ignored;
    acceptor_->close(ignored);
    retry_->cancel();
  });
  for (const auto& worker : workers_) asio::post(worker->io(), [w = worker.get()] { w->begin_stop(); });
  // Requests under way end by themselves; what is left after the grace is cut off.
  wait_for_requests(grace_ms);
  for (const auto& worker : workers_) {
    asio::post(worker->io(), [w = worker.get()] {
      w->close_all();
      w->io().stop();
    });
  }
  for (auto& thread : threads_) {
    // Called from a handler, stop() would wait for its own thread for ever.
    FRESHET_ASSERT(thread.get_id() != std::this_thread::get_id());
    thread.join();
  }
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler) {
  auto server = std::make_unique<BeastServer>(options, std::move(handler));
  FRESHET_TRY(server->open());
  server->run();
  return server;
}

}  // namespace freshet::http
