#include "docstore/reads_aside.h"

#include <utility>

#include "base/assert.h"
#include "env/thread.h"

namespace freshet::docstore {
namespace {

const Error& too_many_wait() {
  static const Error error{Code::kRetry, "too many look-ups of profiles wait already: try again in a moment"};
  return error;
}

const Error& about_to_end() {
  static const Error error{Code::kRetry, "this process is about to end"};
  return error;
}

}  // namespace

ReadsAside::ReadsAside(DocStore& store, uint32_t threads) : store_(store) {
  FRESHET_ASSERT(threads > 0);
  for (uint32_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] {
      env::name_thread("look-ups");
      serve();
    });
}

void ReadsAside::close() {
  std::deque<LookUp> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(waiting_);
  }
  changed_.notify_all();
  for (const LookUp& work : left) work(&about_to_end());
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void ReadsAside::look_up(LookUp work) {
  const Error* refusal = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      refusal = &about_to_end();
    } else if (waiting_.size() >= kWaitingMax) {
      refusal = &too_many_wait();
    } else {
      waiting_.push_back(std::move(work));
    }
  }
  if (refusal != nullptr) return work(refusal);
  changed_.notify_one();
}

void ReadsAside::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (closed_) return;
    const LookUp work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work(nullptr);
    lock.lock();
  }
}

void ReadsAside::find_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                           FindDone done) {
  look_up([this, tenant, kind, identifier, done = std::move(done)](const Error* refusal) {
    done(refusal != nullptr ? tl::unexpected<Error>(*refusal) : store_.find(tenant, kind, identifier));
  });
}

void ReadsAside::get_soon(const EntityKey& key, FindDone done) {
  look_up([this, key, done = std::move(done)](const Error* refusal) {
    done(refusal != nullptr ? tl::unexpected<Error>(*refusal) : store_.get(key));
  });
}

void ReadsAside::find_by_prefix_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& begin,
                                     size_t count, FindManyDone done) {
  look_up([this, tenant, kind, begin, count, done = std::move(done)](const Error* refusal) {
    done(refusal != nullptr ? tl::unexpected<Error>(*refusal) : store_.find_by_prefix(tenant, kind, begin, count));
  });
}

}  // namespace freshet::docstore
