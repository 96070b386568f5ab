#include "app/listeners.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "ingest/sources.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

template <class Listener>
http::ServerOptions listening(const char* name, const Listener& at) {
  http::ServerOptions http;
  http.listen = at.listen;
  http.name = name;
  http.connections_max = at.connections;
  http.tls_cert = at.tls.cert;
  http.tls_key = at.tls.key;
  return http;
}

}  // namespace

http::ServerOptions ingest_listener(const Config::Ingest& at) {
  http::ServerOptions http = listening("ingest", at);
  http.connections_per_address = at.connections_per_address;
  return http;
}

Result<std::unique_ptr<http::Server>> serve_ingest(const Config::Ingest& at, ingest::Service& service,
                                                   const std::atomic<bool>& has_room) {
  http::ServerOptions http = ingest_listener(at);
  http.threads = std::max(1u, std::thread::hardware_concurrency());
  http.body_bytes_max = ingest::body_bytes_max();
  http.on_header = [&service](const http::Request& head) { return service.judge(head); };
  http.holds_back = [&has_room] { return !has_room.load(std::memory_order_relaxed); };
  return http::Server::start(http, [&service](http::Request request, http::Respond respond) {
    service.handle(std::move(request), std::move(respond));
  });
}

Result<std::unique_ptr<http::Server>> serve_admin(const Config::Admin& at, console::Admin& admin) {
  http::ServerOptions http = listening("admin", at);
  http.on_header = [&admin](const http::Request& head) { return admin.judge(head); };
  auto server = http::Server::start(http, [&admin](http::Request request, http::Respond respond) {
    admin.handle(std::move(request), std::move(respond));
  });
  if (!server)
    server.error().message +=
        "; every process has an admin listener, for health and metrics: several on one machine need an admin.listen "
        "each, like \"127.0.0.1:${FRESHET_ADMIN_PORT}\"";
  return server;
}

// What can't be read is no reason to end: whoever is connected has the certificate of before.
void reload_tls(http::Server* server, const char* name) {
  if (server == nullptr) return;
  if (const Status reloaded = server->reload_tls(); !reloaded)
    return log::error("{}: {}; what was read before is used on", name, reloaded.error().message);
  log::info("{}: certificate and key, if it has any, were read again", name);
}

}  // namespace freshet::app
