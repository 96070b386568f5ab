// Reading partitions for a member of a group or of slots: which it has been told to read, from where, how far, and what
// librdkafka has brought of them. Whoever owns a fetcher decides what is read; it knows nothing of groups. Used by one
// thread.
//
// A partition is added first and taken up later, with the position that its reader has set meanwhile. Its code is in
// two files: fetcher.cc hands out, positions.cc tells librdkafka where to go on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/kafka/consume/consumer_client.h"
#include "eventlog/kafka/consume/share.h"

namespace freshet::eventlog::kafka {

class Fetcher {
 public:
  // What is handed out at once is committed at once, so all that one fetch() hands out is of one lane.
  using LaneOf = std::function<uint32_t(TopicPartition)>;
  // What is committed, by partition; nullopt: nothing is. For one whose reader has set no position.
  using Places = std::map<TopicPartition, std::optional<Offset>>;

  // `whose`: for messages, "group freshet.action". The others outlive it.
  Fetcher(env::Clock& clock, Cluster& cluster, std::string whose, LaneOf lane_of);
  ~Fetcher() { close(); }
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  // Gives back what it was told to read, and leaves what its client is a member of. Whoever owns the fetcher opens it.
  void close();
  [[nodiscard]] ConsumerClient& client() { return client_; }

  [[nodiscard]] const std::map<TopicPartition, Share>& shares() const { return shares_; }
  [[nodiscard]] bool has(TopicPartition of) const { return shares_.contains(of); }
  // `bound`: Share::bound. What was known of the partition is forgotten.
  void add(TopicPartition of, std::optional<Offset> bound = std::nullopt);
  // Answers whether librdkafka reads it, which whoever drops it has to end.
  bool drop(TopicPartition of);
  // REQUIRES, for these: has(of).
  // Raises Share::bound, or takes it away.
  void set_bound(TopicPartition of, std::optional<Offset> bound);
  void seek(TopicPartition of, Offset next);
  void pause(TopicPartition of, bool paused);

  // Tells librdkafka where to go on, for what was added or sought. Positions are compared with what the brokers have
  // before anything is read: kNotFound: no longer kept; kCorrupt: past the end. `learn` sees to it that `committed` has
  // all partitions, and is called only if one is new, as the answer may take a while after a rebalance. What can't be
  // done yet (kRetry, also of `learn`) is left to the next call.
  [[nodiscard]] Status take_up(const Places& committed, const std::function<Status()>& learn);
  // Waits until `end` for records, about `bytes_max` of them at most. Nothing if its client was woken or has yielded.
  [[nodiscard]] Result<std::vector<Fetched>> fetch(size_t bytes_max, env::TimeUs end);

 private:
  [[nodiscard]] Status hand_out(size_t bytes_max, Gathering& into);
  [[nodiscard]] Status handle_error(const rd_kafka_message_t& message, std::optional<TopicPartition> of);
  void add_gaps(std::vector<Fetched>& fetched);
  [[nodiscard]] bool hold_back(TopicPartition of, Share& share, const rd_kafka_message_t& message);
  void let_flow(TopicPartition of, bool flowing);
  [[nodiscard]] Status take_up_now(const Places& committed, const std::function<Status()>& learn);
  [[nodiscard]] Status start(const std::vector<TopicPartition>& of);
  [[nodiscard]] Status move(const std::vector<TopicPartition>& of);
  [[nodiscard]] Status check_positions(const std::vector<TopicPartition>& of, const Places& committed);

  env::Clock& clock_;
  Cluster& cluster_;
  const std::string whose_;
  const LaneOf lane_of_;
  ConsumerClient client_;
  std::map<TopicPartition, Share> shares_;
};

}  // namespace freshet::eventlog::kafka
