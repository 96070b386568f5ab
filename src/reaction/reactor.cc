#include "reaction/reactor.h"

#include <utility>

#include "env/thread.h"
#include "telemetry/log.h"

namespace freshet::reaction {

Result<std::unique_ptr<Reactor>> Reactor::start(const ReactorOptions& options) {
  eventlog::ConsumerOptions consumer;
  consumer.group = kReactionGroup;
  consumer.topics = {eventlog::Topic::kChanges};
  consumer.member = options.member;
  consumer.members = options.members;
  consumer.delivery = eventlog::Delivery::kAtLeastOnce;
  auto opened = options.log->open_consumer(consumer);
  if (!opened) return tl::unexpected(std::move(opened).error());
  return std::unique_ptr<Reactor>(new Reactor(options, std::move(*opened)));
}

Reactor::Reactor(const ReactorOptions& options, std::unique_ptr<eventlog::Consumer> consumer)
    : consumer_(std::move(consumer)), loop_(options, *consumer_) {
  thread_ = std::thread([this, member = options.member] {
    env::name_thread("reaction-" + std::to_string(member));
    run();
  });
}

Reactor::~Reactor() { stop(); }

void Reactor::stop() {
  stopping_ = true;
  consumer_->wake();
  if (thread_.joinable()) thread_.join();
}

Status Reactor::status() {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Reactor::run() {
  while (!stopping_) {
    if (Status status = loop_.step(); !status) return report(std::move(status));
  }
  if (Status status = loop_.drain(); !status) report(std::move(status));
}

void Reactor::report(Status status) {
  spdlog::error("reaction stopped: {}", status.error().message);
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

}  // namespace freshet::reaction
