// A Kafka cluster in memory, as src/cluster shows one: topics, transactions, groups with generations. For tests of what
// reads and writes clusters; calls can be made to end their process at any point.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"
#include "testing/clock.h"

namespace freshet::testing {

// Thrown out of a call: the process ends here. Whoever catches it throws its objects away.
struct Killed {};

struct FakeRecord {
  int64_t timestamp_ms = 0;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// What becomes of a commit that was asked for.
enum class CommitFate : uint8_t {
  kDone,
  kRefused,    // it is aborted, and its process hears of it
  kDoneMute,   // it is done, and the answer is lost
  kLostMute,   // the request is lost, and nobody answers
  kLaterMute,  // the brokers will do it, and the answer is lost
};

struct FakeTransaction {
  enum class State : uint8_t { kOpen, kCommitted, kAborted };
  State state = State::kOpen;
  bool asked = false;  // Its commit was asked for: whoever ends it, commits it.
  std::string group;
  std::vector<cluster::Place> places;
  std::set<cluster::PartitionRef> touched;
};

// For one thread; outlives what it opens. Readers that find nothing let the clock go on.
class FakeCluster {
 public:
  explicit FakeCluster(env::FakeClock& with) : clock(with) {}
  struct Entry {
    FakeRecord record;
    std::shared_ptr<FakeTransaction> transaction;  // null: none
    bool marker = false;
  };
  struct Log {
    std::vector<Entry> entries;
    int64_t first = 0;
  };
  struct Member {
    uint64_t id = 0;  // another one for each process that joins as this instance
    std::set<std::string> topics;
  };
  struct Group {
    uint64_t generation = 0;
    std::map<std::string, Member> members;  // by instance
    std::map<cluster::PartitionRef, cluster::Place> places;
  };

  void make(const std::string& topic, uint32_t partitions, std::vector<cluster::Config> configs = {});
  void produce(const std::string& topic, int32_t partition, FakeRecord record);
  // What a reader of committed records sees, with its offsets.
  [[nodiscard]] std::vector<std::pair<int64_t, FakeRecord>> committed(const std::string& topic,
                                                                      int32_t partition) const;
  [[nodiscard]] uint32_t partitions(const std::string& topic) const;
  // A member that is silent for too long; its transaction ends, too, when its time is over.
  void expel(const std::string& group, const std::string& instance);
  void end_transactions();

  [[nodiscard]] std::unique_ptr<cluster::Admin> admin();
  [[nodiscard]] std::unique_ptr<cluster::Reader> reader();
  [[nodiscard]] std::unique_ptr<cluster::Membership> join(const std::string& group, const std::string& instance);
  [[nodiscard]] std::unique_ptr<cluster::Writer> writer(const std::string& transactional_id);

  // Called before each step of whoever uses the cluster, with its name: of a writer "begin", "write", "commit",
  // "offsets", and "committed" after all. May change the cluster, and let others use it.
  std::function<void(const char* step)> at_step = [](const char*) {};
  // Asked before the same steps: not ok, and nothing is done.
  std::function<Status(const char* step)> refuse = [](const char*) { return Status{}; };
  std::function<CommitFate()> commit_fate = [] { return CommitFate::kDone; };
  env::FakeClock& clock;
  std::set<cluster::PartitionRef> leaderless;  // partitions that nobody answers for
  std::map<std::string, std::vector<Log>> topics;
  std::map<std::string, std::vector<cluster::Config>> configs;
  std::map<std::string, Group> groups;
  std::map<std::string, std::pair<uint64_t, std::shared_ptr<FakeTransaction>>> producers;  // epoch and last one by id

  [[nodiscard]] int64_t stable_end(const Log& log) const;
  [[nodiscard]] Status step(const char* name) {
    at_step(name);
    return refuse(name);
  }
  // Why a broker would not take the record into the topic, by the topic's configurations; "": it takes it.
  [[nodiscard]] std::string refuses(const std::string& topic, const FakeRecord& record) const;
  uint64_t joined = 0;  // processes that have joined any group
  void end(FakeTransaction& transaction, FakeTransaction::State state);
};

}  // namespace freshet::testing
