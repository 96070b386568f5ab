// The steps of the drain: it reads `overflow` as group "overflow" and moves what waits there to `actions`, at the
// tenants' rates, the lanes taking turns by bytes (deficit round robin; M. Shreedhar, G. Varghese, SIGCOMM 1995); what
// is old goes only while nothing that is live could, and behind all that is live of its own tenant.
//
// A move is exact (invariant 4): the moved records, the positions of their lanes and what of the partition is done are
// one transaction. Lanes that are ahead of the slowest one are written into `overflow` itself (v1::OverflowProgress),
// so whoever takes a partition over first reads how far its lanes are, and then what waits. Records keep the
// received_at that they came with (invariant 2).
//
// It has no thread (drainer.h gives it one). Everything here is used by one thread; Lanes is shared with ingest.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "ingest/overflow/lane_queues.h"
#include "ingest/overflow/lanes.h"

namespace freshet::ingest {

struct DrainOptions {
  eventlog::EventLog* log = nullptr;  // log, clock and lanes outlive the loop
  env::Clock* clock = nullptr;
  Lanes* lanes = nullptr;
  uint32_t partitions = 1;               // of topic actions
  size_t fetch_bytes_max = 1u << 20;     // of one poll
  size_t held_bytes_max = 64u << 20;     // of all lanes together, but for a few KiB that each may have
  size_t move_bytes_max = 1u << 20;      // of one transaction
  size_t quantum_bytes = 16u << 10;      // of a lane in a turn
  env::TimeUs pause_us = 3'000;          // between two transactions
  env::TimeUs poll_us = 100'000;         // while nothing waits
  env::TimeUs poll_waiting_us = 10'000;  // while something does
  env::TimeUs away_us = 1'000'000;       // how often it asks about partitions of other nodes
  env::TimeUs trim_us = 60'000'000;      // how often the log may forget what is moved
  // Who says how many records may go on now; without it as many as the rates allow.
  Crowd* crowd = nullptr;
  // How many records the stages behind have not done: what the crowd is told. nullopt: the log does not say.
  std::function<std::optional<int64_t>()> backlog;
  env::TimeUs observe_us = 3'000;  // how often
};

class DrainLoop {
 public:
  // The consumer outlives the loop.
  DrainLoop(DrainOptions options, eventlog::Consumer& consumer);

  // Reads, moves what may be moved, and says so. An error ends the drain.
  [[nodiscard]] Status step();
  // It has partitions, and whatever it has seen in them is moved.
  [[nodiscard]] bool idle() const;

 private:
  struct Part {
    explicit Part(eventlog::Offset begin) : queues(begin), cursor(begin), committed(begin) {}
    LaneQueues queues;
    eventlog::Offset cursor;            // the next poll brings this one
    eventlog::Offset committed;         // what is done according to the log
    eventlog::Offset recovered_to = 0;  // what lies before may be an earlier owner's
    eventlog::Offset trimmed = 0;
    bool learning = true;  // positions of lanes first, then what waits
    bool told = false;     // ingest knows what was found
  };
  // A transaction that is being gathered.
  struct Move;

  // ---- reading
  [[nodiscard]] env::TimeUs patience() const;
  [[nodiscard]] Status take_up(const eventlog::PollResult& polled);
  // Begins with a partition, at what its group has done.
  [[nodiscard]] Status begin(eventlog::TopicPartition of);
  void read(Part& part, const eventlog::Fetched& fetched);
  void turn(eventlog::TopicPartition of, Part& part);
  void tell_found(uint32_t partition, Part& part);
  [[nodiscard]] size_t window() const;

  // ---- moving
  [[nodiscard]] Status move();
  void gather(LaneKind kind, Move& move);
  void take_turn(uint32_t partition, const LaneName& name, LaneQueues::Lane& lane, Move& move);
  void add_positions(Move& move);
  [[nodiscard]] Status commit(Move& move);
  [[nodiscard]] Status trim();

  // ---- closing lanes
  [[nodiscard]] Status close_lanes();
  [[nodiscard]] Result<bool> is_moved(const Lanes::Open& lane, bool asks, std::map<uint32_t, bool>& answers);
  void show();
  void observe();

  const DrainOptions options_;
  eventlog::Consumer& consumer_;
  std::map<uint32_t, Part> parts_;  // by the number of the partition
  std::vector<uint32_t> waiting_;   // partitions whose position the log did not say yet
  size_t turn_ = 0;                 // whose turn is the first
  env::TimeUs moved_at_us_ = 0;     // the last transaction
  env::TimeUs looked_at_us_ = 0;    // for lanes to close
  env::TimeUs asked_at_us_ = 0;     // about partitions of other nodes
  env::TimeUs shown_at_us_ = 0;
  env::TimeUs observed_at_us_ = 0;
  env::TimeUs trimmed_at_us_ = 0;
};

}  // namespace freshet::ingest
