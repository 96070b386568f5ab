// The partitions of a process: what the group has given to it, from where each goes on, and when it may be read.
//
// The group is one of the target's, and shares out the partitions of the progress topics, one for each of the source.
// Its offsets there are the source's positions: they are committed in the transactions that have the records.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "cluster/stream/scan.h"
#include "mirror/lanes.h"
#include "mirror/share.h"

namespace freshet::mirror {

// One thread uses it.
class Shares {
 public:
  // All outlive it.
  Shares(const Config& config, Topics& topics, cluster::Membership& group, cluster::Admin& source, Lanes& lanes,
         env::Clock& clock);

  // Takes up what the group gives, lets go of what it takes. Not while a transaction is open. kFenced, kInvalid: stop.
  [[nodiscard]] Status follow_group();
  // Learns the positions of what is new, or some of it.
  [[nodiscard]] Status learn();
  // Starts to read whatever may be read, and stops what may not.
  [[nodiscard]] Status start();
  // Forgets positions and all that was read ahead: start() asks again.
  void rewind();
  // Where a record with this hash of its key belongs, as the source's keys are placed there (switch_over.cc).
  enum class Home : uint8_t {
    kHere,   // write it
    kOther,  // the other reading of the partition writes it
    kLater,  // not yet: this reading stops before it
    kNone,   // no number of partitions that the source had puts it there
  };
  [[nodiscard]] Home home_of(Share& share, uint32_t hash, int64_t offset);
  // Lets second readings go on as far as they may, and ends switch-overs. kRetry: not yet.
  [[nodiscard]] Status go_over();
  // What is kept with the share's position.
  [[nodiscard]] Note note_of(const Share& share) const;
  // What lies below is written.
  [[nodiscard]] int64_t whole_below(const Share& share) const;
  // The source has not, or not any more, what lies at the share's position.
  [[nodiscard]] Status missing(Share& share);
  // The source does not know the partition, or not yet: it is asked again a little later.
  void unknown(Share& share, const Error& error);
  // Stops the partition until the process starts anew; its position stays where it is.
  void halt(Share& share, const std::string& why);
  // Null: it is another's now.
  [[nodiscard]] Share* find(uint32_t id);
  [[nodiscard]] std::map<uint32_t, Share>& all() { return shares_; }

 private:
  void give(const cluster::PartitionRef& progress);
  void take(const cluster::PartitionRef& progress);
  [[nodiscard]] Status learn_of(const std::vector<Share*>& unknown);
  [[nodiscard]] Status begin_fresh(const std::vector<Share*>& fresh);
  [[nodiscard]] Result<Note> note_for(const Share& share);
  void begin_switch(Share& share, int64_t at, int64_t until_ms);
  void end_switch(Share& share);
  [[nodiscard]] Status raise_bound(Share& second, const Share& first);
  [[nodiscard]] Result<bool> drained(const Share::Waits& waits);

  const Config& config_;
  Topics& topics_;
  cluster::Membership& group_;
  cluster::Admin& source_;
  Lanes& lanes_;
  env::Clock& clock_;
  std::map<uint32_t, Share> shares_;
  std::vector<cluster::PartitionRef> untaken_;  // of topics that are not known here yet
  env::TimeUs learn_at_ = 0;
  uint32_t next_id_ = 0;
};

}  // namespace freshet::mirror
