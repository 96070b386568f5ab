// Poisoned changes on their way to the topic of dead letters. Each is appended until the log has
// taken it, and only then are its records done: committed earlier, a crash would lose the only
// copy. Memory is bounded by the reactor's back-pressure, since bytes() counts as waiting. One
// thread uses it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "eventlog/event_log.h"
#include "reaction/coalescer.h"

namespace freshet::reaction {

class DeadLetters {
 public:
  // Makes `report(letter, status)` the log's answer. It is called on a thread of the log and leads
  // to appended().
  using Report = std::function<void(uint64_t letter, Status status)>;
  DeadLetters(eventlog::EventLog& log, Report report) : log_(log), report_(std::move(report)) {}

  // Takes a change in. `body` is the serialized change, `change` what of it could be read.
  void add(std::string_view code, std::string_view reason, std::string_view body, const v1::Change& change,
           Marks marks);
  // Appends the letters that are due.
  void pump(env::TimeUs now);
  // Takes the log's answer in. On success it returns the marks that are done; otherwise none, and
  // the letter is tried again `retry_us` later.
  [[nodiscard]] Marks appended(uint64_t letter, const Status& status, env::TimeUs now, env::TimeUs retry_us);

  // Of the letters that are not in the log yet.
  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] bool empty() const { return letters_.empty(); }

 private:
  struct Letter {
    eventlog::Produce record;
    Marks marks;
    env::TimeUs due = 0;
    bool in_flight = false;
  };

  eventlog::EventLog& log_;
  Report report_;
  std::map<uint64_t, Letter> letters_;
  uint64_t next_ = 0;
  size_t bytes_ = 0;
};

}  // namespace freshet::reaction
