// What is remembered of one cluster from look to look, bounded: a history of log ends and starts and of what its disks
// hold (history.h), and each group's last ten commits in each partition. For one thread.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "fleet/topology.h"
#include "fleet/watch/look.h"
#include "fleet/watch/standing.h"

namespace freshet::fleet {

struct MemoryOptions {
  env::TimeUs window_us = 300'000'000;  // verdicts and rates are of about so long
};

// The last commits of a group in a partition, as looks at it show them. Brokers tell offsets, not commits: a group that
// has members is taken to commit at every look, one that has none only when its offset has changed.
class CommitLog {
 public:
  static constexpr size_t kCommits = 10;
  // Commits closer than `spacing_us` to the one before the last replace it, so that ten of them make a window.
  void note(const Commit& commit, bool has_members, env::TimeUs spacing_us);
  [[nodiscard]] std::span<const Commit> commits() const { return {commits_.data(), count_}; }
  [[nodiscard]] env::TimeUs first_seen_us() const { return first_seen_us_; }

 private:
  std::array<Commit, kCommits> commits_;
  size_t count_ = 0;
  env::TimeUs first_seen_us_ = 0;
};

class ClusterMemory {
 public:
  // REQUIRES: the topology outlives it.
  ClusterMemory(const Topology& topology, Index cluster, MemoryOptions options);

  // How the cluster stands after this look. REQUIRES: it is later than the last one.
  [[nodiscard]] std::shared_ptr<const Standing> take(const Look& look, env::TimeUs took_us = 0);
  // The same after a look that failed: what the last one saw, and why there is no newer one.
  // `at_us`: when it was tried, by the monotonic clock.
  [[nodiscard]] std::shared_ptr<const Standing> away(const Error& error, env::TimeUs at_us, env::TimeUs took_us = 0);
  // The last that was made; before the first look it says so. Never null.
  [[nodiscard]] const std::shared_ptr<const Standing>& last() const { return last_; }

 private:
  using Rows = std::vector<uint32_t>;  // of a topic's partitions, by number
  struct TopicRows {
    Rows rows;
    uint64_t look = 0;  // that saw it last
  };
  struct GroupMemory {
    std::map<uint32_t, CommitLog> logs;  // by row
    uint64_t look = 0;
  };
  struct Sampled {
    BatchFigures figures;
    int64_t retention_us = 0;
  };
  struct Reading;  // one group in one topic, while it is added up

  void note_offsets(const Look& look);
  [[nodiscard]] uint32_t new_row();
  void forget_what_is_gone();
  void add_replication(const Look& look, Standing& out) const;
  void add_brokers(const Look& look, Standing& out);
  void add_group(const Look& look, const GroupLook& group, std::vector<TopicStanding>& topics, Standing& out);
  void add_partition(const Look& look, const CommittedSeen& place, Reading& reading);
  [[nodiscard]] Verdict verdict_of(const CommitLog& log, uint32_t row, const Reading& reading, int64_t lag) const;
  [[nodiscard]] double promised_s(const std::string& group, const std::string& topic) const;
  [[nodiscard]] std::vector<TopicStanding> topics_in(const Look& look) const;
  void add_hot_topics(const Look& look, std::vector<TopicStanding> topics, Standing& out) const;

  [[nodiscard]] int64_t retention_us(const std::string& topic) const;
  void add_batches(const Look& look, const std::vector<TopicStanding>& topics, Standing& out);

  const Topology& topology_;
  const Index cluster_;
  const MemoryOptions options_;
  History ends_, starts_, used_;
  std::map<std::string, TopicRows, std::less<>> rows_;
  std::vector<const Rows*> rows_of_topic_;  // of the look that is being taken, by its index
  std::vector<uint32_t> free_rows_;
  uint32_t rows_made_ = 0;
  std::map<std::pair<int32_t, std::string>, uint32_t> dir_rows_;
  std::map<std::string, GroupMemory, std::less<>> groups_;
  std::map<std::string, Sampled, std::less<>> batches_;  // by topic, of its last sample
  ProbeMemory probes_;
  std::shared_ptr<const Standing> last_;
  uint64_t look_ = 0;
};

}  // namespace freshet::fleet
