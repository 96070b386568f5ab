// The thread around WorkerLoop: it steps until it is told to stop, or until a step fails. A worker that fails has
// committed nothing of the batch under way, so whoever takes its partitions over goes on from the last commit.
#include "action/worker.h"

#include <fmt/core.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "action/persister.h"
#include "action/profile_reads.h"
#include "action/worker_loop.h"
#include "base/assert.h"
#include "env/thread.h"
#include "telemetry/log.h"

namespace freshet::action {
namespace {

constexpr env::TimeUs kPollUs = 100'000;  // How long a worker without records sleeps before it looks after its states.

class WorkerImpl final : public Worker {
 public:
  WorkerImpl(const WorkerOptions& options, std::unique_ptr<eventlog::Consumer> consumer)
      : member_(options.member),
        consumer_(std::move(consumer)),
        persister_(options.trims ? options.log : nullptr, options.member, options.checkpoints),
        loop_(std::make_unique<WorkerLoop>(options, *consumer_, persister_)),
        reads_(options.reads) {
    if (reads_ != nullptr) reads_->set_wake(member_, [consumer = consumer_.get()] { consumer->wake(); });
    thread_ = std::thread([this] {
      env::name_thread(fmt::format("action-{}", member_));
      run();
    });
  }

  ~WorkerImpl() override {
    WorkerImpl::stop();
    if (reads_ != nullptr) reads_->set_wake(member_, nullptr);
    (void)persister_.wait();  // Its thread works on the states that the loop owns.
  }

  void stop() override {
    stopping_ = true;
    consumer_->wake();
    std::call_once(joined_, [this] { thread_.join(); });
  }

  Status status() const override {
    const std::lock_guard lock(mutex_);
    return status_;
  }

  bool caught_up() const override { return caught_up_; }

 private:
  void run() {
    Status status;
    while (status && !stopping_) {
      status = loop_->step(kPollUs);
      caught_up_ = caught_up_ || loop_->caught_up();
    }
    if (status) status = loop_->drain();
    if (status) return;
    log::error("action worker {} stopped: {}", member_, status.error().message);
    if (reads_ != nullptr) reads_->close();  // The process ends; nobody should wait for it.
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
  }

  const uint32_t member_;
  std::unique_ptr<eventlog::Consumer> consumer_;
  Persister persister_;
  std::unique_ptr<WorkerLoop> loop_;
  ProfileReads* const reads_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> caught_up_{false};
  std::once_flag joined_;
  mutable std::mutex mutex_;
  Status status_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Worker>> Worker::start(const WorkerOptions& options) {
  FRESHET_ASSERT(options.log != nullptr && options.clock != nullptr && options.open_state);
  FRESHET_ASSERT(options.member < options.members);
  eventlog::ConsumerOptions consumer_options;
  consumer_options.group = kActionGroup;
  consumer_options.topics = {eventlog::Topic::kActions};
  consumer_options.member = options.member;
  consumer_options.members = options.members;
  consumer_options.slots = options.slots;
  FRESHET_ASSIGN(auto consumer, options.log->open_consumer(consumer_options));
  return std::make_unique<WorkerImpl>(options, std::move(consumer));
}

}  // namespace freshet::action
