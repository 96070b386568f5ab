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

// Hands on what `ask()` finds; if it is not to be done, why.
template <class Done, class Ask>
Status answer(const Error* refusal, const Done& done, Ask ask) {
  using Found = decltype(ask());
  const Found found = refusal != nullptr ? Found(tl::unexpected<Error>(*refusal)) : ask();
  done(found);
  return found ? Status() : Status(tl::unexpected<Error>(found.error()));
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
  refuse(left, about_to_end());
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void ReadsAside::refuse(const std::deque<LookUp>& all, const Error& why) {
  for (const LookUp& one : all) static_cast<void>(one(&why));
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
  if (refusal != nullptr) return refuse({std::move(work)}, *refusal);
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
    const Status ended = work(nullptr);
    lock.lock();
    if (ended || ended.error().code != Code::kRetry) continue;
    std::deque<LookUp> behind;
    behind.swap(waiting_);
    lock.unlock();
    refuse(behind, ended.error());
    lock.lock();
  }
}

void ReadsAside::find_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                           FindDone done) {
  look_up([this, tenant, kind, identifier, done = std::move(done)](const Error* refusal) {
    return answer(refusal, done, [&] { return store_.find(tenant, kind, identifier); });
  });
}

void ReadsAside::get_soon(const EntityKey& key, FindDone done) {
  look_up([this, key, done = std::move(done)](const Error* refusal) {
    return answer(refusal, done, [&] { return store_.get(key); });
  });
}

void ReadsAside::find_by_prefix_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& begin,
                                     size_t count, FindManyDone done) {
  look_up([this, tenant, kind, begin, count, done = std::move(done)](const Error* refusal) {
    return answer(refusal, done, [&] { return store_.find_by_prefix(tenant, kind, begin, count); });
  });
}

}  // namespace freshet::docstore
