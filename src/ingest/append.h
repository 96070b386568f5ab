// The way into the log: envelopes go to the partition of their routing identifier, or into `overflow` if their tenant
// sends more than its rate (overflow/lanes.h); what was rejected to the dead letters, and what the schema learned to
// its topic; all in one append, which is durable before done(ok). It is the one
// way for requests, imports and replays. The bytes under way are bounded: beyond inflight_bytes_max it calls
// done(kRetry) and has taken nothing. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "freshet/v1/envelope.pb.h"
#include "freshet/v1/event.pb.h"
#include "ingest/items/parsed.h"
#include "ingest/letter_budget.h"
#include "ingest/overflow/lanes.h"
#include "schema/registry.h"

namespace freshet::ingest {

// What one request puts into the log. The envelopes need to live only until append() returns.
struct Outgoing {
  std::vector<v1::Envelope*> envelopes;
  std::vector<v1::DeadLetter> dead_letters;
  std::vector<v1::SchemaChange> schema_changes;
  const model::Tenant* tenant = nullptr;  // whose rate counts, of all envelopes; null: nobody's, they go straight in
  bool backfill = false;                  // all of it is old, whatever its times say
};

class Appender {
 public:
  // `partitions` is the number of topic actions. Log and registry must outlive every append that is
  // under way. `has_room` returns false while the stages behind are too far behind; then nothing is
  // taken. If it is absent, they count as never behind. `letters` bounds the dead letters, if it is there; `lanes` has
  // the rates, if there are any.
  Appender(eventlog::EventLog& log, schema::Registry& registry, uint32_t partitions, size_t inflight_bytes_max,
           std::function<bool()> has_room = {}, LetterBudget* letters = nullptr,
           std::shared_ptr<Lanes> lanes = nullptr);

  // kRetry says that the stages behind are too far behind. A caller asks before it puts work into a
  // request; append() asks again.
  [[nodiscard]] Status room() const;
  // In how many seconds the overflow of the tenant has room again for what is to come (no envelopes), or for all of
  // these; 0: it has.
  [[nodiscard]] uint32_t full_for_s(const model::Tenant& tenant, const std::vector<v1::Envelope*>& envelopes,
                                    bool backfill) const;
  // Calls `done` exactly once, on this thread if nothing was taken, else on a thread of the log.
  // REQUIRES: every envelope has an identifier of a user or a device.
  void append(Outgoing out, eventlog::AppendDone done);

 private:
  // It is shared with the callbacks, so it lives until the last of them, whatever becomes of the
  // appender.
  struct InFlight {
    std::atomic<size_t> bytes{0};
  };

  // What of a request goes into lanes.
  struct Entry {
    std::string tenant;
    std::array<std::optional<uint32_t>, kLaneKinds> partition;
    std::array<size_t, kLaneKinds> records{};
    std::array<size_t, kLaneKinds> bytes{};
  };

  [[nodiscard]] Entry enter(const Outgoing& out) const;
  // Serializes all of it into one batch for each partition that it touches, and counts what goes into lanes.
  [[nodiscard]] std::vector<eventlog::Produce> frame(const Outgoing& out, Entry& entry) const;
  static void leave(const std::shared_ptr<Lanes>& lanes, const Entry& entry, bool taken);

  eventlog::EventLog& log_;
  schema::Registry& registry_;
  const uint32_t partitions_;
  const size_t inflight_bytes_max_;
  const std::function<bool()> has_room_;
  LetterBudget* const letters_;
  const std::shared_ptr<Lanes> lanes_;
  std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
};

}  // namespace freshet::ingest
