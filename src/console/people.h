// Finding persons without a whole identifier: by how one begins, where the store has an index of values, and those
// whose records came last; and whether a record of theirs came. docs/api/admin.yaml has the answers.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "console/call.h"
#include "docstore/doc_store.h"
#include "env/turns.h"
#include "eventlog/event_log.h"

namespace freshet::console {

// Reads the log for questions about persons, on a thread of its own, one after the other, of each a bounded part.
class People {
 public:
  using Look = std::function<void(const Admin::Call&)>;

  // Log and store must outlive it, and so must whoever the store answers to: stop it after the listener.
  People(eventlog::EventLog& log, docstore::DocStore& store);

  // Has `look` answer the call later: a log that is away must hold no thread of the listener. It is refused if too many
  // wait, or if this ends. Thread-safe. REQUIRES: call.tenant is not null.
  void answer(const Admin::Call& call, Look look);
  // Who was there last. Only who has a profile now is told, so nobody who was erased is.
  void recent(const Admin::Call& call) const;

 private:
  void turn(bool last);

  eventlog::EventLog& log_;
  docstore::DocStore& store_;
  std::mutex mutex_;
  std::deque<std::pair<Admin::Call, Look>> waiting_;  // guarded by mutex_, as is the next
  bool ended_ = false;
  env::Turns turns_;
};

// Routes. REQUIRES: the admin is a console's.
void recent_users(Admin& admin, Admin::Call& call);
void search_profiles(Admin& admin, Admin::Call& call);
// The profile of this id, as others refer to it.
void show_by_id(Admin& admin, Admin::Call& call);
// Whether a record of somebody came, by its message id.
void find_message(Admin& admin, Admin::Call& call);

}  // namespace freshet::console
