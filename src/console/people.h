// Finding persons without a whole identifier: by how one begins, where the store has an index of values, and those
// whose records came last; and whether a record of theirs came. docs/api/admin.yaml has the answers.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "console/call.h"
#include "docstore/doc_store.h"
#include "eventlog/event_log.h"

namespace freshet::console {

// Reads the ends of `actions` when somebody asks who was there last, on a thread of its own, a bounded part of each
// partition. Only who has a profile now is told, so nobody who was erased is.
class People {
 public:
  // Log and store must outlive it, and so must whoever the store answers to: stop it after the listener.
  People(eventlog::EventLog& log, docstore::DocStore& store);
  // Answers whoever still waits.
  ~People();
  People(const People&) = delete;
  People& operator=(const People&) = delete;

  // Answers the call later. Thread-safe. REQUIRES: call.tenant is not null.
  void answer(const Admin::Call& call);
  // The same of another one that reads the log for its answer: a log that is away must hold no thread of the listener.
  void answer(const Admin::Call& call, std::function<void()> work);

 private:
  // One that waits, and what answers it.
  struct Waiting {
    Admin::Call call;
    std::function<void()> work;
  };
  void run();
  void look(const Admin::Call& call) const;

  eventlog::EventLog& log_;
  docstore::DocStore& store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;  // guarded by mutex_, as is the next
  bool stopping_ = false;
  std::thread thread_;
};

// Routes. REQUIRES: the admin is a console's.
void recent_users(Admin& admin, Admin::Call& call);
void search_profiles(Admin& admin, Admin::Call& call);
// The profile of this id, as others refer to it.
void show_by_id(Admin& admin, Admin::Call& call);
// Whether a record of somebody came, by its message id.
void find_message(Admin& admin, Admin::Call& call);

}  // namespace freshet::console
