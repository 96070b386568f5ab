// A profile's state as a record of a state topic (docs/format/state-topic.md).
//   key      the profile's id: 32 lower-case hex digits
//   value    the profile as it is shown (model/document.h), JSON; null of one that is removed
//   headers  freshet.version  of the profile, in decimal digits
//            freshet.kind     user or device
//            freshet.state    the v1::Document itself, so that a store is restored as it was: JSON has no type for
//                             times and exact decimals. Not there in a record of a profile that the topic can't take
// In a topic that is read from its beginning, the last record of a key says what its profile is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/stream/stream.h"
#include "freshet/v1/change.pb.h"

namespace freshet::sinks {

struct StateRecord {
  std::string key;
  std::optional<std::string> value;
  std::string version;
  std::string_view kind;
  std::optional<std::string> state;

  // Views into this.
  [[nodiscard]] std::vector<cluster::Header> headers() const;
  [[nodiscard]] size_t bytes() const;
};

// `id`: 16 bytes.
[[nodiscard]] StateRecord state_record(std::string_view tenant, v1::EntityKind kind, std::string_view id,
                                       const v1::Document& document);
// Of a profile whose record would be too large: nobody takes an older state for what it is.
[[nodiscard]] StateRecord set_aside_state(std::string_view tenant, v1::EntityKind kind, std::string_view id,
                                          uint64_t version, std::string_view why);

struct ProfileState {
  v1::EntityKind kind = v1::ENTITY_KIND_USER;
  std::string id;         // 16 bytes
  v1::Document document;  // one that was removed, too
};

// nullopt: it was set aside, so that its state is not here. kCorrupt: Freshet did not write it.
[[nodiscard]] Result<std::optional<ProfileState>> read_state(const cluster::Record& record);

// The change that makes a store's document this one, whatever it had.
[[nodiscard]] v1::Change change_to_state(const std::string& tenant, const ProfileState& state, int64_t received_at_us);

}  // namespace freshet::sinks
