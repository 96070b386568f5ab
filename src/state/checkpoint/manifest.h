// The bytes of a manifest (docs/format/checkpoint.md), and where the objects of checkpoints lie. Pure functions.
//
//   manifest := "FRESHCP1" sha256(rest) rest, rest a v1::Checkpoint
//
//   partitions/0003/owners/SESSION                 claims the session: a writer's folder
//   partitions/0003/files/SESSION/SHA256           contents
//   partitions/0003/checkpoints/SESSION-OFFSET     manifests, written last
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "freshet/v1/checkpoint.pb.h"
#include "objectstore/sha256.h"

namespace freshet::state {

inline constexpr uint32_t kCheckpointFormat = 1;
inline constexpr size_t kManifestBytesMax = 64u << 20;

[[nodiscard]] std::string encode_manifest(const v1::Checkpoint& checkpoint);
// Untrusted bytes. kCorrupt: damaged or truncated; kInvalid: of a newer format. What it answers makes sense: file
// names are plain, sorted and different, digests are whole, numbers are in their bounds.
[[nodiscard]] Result<v1::Checkpoint> decode_manifest(std::string_view bytes);

// Ordered by age: a session begins after all lower ones.
struct CheckpointId {
  uint64_t session = 0;
  int64_t offset = 0;
  auto operator<=>(const CheckpointId&) const = default;
};

[[nodiscard]] std::string partition_prefix(uint32_t partition);  // with a slash at its end, as are the next three
[[nodiscard]] std::string owners_prefix(uint32_t partition);
[[nodiscard]] std::string files_prefix(uint32_t partition);
[[nodiscard]] std::string checkpoints_prefix(uint32_t partition);
[[nodiscard]] std::string owner_key(uint32_t partition, uint64_t session);
[[nodiscard]] std::string file_key(uint32_t partition, uint64_t session, const objectstore::Digest& sha256);
[[nodiscard]] std::string checkpoint_key(uint32_t partition, const CheckpointId& id);
// nullopt: the key is of somebody else's object.
[[nodiscard]] std::optional<CheckpointId> parse_checkpoint_key(uint32_t partition, std::string_view key);
// The session of an owner's or a file's key with this prefix.
[[nodiscard]] std::optional<uint64_t> session_of(std::string_view key, std::string_view prefix);

// Tells two keys of alias hashes apart, and tells nothing of the key.
[[nodiscard]] std::string installation_fingerprint(std::string_view hash_key);
[[nodiscard]] objectstore::Digest digest_of(const v1::CheckpointFile& file);
[[nodiscard]] uint64_t total_bytes(const v1::Checkpoint& checkpoint);

}  // namespace freshet::state
