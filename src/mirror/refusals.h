// Which records the target's brokers refuse. They say of a transaction that it has such a record, and not always which.
// So the partitions whose records it had are suspected, and read by themselves, in turns with all others, so that those
// go on; what a suspected one has in a transaction is halved with each refusal, until that is the record at fault.
// docs/decisions/0034-refused-records.md says why so.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "mirror/share.h"

namespace freshet::mirror {

// One thread uses it.
class Refusals {
 public:
  // Of one source partition without a record in between that the target takes: then it is not the records.
  static constexpr uint32_t kInARowMost = 10;

  using Shares = std::map<uint32_t, Share>;
  // The record of a transaction that was written last.
  struct Last {
    uint32_t share = 0;
    int64_t offset = -1;
    bool letter = false;  // into the dead letters, and not into its topic
  };
  struct Refused {
    std::string why;
    bool letter = false;
    uint32_t in_a_row = 0;  // of its partition, this one included
  };

  [[nodiscard]] bool is_searching() const { return !suspects_.empty(); }
  // Says in Share::waits_turn who has nothing in the next transaction, and returns how many records that may have.
  [[nodiscard]] size_t take_turns(Shares& shares, size_t usual);
  // A transaction with so many records was refused for one in `topic`, or one of the letters. False: none of these
  // shares has written there.
  [[nodiscard]] bool refused(const Shares& shares, const std::string& topic, bool letters, size_t records,
                             const Last& last, const std::string& why);
  // One was committed: what these shares have written in it is taken.
  void committed(Shares& shares);
  // Null: nothing is known against the record.
  [[nodiscard]] const Refused* find(const cluster::PartitionRef& source, int64_t offset) const;
  // What lies below is done with.
  void forget_below(const cluster::PartitionRef& source, int64_t offset);

 private:
  using Reading = std::pair<cluster::PartitionRef, bool>;  // of a source partition; true: its second one
  struct Suspect {
    size_t most = 0;    // records in its next transaction
    int64_t until = 0;  // beyond it nothing is known
  };
  static Reading reading_of(const Share& share) { return {share.source, share.second}; }
  [[nodiscard]] std::optional<Reading> next_turn();

  std::map<Reading, Suspect> suspects_;
  std::optional<Reading> last_turn_;  // of a suspect
  bool others_had_it_ = false;
  std::map<std::pair<cluster::PartitionRef, int64_t>, Refused> known_;
  std::map<cluster::PartitionRef, uint32_t> in_a_row_;
};

}  // namespace freshet::mirror
