// What the handler's Respond calls. Private to the server.
#pragma once

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "http/body_budget.h"
#include "http/response.h"
#include "http/worker.h"

namespace freshet::http {

// The last copy answers 500 if nobody did, so that a handler which forgets costs an error and not a connection for
// ever. Until there is an answer, the request's body counts as being in memory.
class Responder {
 public:
  Responder(std::weak_ptr<Worker> worker, uint64_t connection, uint64_t request, BodyLease body)
      : worker_(std::move(worker)), connection_(connection), request_(request), body_(std::move(body)) {}
  ~Responder() {
    if (!called_.load()) send(error_response(500, "internal", "the request was not answered; it may have been done"));
  }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  void send(Response response) {
    const bool answered_before = called_.exchange(true);
    FRESHET_ASSERT(!answered_before);
    body_ = BodyLease();
    const auto worker = worker_.lock();
    if (worker == nullptr) return;
    // The callback must not hold the worker itself: that would keep it alive from within its own
    // queue.
    boost::asio::dispatch(worker->io(), [w = worker.get(), c = connection_, r = request_,
                                         out = std::move(response)]() mutable { w->respond(c, r, std::move(out)); });
  }

 private:
  std::weak_ptr<Worker> worker_;
  uint64_t connection_;
  uint64_t request_;
  BodyLease body_;
  std::atomic<bool> called_{false};
};

}  // namespace freshet::http
