// Which committed offsets of a group are ours. Every commit of ours leaves its transactional id beside the offset; one
// without has been left by somebody else who reads with our group, or resets its offsets. To go on from there would
// skip what nobody has processed. Used by one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "eventlog/event_log.h"

namespace freshet::eventlog::kafka {

class OwnPlaces {
 public:
  // Our transactional ids begin with the group's name and a dot.
  explicit OwnPlaces(const std::string& group) : ours_(group + ".") {}

  // This process has committed it.
  void committed(TopicPartition of, Offset next) {
    last_[of] = next;
    foreign_.erase(of);
  }
  // What the brokers say, with what lies beside it. Returns where to go on: there, or where this process has committed
  // last if somebody else has put it there; nullopt: it is not known.
  [[nodiscard]] std::optional<Offset> judge(TopicPartition of, Offset said, std::string_view beside) {
    foreign_.erase(of);
    if (said < 0) return std::nullopt;  // Nobody has committed anything.
    if (beside.starts_with(ours_)) return said;
    foreign_[of] = said;
    const auto own = last_.find(of);
    return own == last_.end() ? std::nullopt : std::optional(own->second);
  }
  // Where somebody else has put it, as of the last judge().
  [[nodiscard]] std::optional<Offset> foreign(TopicPartition of) const {
    const auto found = foreign_.find(of);
    return found == foreign_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  const std::string ours_;
  std::map<TopicPartition, Offset> last_;  // also of partitions that are not its own any more
  std::map<TopicPartition, Offset> foreign_;
};

}  // namespace freshet::eventlog::kafka
