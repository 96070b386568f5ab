// What a run has come to, decoded for the checks: what went in, what action has, and what can be
// read.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "follower.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "freshet/v1/event.pb.h"
#include "freshet/v1/state.pb.h"
#include "workload.h"

namespace freshet::sim {

using Key = std::pair<uint64_t, uint64_t>;  // an entity's id

[[nodiscard]] inline Key key_of(const v1::EntityRef& ref) { return {ref.id_high(), ref.id_low()}; }
[[nodiscard]] std::string text_of(const Key& key);  // hex
[[nodiscard]] Key key_of_bytes(std::string_view bytes16);

// An event of the stream that tells of an audience.
struct AudienceEvent {
  std::string tenant, message_id, user, audience;  // user: hex
  bool entered = false;
};

// Everything decoded, once for all checks.
class End {
 public:
  // `rows` has those of each partition's state.
  End(const Scenario& asked, const Broker& broker, const std::vector<const Rows*>& rows,
      const std::map<std::string, v1::Document>& documents);

  const Scenario& scenario;
  const Broker& log;
  std::vector<v1::Envelope> records;   // of clients, each message once: as its partition saw it first
  uint64_t limited = 0;                // dead letters of persons who had too many events
  std::vector<AudienceEvent> moves;    // of each profile in their order
  uint64_t repeated = 0;               // further copies of these records
  std::set<std::string> dead_letters;  // tenant/message id
  // What all partitions' states have, in one table each.
  std::map<Key, v1::EntityState> entities;
  std::map<std::string, v1::AliasRow> aliases;  // by alias key
  std::vector<v1::PartitionMeta> metas;
  std::map<Key, v1::Document> documents;  // removed ones too

  // How many messages were erased together with their profiles, by what the partitions counted.
  [[nodiscard]] uint64_t erased_messages() const;
  // The same of persons who had too many events.
  [[nodiscard]] uint64_t limited_messages() const;
  // The entity to which the redirects lead.
  [[nodiscard]] Key survivor(Key key) const;
  // All entities of this kind that are neither merged away nor erased.
  [[nodiscard]] std::vector<const v1::EntityState*> live(v1::EntityKind kind) const;

 private:
  void read_log(const Broker& broker);
  void read_state(const Rows& rows);
};

// Whether the record is an accepted message that belongs to a person: data and not a command.
[[nodiscard]] bool is_data(const v1::Envelope& record);

}  // namespace freshet::sim
