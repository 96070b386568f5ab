// Where rows live. Every hash that is the key of a row (alias key, entity id, fingerprint of a message) ends in the
// home of the identifier that it hangs on, so a row, and a reference to an entity, says where it belongs whatever the
// number of partitions is: a state is rebuilt for another number by moving rows (state/repartition.h). Pure.
//
// hash := 12 bytes of a hash, then the home: murmur2 of model::identifier_key, big-endian. (docs/decisions/0016.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

using Home = uint32_t;  // not yet of a number of partitions

[[nodiscard]] Hash128 with_home(const Hash128& hash, Home home);
[[nodiscard]] Home home_in(const Hash128& hash);
// The partition that home_of() says for the same identifier.
[[nodiscard]] uint32_t partition_of(const Hash128& hash, uint32_t partitions);

// Under which an identifier's alias row is: hash_key is the installation's, 16 bytes.
[[nodiscard]] Hash128 alias_key(std::string_view hash_key, std::string_view tenant, v1::EntityKind kind,
                                const v1::Identifier& identifier);

}  // namespace freshet::model
