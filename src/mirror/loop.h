// The work of a mirror's process, as a step function without a thread: each step is one transaction at most, with the
// records of the source and, as the group's offsets, the positions behind them.
//
// What happens when it dies, at each step: docs/decisions/0024-mirror.md.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "mirror/lanes.h"
#include "mirror/marks.h"
#include "mirror/refusals.h"
#include "mirror/shares.h"
#include "mirror/topics.h"
#include "telemetry/metrics.h"

namespace freshet::mirror {

// Where a partition stands, for metrics.
struct Standing {
  cluster::PartitionRef of;  // partition -1: a topic that is refused
  int64_t lag_records = 0;
  double lag_seconds = 0;
  std::string halted;
};

// One thread uses it.
class Loop {
 public:
  // All outlive it.
  struct Parts {
    const Config& config;
    Topics& topics;
    cluster::Membership& group;
    cluster::Writer& writer;
    cluster::Admin& source;
    cluster::Admin& target;
    Lanes::OpenReader open_reader;
    env::Clock& clock;
  };
  explicit Loop(Parts parts);

  // Gathers for Config::commit_us where there is something, and commits. What can be tried again is tried again by the
  // next step. Not ok: the process must stop. kFenced: another one has this instance's name.
  [[nodiscard]] Status step();
  [[nodiscard]] std::vector<Standing> standings();
  [[nodiscard]] uint64_t commits() const { return commits_; }

 private:
  struct Batch {
    cluster::Polled polled;          // what the records written point into
    std::deque<std::string> values;  // that were made here
    size_t records = 0;
    size_t bytes = 0;
    int64_t oldest_ms = 0;  // timestamp of the oldest record; 0: there is none
    Refusals::Last last;
    bool open = false;
  };

  [[nodiscard]] Status prepare();
  [[nodiscard]] Status refresh();
  void make_marks();
  [[nodiscard]] Status gather(Batch& batch);
  [[nodiscard]] Status take(const cluster::Record& record, Batch& batch);
  [[nodiscard]] bool is_full(const Batch& batch) const;
  void put_back(const cluster::Record& record);
  [[nodiscard]] Status mirror(const cluster::Record& record, Share& share, Batch& batch);
  [[nodiscard]] bool belongs(const cluster::Record& record, Share& share);
  [[nodiscard]] Status set_aside(const cluster::Record& record, Share& share, const std::string& why, Batch& batch);
  [[nodiscard]] Status set_aside_refused(const cluster::Record& record, Share& share, const Refusals::Refused& refused,
                                         Batch& batch);
  // A record of the share's: into its topic, or the dead letters.
  [[nodiscard]] Status write_record(const cluster::Outgoing& out, const cluster::Record& record, Share& share,
                                    bool letter, Batch& batch);
  [[nodiscard]] Status write(const cluster::Outgoing& out, Batch& batch);
  [[nodiscard]] Status commit(Batch& batch);
  [[nodiscard]] Status write_own(Batch& batch);
  void committed(const std::vector<uint32_t>& ids, const Batch& batch);
  [[nodiscard]] Status recover(const Error& error, Batch& batch);
  [[nodiscard]] bool heed_refusal(const cluster::Refusal& refusal, const Batch& batch);
  [[nodiscard]] Status heed(cluster::Polled& polled);
  [[nodiscard]] Status try_again(const Error& error);
  [[nodiscard]] bool has_unsaid(std::vector<uint32_t>& ids);

  struct NewMark {
    uint32_t share = 0;
    Mark mark;
    std::string key, value;
  };

  Parts parts_;
  const Config& config_;
  Lanes lanes_;
  Shares shares_;
  Refusals refusals_;
  size_t records_most_;  // of the transaction
  std::vector<std::string> subscribed_;
  std::vector<NewMark> marks_;  // to be written with the next transaction
  std::string heartbeat_;       // the same; "": none is due
  std::vector<cluster::Header> headers_;
  env::TimeUs refresh_at_ = 0, marks_at_ = 0, heartbeat_at_ = 0, calm_at_ = 0;
  uint32_t refused_in_a_row_ = 0;
  uint64_t commits_ = 0;
};

}  // namespace freshet::mirror
