// Action's engine for one partition: a pure function (state, record) → (state', outputs), in batches (invariant 3). It
// does no I/O but through PartitionState, reads no clock and has no threads. What it says depends on the records and
// their order alone, never on where a batch ends: after a crash the same records come again in other batches, and if
// that made a difference, the state would no longer be the one whose outputs were committed.
#pragma once

#include <google/protobuf/arena.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "action/control.h"
#include "action/identity/protocol.h"
#include "action/outputs.h"
#include "action/rules.h"
#include "eventlog/event_log.h"
#include "state/partition_state.h"
#include "telemetry/trace.h"

namespace freshet::action {

struct EngineCounters {
  uint64_t records = 0, duplicates = 0, loops = 0, dead_letters = 0;
};

// A record of a sampled trace, or of none, and what became of it.
struct TracedRecord {
  telemetry::TraceContext parent;  // not sampled: of none
  std::string tenant;
  eventlog::Offset offset = 0;
  const char* outcome = "";  // processed, duplicate, dead_letter
  int64_t received_at_us = 0;
};

class Engine {
 public:
  // `state` and `out` outlive the engine. Everything is used by one thread.
  Engine(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out,
         const StepBounds& bounds = {});
  ~Engine();

  // Processes records in the order of the log. Code::kInvalid: the log asks for a newer logic than this binary has.
  // After an error the state has done part of the batch: it must not be committed, but dropped.
  [[nodiscard]] Status process(std::span<const eventlog::RecordView> records);

  // The traced records processed since this was last called, except those whose outputs were suppressed. They are for
  // whoever watches: nothing that the engine does depends on them.
  [[nodiscard]] std::vector<TracedRecord> take_traced();
  // The same of those without a trace that are worth a look: some dead letters, and of each batch the one that was
  // received first.
  [[nodiscard]] std::vector<TracedRecord> take_untraced();
  // In force, for whoever reads what the state has.
  [[nodiscard]] const Rules& rules() const { return *rules_; }
  [[nodiscard]] EngineCounters counters() const;
  // By tenant, since this was last called.
  [[nodiscard]] std::map<std::string, uint64_t> take_duplicates() { return std::exchange(duplicates_, {}); }
  [[nodiscard]] const ProtocolCounters& identity() const { return protocol_.counters(); }

 private:
  // A record of the batch with what is computed for it before its turn comes.
  struct Prepared {
    v1::Envelope* envelope = nullptr;  // nullptr: the record is not an Envelope
    std::string_view bytes;
    int64_t offset = 0;
    Hash128 routing_key, message;
  };

  void prepare(std::span<const eventlog::RecordView> records);
  void prefetch();
  [[nodiscard]] Status process_traced(Prepared& p, const telemetry::TraceContext& trace);
  // `letters`: dead letters before the record.
  void note_untraced(const Prepared& p, uint64_t letters);
  [[nodiscard]] Status process_one(Prepared& p);
  [[nodiscard]] Status process_message(Prepared& p);
  [[nodiscard]] bool may_receive(v1::Loop& message, const std::string& tenant);
  [[nodiscard]] bool names_as_known(v1::EntityRef& ref, const std::string& tenant);
  [[nodiscard]] bool comes_from_a_loser(v1::Loop& message, const std::string& tenant);
  [[nodiscard]] Status adopt(const Prepared& p);
  void reject(const Prepared& p, const char* code, std::string reason);

  uint32_t partition_, partitions_;
  state::PartitionState& state_;
  Outputs& out_;
  std::unique_ptr<Rules> rules_;
  Protocol protocol_;
  google::protobuf::Arena arena_;  // of a batch
  std::vector<Prepared> prepared_;
  std::vector<TracedRecord> traced_, untraced_;
  const Prepared* oldest_ = nullptr;  // of the batch, of those that have no trace
  size_t letters_noted_ = 0;          // since take_untraced()
  EngineCounters counters_;
  std::map<std::string, uint64_t> duplicates_;
};

}  // namespace freshet::action
