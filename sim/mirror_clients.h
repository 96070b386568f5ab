// Who writes into the source of a simulated mirror: clients with keys of their own, some of them in transactions that
// are aborted now and then, each of which learns of added partitions in its own time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dice.h"
#include "mirror/config.h"
#include "probes.h"
#include "testing/cluster/fake_cluster.h"

namespace freshet::sim {

// Clients have heard of added partitions after this time: less than the mirror's switch-over.
inline constexpr env::TimeUs kMetadataAgeUs = 15'000'000;
inline constexpr env::TimeUs kSwitchOverUs = 20'000'000;
inline constexpr int64_t kFutureMostMs = 3'600'000;  // of topics that have one
inline constexpr size_t kRecordBytesMax = 2'000;     // of topics that have a limit

struct MirroredTopic {
  std::string name;
  mirror::TopicRule rule;
  std::vector<uint32_t> numbers;   // of target partitions by key, in the order in which they were configured
  uint32_t source_partitions = 1;  // at first
  bool limited = false;            // in the size of its records
  bool punctual = false;           // the target refuses records from the future
  bool grown = false;              // partitions were added to the source
  env::TimeUs grown_at = 0;
};

// What must become of a record if its transaction is committed.
enum class Destiny : uint8_t { kMirrored, kSetAside, kSentBack };

struct Sent {
  std::string text;  // what can be seen of it in the target, as text_of() has it
  int32_t partition = 0;
  int64_t offset = 0;
  Destiny destiny = Destiny::kMirrored;
  std::shared_ptr<testing::FakeTransaction> transaction;  // null: none
  [[nodiscard]] bool committed() const {
    return transaction == nullptr || transaction->state == testing::FakeTransaction::State::kCommitted;
  }
};

// Its id (a header), timestamp, and value.
[[nodiscard]] std::string text_of(const testing::FakeRecord& record);

class MirrorClients {
 public:
  // All outlive it.
  MirrorClients(Dice& dice, Probes& probes, testing::FakeCluster& source, std::vector<MirroredTopic>& topics);

  // One of them sends a few records, or ends its transaction.
  void step();
  // Whatever is open is ended, and everybody knows all partitions.
  void finish();
  [[nodiscard]] size_t count() const { return count_; }
  // By topic; of each key, in the order in which they were sent. Records without a key go by "#PARTITION".
  using ByKey = std::map<std::string, std::vector<Sent>>;
  [[nodiscard]] const std::map<std::string, ByKey>& sent() const { return sent_; }

 private:
  struct Client {
    bool transactional = false;
    std::shared_ptr<testing::FakeTransaction> open;
    env::TimeUs notices_after = 0;          // that partitions were added
    std::map<std::string, uint32_t> knows;  // partitions by topic
  };
  void send(size_t who, MirroredTopic& topic);
  void end(size_t who);
  uint32_t partitions_known(Client& client, const MirroredTopic& topic);

  Dice& dice_;
  Probes& probes_;
  testing::FakeCluster& source_;
  std::vector<MirroredTopic>& topics_;
  std::vector<Client> clients_;
  std::map<std::string, ByKey> sent_;
  size_t count_ = 0;
};

}  // namespace freshet::sim
