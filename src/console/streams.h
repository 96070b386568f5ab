// GET /v1/tenants/{t}/{actions,events,changes}: the records of a topic, for whoever asks with a cursor.
//
// A cursor says how far a reader is in each partition. The same cursor always brings the same records in the same
// order, so a reader that keeps the cursor of an answer together with what it made of it has each record exactly once.
// docs/format/streams.md has the answers.
//
// A question that finds nothing may wait. It waits here, not on a thread of the listener; all of them are looked after
// by one thread, in turns, each of which reads a bounded part of the log.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "console/call.h"
#include "env/turns.h"
#include "eventlog/event_log.h"

namespace freshet::console {

// How far a reader is in each partition of a topic, in the order of their numbers.
using StreamPlace = std::vector<eventlog::Offset>;
// "17.0.203": a number for each partition.
[[nodiscard]] std::string text_of_place(const StreamPlace& place);
// kInvalid: it is none, or of another number of partitions.
[[nodiscard]] Result<StreamPlace> parse_place(std::string_view text, size_t partitions);

class Streams {
 public:
  // Log and clock must outlive it. Its end answers whoever still waits.
  Streams(eventlog::EventLog& log, env::Clock& clock);

  // Answers the call, now or within what it is ready to wait. Thread-safe. REQUIRES: call.tenant is not null.
  void answer(Admin::Call& call, eventlog::Topic topic);

 private:
  struct Question {
    Admin::Call call;
    eventlog::Topic topic;
    StreamPlace place;  // empty: where the topic begins, or ends, when it is looked at first
    size_t limit = 0;
    env::TimeUs until = 0;   // monotonic
    bool as_events = false;  // server-sent events, else a line each
    bool places = false;     // each with its partition and offset
    std::string lines;
    size_t count = 0;
    bool at_end = false;
    bool from_end = false;
  };

  // Returns when to look again.
  [[nodiscard]] env::TimeUs turn(bool last);
  // True: it was answered. `last`: it is not asked again, so it is.
  [[nodiscard]] bool look(Question& question, bool last);
  // Reads on, a bounded part.
  [[nodiscard]] Status read(Question& question, const std::vector<eventlog::Watermarks>& marks);
  [[nodiscard]] Status read_partition(Question& question, uint32_t partition, eventlog::Offset high, size_t& scanned);
  static void respond(const Question& question);

  eventlog::EventLog& log_;
  env::Clock& clock_;
  std::mutex mutex_;
  std::list<Question> waiting_;  // guarded by mutex_, as is the next
  bool ended_ = false;
  env::Turns turns_;
};

// False: the call was told why topic `events` has none of its tenant.
[[nodiscard]] bool has_events(const Admin& admin, const Admin::Call& call);

// Routes. REQUIRES: the admin is a console's.
void stream_actions(Admin& admin, Admin::Call& call);
void stream_events(Admin& admin, Admin::Call& call);
void stream_changes(Admin& admin, Admin::Call& call);

}  // namespace freshet::console
