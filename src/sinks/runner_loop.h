// What keeps a sink going: it reads a topic as a group of the log's of its own, picks what concerns the sink, gathers
// it, hands it over and notes what was done. A step function without a thread: sinks/runner.h gives it one.
//
// Each partition is by itself: one whose records fail waits, longer each time and not at the same moment as others,
// while the rest goes on. A record that its target refuses kRefusalsMax times goes to the dead letters with the reason,
// unless the target refuses whatever comes.
// What retention has taken before the sink had it is told with its range, and counted.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/metrics.h"
#include "sinks/selector.h"
#include "sinks/sink.h"

namespace freshet::sinks {

// Refusals of one record, after which it is set aside.
inline constexpr uint32_t kRefusalsMax = 3;
// Records set aside without one in between that the target takes: it refuses everything, and what comes next waits.
inline constexpr uint32_t kLettersInARowMax = 5;

struct RunnerOptions {
  eventlog::EventLog* log = nullptr;  // outlives the loop
  Around around;
  size_t fetch_bytes_max = 512u << 10;
  size_t gathered_bytes_max = 64u << 20;  // of all partitions
  env::TimeUs poll_us = 100'000;
  env::TimeUs idle_commit_us = 1'000'000;  // what concerns nobody is committed so often
  env::TimeUs observe_us = 2'000'000;
  env::TimeUs retry_first_us = 500'000;  // doubled each time
  env::TimeUs retry_max_us = 60'000'000;
};

// "sink.TENANT.NAME": the group in the log that a sink's places are kept under.
[[nodiscard]] std::string group_of(const std::string& tenant, const std::string& sink);
[[nodiscard]] eventlog::Topic topic_of(model::SinkOn on);
// Whether it is also told who was erased: by batches of topic `deadletters`, where action says so. They are in no order
// with those of other topics: records of the person may come before and after.
[[nodiscard]] bool follows_erasures(const model::Sink& sink);
// What it reads.
[[nodiscard]] std::vector<eventlog::Topic> topics_of(const model::Sink& sink);

class RunnerLoop {
 public:
  // Consumer and sink outlive it.
  RunnerLoop(const RunnerOptions& options, eventlog::Consumer& consumer, Sink& sink);

  // Polls, works, commits. An error: this consumer is of no more use; another one goes on where this one was.
  [[nodiscard]] Status step();

 private:
  // A partition that is this process's.
  struct Share {
    bool known = false;  // where it goes on is known
    bool paused = false;
    eventlog::Offset committed = 0;  // durable in the log
    // What is done up to here may be committed. While there are items it stays what is committed, as a sink may have
    // named by it what it has begun.
    eventlog::Offset place = 0;
    eventlog::Offset next = 0;  // gathered up to here
    std::optional<eventlog::Offset> until;
    // Where it was taken up, while nothing there says so: whoever had the partition before may begin a batch there yet.
    std::optional<eventlog::Offset> taken_up;
    std::vector<Item> items;  // gathered and not done
    size_t bytes = 0;
    env::TimeUs since = 0;   // monotonic, as are those below: when the first of the items came
    env::TimeUs due = 0;     // nothing is tried before
    env::TimeUs at_end = 0;  // when it was last seen to have nothing left
    uint32_t failures = 0;   // in a row
    uint32_t refusals = 0;   // of the first item
    uint64_t successes_at = 0;
  };
  using Shares = std::map<eventlog::TopicPartition, Share>;

  [[nodiscard]] Status take_up(const eventlog::PollResult& polled);
  // False: it can't be known at the moment.
  [[nodiscard]] bool learn(eventlog::TopicPartition of, Share& share);
  [[nodiscard]] Result<eventlog::Offset> place_of(eventlog::TopicPartition of);
  void gather(const eventlog::Fetched& fetched);
  [[nodiscard]] bool is_ready(const Share& share, env::TimeUs now, bool full) const;
  void work();
  void settle(eventlog::TopicPartition of, Share& share, const Outcome& outcome);
  void drop_front(Share& share, size_t count);
  void wait(Share& share, env::TimeUs at_least);
  [[nodiscard]] bool tells_again();
  [[nodiscard]] bool refuses_everything() const { return letters_in_a_row_ >= kLettersInARowMax; }
  void tell_refusing() const;
  void start_anew(Share& share);  // asks again where it goes on
  [[nodiscard]] bool set_aside(eventlog::TopicPartition of, const Item& item, std::string_view code,
                               const std::string& why);
  // False: the place must not be committed yet.
  [[nodiscard]] bool leave_behind(eventlog::TopicPartition of, Share& share);
  [[nodiscard]] Status commit();
  void pace_reading();
  [[nodiscard]] Status mend_positions(const Error& why);
  void tell_loss(eventlog::TopicPartition of, eventlog::Offset from, eventlog::Offset to);
  void observe();
  void observe_topic(eventlog::Topic topic, env::TimeUs now, int64_t& records, env::TimeUs& oldest);

  RunnerOptions options_;
  eventlog::Consumer& consumer_;
  Sink& sink_;
  env::Clock& clock_;
  const std::string called_;  // for logs
  SinkMetrics metrics_;
  Selector selector_;
  BatchWish wish_;
  Shares shares_;
  uint64_t successes_ = 0;                                           // of all partitions
  uint32_t letters_in_a_row_ = 0;                                    // of all partitions
  std::map<eventlog::TopicPartition, eventlog::Offset> lost_below_;  // what was told of
  bool commit_owed_ = false;                                         // before anything else is taken
  env::TimeUs committed_at_ = 0;
  env::TimeUs observed_at_ = 0;
  env::TimeUs told_at_ = 0;  // when the log was told of a failure
};

}  // namespace freshet::sinks
