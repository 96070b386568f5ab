// Whom an item is about, and which message it is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ingest/items/item.h"

namespace freshet::ingest {

inline constexpr size_t kIdentifierBytesMax = 512;
inline constexpr size_t kMessageIdBytesMax = 100;

// Why a value can't name anybody or anything though it is somebody's: it is too long, or has characters that no name
// has.
struct Unusable {
  std::string_view code;
  std::string why;
};
[[nodiscard]] std::optional<Unusable> fault_of_name(std::string_view normal);

// Adds an identifier, unless its value is one that nobody has, such as "null", is too long, or has control characters:
// that is dropped with a warning, because it would join strangers into one profile.
void add_identifier(Item& item, v1::EntityKind kind, std::string_view type, std::string_view value);
void add_optional_identifier(Item& item, v1::EntityKind kind, std::string_view type,
                             const std::optional<std::string_view>& value);
// Sorts the identifiers by the tenant's rules. An item without any identifier is rejected.
Outcome finish_identifiers(Item& item);
// Rejects an item none of whose identifiers can be used, and says why: one is too long, has control characters, or, as
// `nobody` says, is one that nobody has. REQUIRES: one was sent.
Outcome reject_unusable(Item& item, std::string nobody, std::string_view attribute);
[[nodiscard]] bool is_listed(const google::protobuf::RepeatedPtrField<std::string>& types, std::string_view type);

// Sets the record's own id, else one made of its bytes if the client said a time, else a random
// one. An id that is made of the bytes makes a repeated request count once. `sent_at`: the part of these bytes that
// says when they were sent; it does not count, as each attempt has a time of its own.
Outcome set_message_id(Item& item, const std::optional<std::string_view>& id, bool has_client_time,
                       std::string_view fingerprint_of, std::string_view sent_at = {});

}  // namespace freshet::ingest
