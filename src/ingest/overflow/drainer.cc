#include "ingest/overflow/drainer.h"

#include <utility>

#include "env/thread.h"
#include "telemetry/log.h"

namespace freshet::ingest {

Result<std::unique_ptr<Drainer>> Drainer::start(const DrainOptions& options) {
  eventlog::ConsumerOptions consumer;
  consumer.group = kDrainGroup;
  consumer.topics = {eventlog::Topic::kOverflow};
  FRESHET_ASSIGN(auto opened, options.log->open_consumer(consumer));
  return std::unique_ptr<Drainer>(new Drainer(options, std::move(opened)));
}

Drainer::Drainer(const DrainOptions& options, std::unique_ptr<eventlog::Consumer> consumer)
    : consumer_(std::move(consumer)), loop_(options, *consumer_) {
  thread_ = std::thread([this] {
    env::name_thread("overflow");
    run();
  });
}

Drainer::~Drainer() { stop(); }

void Drainer::stop() {
  stopping_ = true;
  // The loop may wait in a poll.
  consumer_->wake();
  if (thread_.joinable()) thread_.join();
}

Status Drainer::status() {
  const std::lock_guard lock(mutex_);
  return status_;
}

// The reason stays for status(), which health checks show.
void Drainer::run() {
  while (!stopping_) {
    Status status = loop_.step();
    if (status) continue;
    log::error("the drain of overflow stopped: {}", status.error().message);
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
    return;
  }
}

}  // namespace freshet::ingest
