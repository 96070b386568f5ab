// The log: topics of ordered partitions. Three implementations: embedded (RocksDB), Kafka, simulated.
// Nobody outside eventlog/ knows which one runs.
//
// How each call maps to Kafka
//   create_topic        Admin CreateTopics, or a check of the existing topic's configuration
//   append              one idempotent producer per process, acks=all; `done` when the delivery reports of all records
//                       of the call are in. Per partition, the order of calls is the order in the log.
//   open_consumer       group member: subscribe (cooperative-sticky)
//   poll                consume_batch, isolation.level=read_committed; rebalance callbacks become revoked/assigned
//   commit              begin_transaction, produce of the outputs, send_offsets_to_transaction with the group metadata,
//                       commit_transaction; kConflict: aborted, drop memory and replay; kFenced: another owner, stop;
//                       with no outputs and kAtLeastOnce: a plain offset commit
//   committed           OffsetFetch
//   seek, watermarks    the same names; high is the last stable offset, of all_appended the high watermark
//   trim                DeleteRecords
//   keys                partition = murmur2(key) mod partitions, chosen by the caller: see base/hash.h
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "base/result.h"
#include "env/clock.h"

namespace freshet::eventlog {

enum class Topic : uint8_t {
  kActions = 0,
  kChanges = 1,
  kEvents = 2,
  kDeadLetters = 3,
  kOverflow = 4,
  kSchema = 5,
  kLogs = 6,
  kImports = 7
};
inline constexpr size_t kTopics = 8;
[[nodiscard]] constexpr auto names_of(Topic) {
  using enum Topic;
  return std::to_array<Name<Topic>>({{kActions, "actions"},
                                     {kChanges, "changes"},
                                     {kEvents, "events"},
                                     {kDeadLetters, "deadletters"},
                                     {kOverflow, "overflow"},
                                     {kSchema, "schema"},
                                     {kLogs, "logs"},
                                     {kImports, "imports"}});
}

// Offsets of a partition rise, but not always by one (Kafka puts transaction markers between).
using Offset = int64_t;

// One partition of a topic: an ordered log of its own.
struct TopicPartition {
  Topic topic = Topic::kActions;
  uint32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

// Records for one partition, framed in one buffer, so that a batch costs one allocation:
//   record := varint32 key_size, key, varint32 value_size, value
class RecordBatch {
 public:
  void add(std::string_view key, std::string_view value);
  // Appends key and the frame of a value of `size` bytes; the caller fills the returned space at once
  // (for messages that serialize into an array).
  [[nodiscard]] char* add_space(std::string_view key, size_t size);
  // Adds the records of another batch behind its own, framed as they are.
  void append(const RecordBatch& other);
  // Makes room for `bytes` in all: worth it where a batch is likely to be as large as the one before.
  void reserve(size_t bytes) { data_.reserve(bytes); }
  void clear();
  // Moves the bytes out and leaves the batch empty.
  [[nodiscard]] std::string release();

  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] size_t bytes() const { return data_.size(); }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] const std::string& data() const { return data_; }

 private:
  std::string data_;
  size_t count_ = 0;
};

// Reads the grammar above; false at the end. On damaged bytes sets *corrupt and returns false.
[[nodiscard]] bool next_record(std::string_view& data, std::string_view& key, std::string_view& value, bool* corrupt);

// Records for one partition.
struct Produce {
  TopicPartition to;
  RecordBatch records;
};

// A record that lies in memory which somebody else holds.
struct RecordView {
  Offset offset = 0;
  std::string_view key;
  std::string_view value;
};

// What a poll or a read brings of one partition.
struct Fetched {
  TopicPartition from;
  std::vector<RecordView> records;  // by rising offset, none if only a gap was passed; views into `hold`
  Offset next = 0;                  // where the next poll goes on; what to commit when all of these are done
  std::shared_ptr<const void> hold;
};

// What has happened since the last poll. It is to be taken up in the order of the fields.
struct PollResult {
  // Work on these stops before anything else: they are somebody else's, and nothing more may be committed for them.
  std::vector<TopicPartition> revoked;
  // To read along as a standby: nothing is handed out that their owner has not committed, and nothing may be committed.
  std::vector<TopicPartition> followed;
  // Position is the committed offset, or the low watermark without one. One that is followed is ours now, and goes on
  // from where it is.
  std::vector<TopicPartition> assigned;
  std::vector<Fetched> fetched;  // at most one per partition
};

// How far somebody is in a partition.
struct Position {
  TopicPartition of;
  Offset next = 0;  // the first offset that is not done
};

// What becomes durable and visible together: what was made of records, and that they are done.
struct Transaction {
  std::vector<Produce> outputs;
  std::vector<Position> done;
};

// kAtLeastOnce: what was done since the last commit is done again after a crash, so doing it twice must do no harm.
enum class Delivery { kAtLeastOnce, kExactlyOnce };

// Who reads what, and how it commits.
struct ConsumerOptions {
  std::string group;
  std::vector<Topic> topics;
  uint32_t member = 0;  // embedded: of `members`, which share the partitions round robin
  uint32_t members = 1;
  Delivery delivery = Delivery::kExactlyOnce;
  // Not 0: partitions are shared out in so many slots, each with an owner and a standby (Kafka only; kExactlyOnce, one
  // topic). All consumers of the group have the same number, at most that of the partitions.
  uint32_t slots = 0;
};

// Used by one thread at a time, but for wake(). Must not outlive its log.
class Consumer {
 public:
  virtual ~Consumer() = default;
  // Waits up to `timeout` for something to happen; at most about `bytes_max` of records (at least one record or chunk),
  // shared fairly by the partitions. A poll that assigns partitions fetches nothing, so that the caller may seek first.
  // A position below the low watermark is kNotFound (never skipped in silence), one above the high watermark kCorrupt.
  [[nodiscard]] virtual Result<PollResult> poll(size_t bytes_max, env::TimeUs timeout_us) = 0;
  // REQUIRES: assigned.
  virtual void seek(TopicPartition partition, Offset next) = 0;
  // Stops and resumes fetching from a partition: back-pressure.
  virtual void pause(TopicPartition partition, bool paused) = 0;
  // Outputs and positions become durable and visible together, or not at all. Blocks until then.
  [[nodiscard]] virtual Status commit(Transaction transaction) = 0;
  // nullopt: the group has committed nothing there. kRetry: the log does not say it at the moment, or a commit of this
  // consumer is not decided yet; to go on from a guess would lose records or do them twice.
  [[nodiscard]] virtual Result<std::optional<Offset>> committed(TopicPartition partition) = 0;
  // Where somebody who is not one of ours has put the group (on Kafka: whoever reads with its name, or resets its
  // offsets). committed() says then what this consumer itself has committed there last, if it has, as what others of
  // ours have is not known any more. Call it after committed().
  [[nodiscard]] virtual std::optional<Offset> foreign_place(TopicPartition) const { return std::nullopt; }
  // Ends a poll that waits. May be called by any thread.
  virtual void wake() = 0;
};

// Which records a partition has: those of the offsets [low, high).
struct Watermarks {
  Offset low = 0;   // the oldest record that is kept
  Offset high = 0;  // the next record that a reader gets, and that is not there yet, will have at least this offset
};

// How a topic is divided, and how long its records are kept.
struct TopicOptions {
  uint32_t partitions = 1;
  uint64_t retention_bytes = 0;        // per partition, 0: unlimited
  env::TimeUs retention_us = 0;        // 0: unlimited
  std::vector<std::string> consumers;  // groups whose committed offsets hold retention back
  // A record may go as soon as there is a later one with its key. Only Kafka lets them go: no other log has such a
  // topic.
  bool only_latest = false;
};

// Called once, on a thread of the log, which it must not block; or, if nothing was taken, before append() returns.
using AppendDone = std::function<void(Status)>;

class EventLog {
 public:
  virtual ~EventLog() = default;
  // Creates, or checks an existing topic: another number of partitions is kInvalid, with both numbers.
  [[nodiscard]] virtual Status create_topic(Topic topic, const TopicOptions& options) = 0;
  [[nodiscard]] virtual uint32_t partitions(Topic topic) const = 0;
  // All durable before done(ok). done(kRetry): the bounded queue is full, or nobody has confirmed it in time: send it
  // again, some of it may be in the log all the same; kNotFound: no such topic or partition, nothing was taken;
  // kInvalid: a record is too large; kFatal: the log is closed for good after a failed write. Thread-safe.
  virtual void append(std::vector<Produce> batches, AppendDone done) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Consumer>> open_consumer(const ConsumerOptions& options) = 0;
  [[nodiscard]] virtual Result<Watermarks> watermarks(TopicPartition partition) = 0;
  // Of all partitions of a topic, by their numbers: where each question is a round trip, one for all of them.
  [[nodiscard]] virtual Result<std::vector<Watermarks>> all_watermarks(Topic topic);
  // The same, but that `high` is behind every record that was appended, also what no reader is handed yet, as it is of
  // a transaction that is not decided, or lies behind one. For whoever says what waits.
  [[nodiscard]] virtual Result<std::vector<Watermarks>> all_appended(Topic topic) { return all_watermarks(topic); }
  // Reads without a consumer, for tools and pages: from `from` (or the low watermark if that is higher).
  [[nodiscard]] virtual Result<Fetched> read(TopicPartition partition, Offset from, size_t bytes_max) = 0;
  // Records before `before` may be deleted (not those that a group of TopicOptions::consumers has not committed):
  // action's own bound on `actions`, which has no other retention. The low watermark rises at once, space comes back
  // later.
  [[nodiscard]] virtual Status trim(TopicPartition partition, Offset before) = 0;
  // Deletes what the topic's retention no longer keeps, as far as its consumers have committed. Only for a log that
  // does not do so by itself, from time to time, by any process: it is a question to the brokers for each partition. A
  // partition of which everything goes gets a record without a value, which readers pass over.
  [[nodiscard]] virtual Status retire(Topic) { return {}; }
  // The committed offset of a group, for lag: may trail a commit by a moment (Kafka). nullopt: none.
  [[nodiscard]] virtual Result<std::optional<Offset>> committed(const std::string& group, TopicPartition partition) = 0;
  // The same of all partitions, by their numbers.
  [[nodiscard]] virtual Result<std::vector<std::optional<Offset>>> all_committed(const std::string& group, Topic topic);
  // Who is a member of the group now; one that was killed is for as long as its session lasts. [] where nobody else can
  // be: a log with one process.
  [[nodiscard]] virtual Result<std::vector<std::string>> members(const std::string& group);
  // Takes the values of a topic's records with one of these keys away; keys and offsets stay. Only a log that has its
  // files here can: elsewhere they stay as long as the topic's retention says. Takes as long as reading the topic.
  // kRetry: some are not read yet by a group that the topic names, or `canceled` became true.
  [[nodiscard]] virtual Status forget(Topic topic, const std::set<std::string, std::less<>>& keys,
                                      std::atomic<bool>& canceled);
  // What was trimmed, forgotten or deleted by retention before the call is in no file of the log any more; the same
  // holds of this: only a log that has its files here, it takes long, kRetry soon after `canceled` became true.
  [[nodiscard]] virtual Status scrub(std::atomic<bool>& canceled);
  // kv::Store::check_next_file, of a log that has its files here.
  [[nodiscard]] virtual Result<uint64_t> check_next_file(std::string& cursor) {
    cursor.clear();
    return uint64_t{0};
  }
  // How long records may lie in files after trim() has put them below the low watermark, as long as the partition gets
  // new ones at least every minute: for a log that scrub() does not reach. 0: such a log has none.
  [[nodiscard]] virtual Result<env::TimeUs> lingers_us(Topic) { return env::TimeUs{0}; }
  [[nodiscard]] virtual uint64_t disk_bytes() = 0;  // 0: not known
  // The largest record that the topic takes; SIZE_MAX: none that Freshet makes is too large. A question to the brokers.
  [[nodiscard]] virtual Result<size_t> record_bytes_max(Topic) { return SIZE_MAX; }
};

}  // namespace freshet::eventlog
