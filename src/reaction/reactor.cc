// Gives the loop its threads.

#include "reaction/reactor.h"

#include <utility>

#include "base/assert.h"
#include "env/thread.h"
#include "telemetry/log.h"

namespace freshet::reaction {

Result<std::unique_ptr<Reactor>> Reactor::start(const ReactorOptions& options) {
  eventlog::ConsumerOptions consumer;
  consumer.group = kReactionGroup;
  consumer.topics = {eventlog::Topic::kChanges};
  consumer.member = options.member;
  consumer.members = options.members;
  // At least once is enough, because a change that is applied twice changes nothing (invariant 8);
  // transactions would cost latency.
  consumer.delivery = eventlog::Delivery::kAtLeastOnce;
  FRESHET_ASSIGN(auto opened, options.log->open_consumer(consumer));
  return std::unique_ptr<Reactor>(new Reactor(options, std::move(opened)));
}

Reactor::Reactor(const ReactorOptions& options, std::unique_ptr<eventlog::Consumer> consumer)
    : consumer_(std::move(consumer)), syncer_(options), loop_(with_syncer(options), *consumer_) {
  thread_ = std::thread([this, member = options.member] {
    env::name_thread("reaction-" + std::to_string(member));
    run();
  });
}

Reactor::~Reactor() { stop(); }

ReactorOptions Reactor::with_syncer(ReactorOptions options) {
  options.start_sync = [this](std::function<void(Status)> done) { syncer_.start(std::move(done)); };
  return options;
}

Reactor::Syncer::Syncer(const ReactorOptions& options) : store_(*options.store) {
  thread_ = std::thread([this, member = options.member] {
    env::name_thread("sync-" + std::to_string(member));
    // Syncs write large files; they may take longer, so that reading and writing profiles stay
    // fresh.
    env::yield_to_others();
    run();
  });
}

Reactor::Syncer::~Syncer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Reactor::Syncer::start(std::function<void(Status)> done) {
  {
    const std::lock_guard lock(mutex_);
    FRESHET_ASSERT(job_ == nullptr && !stopping_);
    job_ = std::move(done);
  }
  changed_.notify_all();
}

void Reactor::Syncer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || job_ != nullptr; });
    // A job that was started is done even if the reactor is stopping: somebody waits for its
    // answer.
    if (job_ == nullptr) return;
    const auto done = std::exchange(job_, nullptr);
    lock.unlock();
    // The sync runs without the lock, so start() never waits for a disk.
    done(store_.sync());
    lock.lock();
  }
}

void Reactor::stop() {
  stopping_ = true;
  // The loop may wait in a poll.
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

// The reason stays for status(), which health checks show.
void Reactor::report(Status status) {
  log::error("reaction stopped: {}", status.error().message);
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

}  // namespace freshet::reaction
