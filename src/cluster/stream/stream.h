// Reading records of one cluster and writing them into another, exactly once: a reader that belongs to no group, a
// member of a group that shares partitions out, and a writer whose transactions carry the group's offsets. The one
// implementation is on librdkafka (open.h); tests have their own in memory.
//
// Errors say who recovers (Code): kConflict what was written since begin() is surely gone, do it anew; kRetry nobody
// knows, or brokers are away: settle() decides; kFenced another process has our name; kInvalid the operator.
//
// One thread uses an object at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/admin/values.h"
#include "env/clock.h"

namespace freshet::cluster {

struct Header {
  std::string_view name;
  std::optional<std::string_view> value;  // nullopt: null
  bool operator==(const Header&) const = default;
};

// Views into memory that Polled::hold keeps.
struct Record {
  uint32_t from = 0;  // the id that its partition was started with
  int64_t offset = 0;
  int64_t timestamp_ms = -1;  // -1: none
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // nullopt: a tombstone
  std::vector<Header> headers;
  [[nodiscard]] size_t bytes() const { return (key ? key->size() : 0) + (value ? value->size() : 0); }
};

// Why a partition is read no further; it was stopped.
struct ReadProblem {
  enum class Kind : uint8_t { kOutOfRange, kOther };  // kOutOfRange: what is at `offset` is not there
  uint32_t from = 0;
  Kind kind = Kind::kOther;
  int64_t offset = -1;
  Error error;
};

struct Polled {
  std::vector<Record> records;  // of one partition in its order
  std::vector<ReadProblem> problems;
  std::vector<std::pair<uint32_t, int64_t>> ends;  // of a partition nothing is left below this offset, for now
  std::vector<std::shared_ptr<const void>> hold;   // goes last
};

// Committed records only; gaps of markers and aborted ones are passed over.
class Reader {
 public:
  virtual ~Reader() = default;
  // REQUIRES: the id and the partition are not started.
  [[nodiscard]] virtual Status start(uint32_t id, const PartitionRef& of, int64_t offset) = 0;
  // Nothing of it is handed out any more. Of one that is not started: does nothing.
  virtual void stop(uint32_t id) = 0;
  // Adds to `into` up to records_max records; waits for the first one up to timeout_us.
  virtual void poll(size_t records_max, env::TimeUs timeout_us, Polled& into) = 0;
  // The end of the partition as its leader last told; -1: not yet.
  [[nodiscard]] virtual int64_t end_of(uint32_t id) const = 0;
};

// An offset of a group, with what its committer says beside it.
struct Place {
  PartitionRef of;
  int64_t next = -1;  // -1: nothing is committed
  std::string note;   // up to 4,096 bytes: what Kafka's brokers take
  bool operator==(const Place&) const = default;
};

struct GroupChange {
  std::vector<PartitionRef> assigned;
  std::vector<PartitionRef> revoked;
};

// Who commits, as the group knows it.
class Committer {
 public:
  virtual ~Committer() = default;
};

// A place in a group that shares out the partitions of topics. It reads none of them.
class Membership {
 public:
  virtual ~Membership() = default;
  [[nodiscard]] virtual Status subscribe(const std::vector<std::string>& topics) = 0;
  // What was given and taken since the last call; waits up to timeout_us for something. What is revoked is another's
  // from the next call on, so nothing may be under way for it when this is called.
  [[nodiscard]] virtual Result<GroupChange> poll(env::TimeUs timeout_us) = 0;
  // In the order of `of`. kRetry: some of it belongs to a transaction that is not decided, or brokers are away.
  [[nodiscard]] virtual Result<std::vector<Place>> committed(const std::vector<PartitionRef>& of) = 0;
  // Null: it is none now.
  [[nodiscard]] virtual std::shared_ptr<const Committer> member() const = 0;
};

struct Outgoing {
  uint32_t topic = 0;  // as Writer::topic() numbers them
  int32_t partition = 0;
  int64_t timestamp_ms = -1;  // -1: now
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::span<const Header> headers;
};

// A record that the brokers did not take.
struct Refusal {
  std::string topic;
  int32_t partition = 0;
  bool away = false;  // nobody answers for the partition; else it is the record, which would be refused again
  std::string why;
};

// One transaction at a time: settle() once, then begin(), write()s and commit() or abort().
class Writer {
 public:
  virtual ~Writer() = default;
  // Takes the transactional id: whatever was left open under it is ended, and who had it is fenced. If it is ours
  // already, does nothing. After kRetry of commit() the outcome is decided when this is ok.
  [[nodiscard]] virtual Status settle() = 0;
  // How often it has taken the id. Between two takes another process may have had it, and written: whoever goes on from
  // what he read under an earlier one reads it again.
  [[nodiscard]] virtual uint64_t takes() const = 0;
  // A number for Outgoing::topic, the same for the same name.
  [[nodiscard]] virtual uint32_t topic(const std::string& name) = 0;
  // No larger batch is sent to the brokers, which refuse what is over their topic's max.message.bytes. Where that is
  // another limit than before, the next settle() takes the id anew.
  virtual void limit_batches(size_t bytes) = 0;
  [[nodiscard]] virtual Status begin() = 0;
  // The values must stay until commit() or abort(); names, keys and headers are copied.
  [[nodiscard]] virtual Status write(const Outgoing& record) = 0;
  // Records and places become visible together, or not at all. The brokers refuse a member that is none any more.
  [[nodiscard]] virtual Status commit(const std::vector<Place>& places, const Committer* member) = 0;
  // What made the last transaction fail, which is surely aborted; nullopt: something else did. It may have had others.
  [[nodiscard]] virtual std::optional<Refusal> refusal() const = 0;
  virtual void abort() = 0;
};

}  // namespace freshet::cluster
