// The way into the log: envelopes to the partition of their routing identifier, what was rejected to the dead letters,
// what the schema learned to its topic, all in one append, durable before done(ok). Bounded: more than
// inflight_bytes_max under way is done(kRetry), and nothing was taken. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/clock.h"
#include "eventlog/event_log.h"
#include "freshet/v1/envelope.pb.h"
#include "freshet/v1/event.pb.h"
#include "ingest/adapters/adapter.h"
#include "schema/registry.h"

namespace freshet::ingest {

// What of one request goes to the log. The envelopes need to live only until publish() returns.
struct Outgoing {
  std::vector<v1::Envelope*> envelopes;
  std::vector<v1::DeadLetter> dead_letters;
  std::vector<v1::SchemaChange> schema_changes;
};

class Publisher {
 public:
  // `partitions`: of topic actions. Log and registry must outlive every append that is under way.
  // `has_room`: false while the stages behind are too far behind; then nothing is taken. Absent: they never are.
  Publisher(eventlog::EventLog& log, schema::Registry& registry, uint32_t partitions, size_t inflight_bytes_max,
            std::function<bool()> has_room = {});

  // kRetry: the stages behind are too far behind. Asked before work is put into a request; publish() asks again.
  [[nodiscard]] Status room() const;
  // Every envelope has an identifier of a user or a device.
  void publish(Outgoing out, eventlog::AppendDone done);

 private:
  // Lives until the last callback, whatever becomes of the publisher.
  struct InFlight {
    std::atomic<size_t> bytes{0};
  };

  [[nodiscard]] std::vector<eventlog::Produce> frame(const Outgoing& out) const;

  eventlog::EventLog& log_;
  schema::Registry& registry_;
  const uint32_t partitions_;
  const size_t inflight_bytes_max_;
  const std::function<bool()> has_room_;
  std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
};

// The dead letters of what was rejected. Ids: hex of 8 bytes big-endian received_at and 8 random bytes, so they sort by
// time.
[[nodiscard]] std::vector<v1::DeadLetter> dead_letters_of(const std::vector<Rejection>& rejected,
                                                          std::string_view tenant, std::string_view source,
                                                          std::string_view endpoint, int64_t received_at_us,
                                                          env::Random& random);

}  // namespace freshet::ingest
