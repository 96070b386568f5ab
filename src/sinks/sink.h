// The contract of a sink: what takes records out of Freshet into somebody else's system.
//
// A sink is given batches: records of one tenant and one partition of a topic, in their order. Records of one person
// are in one partition. It is given a batch again, whole or from some record on, whenever it is not known that it was
// done: after a failure, after a crash, after a move to another process. So it must be idempotent by offset. Who keeps
// places, gathers records, waits, retries and sets records aside is the runner (sinks/runner_loop.h), the same for all.
//
// A new kind is a folder here with a class of this contract, a line in sinks.cc, its name and its keys in model/sink.h
// and app/config_sinks.h.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "freshet/v1/change.pb.h"
#include "kv/store.h"
#include "model/sink.h"
#include "sinks/turns.h"

namespace freshet::sinks {

// A record as its topic has it: of `events` JSON, of `changes` a v1::Change; of `deadletters` a v1::ErasureNotice.
struct Item {
  eventlog::Offset offset = 0;
  env::TimeUs received_at_us = 0;
  std::string key;
  std::string value;
  std::string problem = {};  // not "": no sink can use it, so the runner sets it aside, and none is given it
};

// What a sink is to do now of one partition: the items, which are all that concern it of the offsets [begin, next).
// `begin` is the place that is durable: whoever comes after a crash begins there, and is given the same records.
struct Batch {
  eventlog::TopicPartition from;
  eventlog::Offset begin = 0;
  eventlog::Offset next = 0;
  std::span<const Item> items;
};

// What became of a batch. `done`: so many items of its front are durable where they belong, and never come again if the
// runner gets to note it.
struct Outcome {
  enum class What : uint8_t {
    kDone,     // go on, with what is left of the batch, too
    kLater,    // the target is away, slow or not set up as it must be: whatever comes next would fail as well
    kUnsure,   // the target fails at the item behind those that are done; it may be the item's fault, or its own
    kRefused,  // the target will never take the item behind those that are done
    kStale,    // another process had begun this batch with another end: ask assigned() where to go on
  };
  What what = What::kDone;
  size_t done = 0;
  std::string why;           // but for kDone; without secrets
  env::TimeUs after_us = 0;  // kLater: not before so long; 0: as the runner likes
};

// Where a partition goes on.
struct Resume {
  eventlog::Offset from = 0;
  // The next batch must end exactly here, as it was begun before with this end.
  std::optional<eventlog::Offset> until;
};

// How a sink wants its batches.
struct BatchWish {
  size_t bytes = 256u << 10;  // enough for one
  env::TimeUs linger_us = 0;  // so long at most a record waits for others
};

class Sink {
 public:
  virtual ~Sink() = default;
  [[nodiscard]] virtual BatchWish wish() const = 0;
  // The partition is this process's from now on. `committed`: the place that the log knows. kRetry: ask again later.
  [[nodiscard]] virtual Result<Resume> assigned(eventlog::TopicPartition, eventlog::Offset committed) {
    return Resume{committed, std::nullopt};
  }
  // It is not any more.
  virtual void revoked(eventlog::TopicPartition) {}
  // Records of it before `next` that it has not been given are gone for good. Not ok: it is told again, and goes on
  // nowhere until then.
  [[nodiscard]] virtual Status lost(eventlog::TopicPartition, eventlog::Offset /*next*/) { return {}; }
  // Nothing of [from, to) concerns it, and `from` is where assigned() had it go on: whoever had the partition before
  // may begin a batch there yet, and must find that it has been passed. It is told before the log is. kConflict: that
  // batch is begun; ask assigned() where to go on. Anything else: it is told again.
  [[nodiscard]] virtual Status passed(eventlog::TopicPartition, eventlog::Offset /*from*/, eventlog::Offset /*to*/) {
    return {};
  }
  // One outcome for each batch; the batches are of different partitions. It blocks, for seconds at most, and ends soon
  // once Around::stopping is true.
  [[nodiscard]] virtual std::vector<Outcome> take(std::span<const Batch> batches) = 0;
};

// The profile of a change as the store has it. kSettled: as it is after the change at least; kRetry says that the store
// is not there yet. kAnyhow: it may be behind. nullopt: there is none, or it was removed.
enum class ProfileAs : uint8_t { kSettled, kAnyhow };
using ReadProfile = std::function<Result<std::optional<v1::Document>>(
    const v1::Change& change, eventlog::TopicPartition from, eventlog::Offset offset, ProfileAs as)>;

// What action is asked to say again. kGoneToo: those, too, that were merged away or erased, as removed; for who may
// have missed that.
enum class SayAgain : uint8_t { kLiving, kGoneToo };

// What a sink is made with; all of it outlives the sink.
struct Around {
  std::string tenant;
  model::Sink sink;
  env::Clock* clock = nullptr;
  env::Random* random = nullptr;
  const std::atomic<bool>* stopping = nullptr;
  ReadProfile read_profile;
  std::function<Result<std::string>(const std::string& text)> secret;  // what env:NAME or file:PATH stands for
  uint32_t partitions = 0;                                             // of `changes`, as of `events`
  std::shared_ptr<Turns> tenant_turns;  // of all its webhooks' requests; null: there is no limit
  // Asks action to say all profiles of the tenant in this partition whole, each at a new version: they come in
  // `changes`, in the partition of the same number. It is durable when it is ok.
  std::function<Status(uint32_t partition, SayAgain what)> say_again;
  // Its own, for what it can make again at any time.
  std::string directory;
  std::shared_ptr<kv::MemoryBudget> memory;  // of all sinks' stores
};

}  // namespace freshet::sinks
