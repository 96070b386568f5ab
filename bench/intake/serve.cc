// The listener of `freshet run` on a node of ingest alone. What it leaves out is what holds senders back: there is
// nobody behind it who could be late.
#include "intake/serve.h"

#include <fmt/core.h>
#include <signal.h>

#include <cstdio>

#include "http/server.h"
#include "ingest/source.h"
#include "ingest/sources.h"

namespace freshet::bench {
namespace {

constexpr uint32_t kStopGraceMs = 1000;

// Blocked before any thread starts, so that none of them takes a signal from whoever waits for it.
sigset_t block_stop_signals() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a sender that goes must not end the process
  return stop;
}

}  // namespace

Status serve(const NodeOptions& options) {
  const sigset_t stop = block_stop_signals();
  FRESHET_ASSIGN(auto node, Node::open(options));
  ingest::Service& service = node->service();
  http::ServerOptions http;
  http.listen = "127.0.0.1:0";
  http.name = "ingest";
  http.threads = options.cores;
  http.body_bytes_max = ingest::body_bytes_max();
  http.on_header = [&service](const http::Request& head) { return service.judge(head); };
  FRESHET_ASSIGN(auto server, http::Server::start(http, [&service](http::Request request, http::Respond respond) {
                   service.handle(std::move(request), std::move(respond));
                 }));
  fmt::print("{{\"port\":{}}}\n", server->port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&stop, &signal);
  server->stop(kStopGraceMs);
  return {};
}

}  // namespace freshet::bench
