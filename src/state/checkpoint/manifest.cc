// Manifests and keys of objects. A manifest may be damaged, or be put there by anybody who can write to the bucket:
// the names in it become names of files on this machine, so none of them may lead out of its directory.
#include "state/checkpoint/manifest.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/number.h"
#include "base/text.h"

namespace freshet::state {
namespace {

constexpr std::string_view kMagic = "FRESHCP1";
constexpr size_t kNameBytesMax = 255;
constexpr size_t kFingerprintBytes = 8;
constexpr uint32_t kPartitionsMax = 1u << 16;

tl::unexpected<Error> damaged(std::string_view why) {
  return fail(Code::kCorrupt, fmt::format("the manifest of the checkpoint is damaged: {}", why));
}

// Whether a name is one component of a path that leads nowhere else.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_name_char(c) || c == '.' || c == '-'; });
}

Status check_files(const v1::Checkpoint& checkpoint) {
  if (checkpoint.files().empty()) return damaged("it has no files");
  for (int i = 0; i < checkpoint.files_size(); ++i) {
    const v1::CheckpointFile& file = checkpoint.files(i);
    if (!is_plain_name(file.name())) return damaged("a file's name is not one");
    if (i > 0 && checkpoint.files(i - 1).name() >= file.name()) return damaged("its files are not sorted");
    if (file.sha256().size() != sizeof(objectstore::Digest)) return damaged("a file's hash is not one");
  }
  return {};
}

}  // namespace

std::string encode_manifest(const v1::Checkpoint& checkpoint) {
  const std::string rest = checkpoint.SerializeAsString();
  return fmt::format("{}{}{}", kMagic, objectstore::view(objectstore::sha256(rest)), rest);
}

Result<v1::Checkpoint> decode_manifest(std::string_view bytes) {
  constexpr size_t kHead = kMagic.size() + sizeof(objectstore::Digest);
  if (!bytes.starts_with(kMagic)) return damaged("it does not begin like one");
  if (bytes.size() < kHead) return damaged("it is cut off");
  const std::string_view rest = bytes.substr(kHead);
  if (objectstore::view(objectstore::sha256(rest)) != bytes.substr(kMagic.size(), sizeof(objectstore::Digest)))
    return damaged("its hash is wrong");
  v1::Checkpoint checkpoint;
  if (rest.size() > kManifestBytesMax || !checkpoint.ParseFromArray(rest.data(), static_cast<int>(rest.size())))
    return damaged("it can't be decoded");
  if (checkpoint.format() > kCheckpointFormat)
    return fail(Code::kInvalid,
                fmt::format("the checkpoint was written by a newer version (format {}; this one knows {}): "
                            "run the newer version",
                            checkpoint.format(), kCheckpointFormat));
  if (checkpoint.format() == 0 || checkpoint.partitions() > kPartitionsMax ||
      checkpoint.partition() >= checkpoint.partitions() || checkpoint.next_offset() < 0 ||
      checkpoint.oldest_session() > checkpoint.session())
    return damaged("its numbers make no sense");
  FRESHET_TRY(check_files(checkpoint));
  return checkpoint;
}

std::string partition_prefix(uint32_t partition) { return fmt::format("partitions/{:04}/", partition); }
std::string owners_prefix(uint32_t partition) { return partition_prefix(partition) + "owners/"; }
std::string files_prefix(uint32_t partition) { return partition_prefix(partition) + "files/"; }
std::string checkpoints_prefix(uint32_t partition) { return partition_prefix(partition) + "checkpoints/"; }

std::string owner_key(uint32_t partition, uint64_t session) {
  return fmt::format("{}{:010}", owners_prefix(partition), session);
}

std::string file_key(uint32_t partition, uint64_t session, const objectstore::Digest& sha256) {
  return fmt::format("{}{:010}/{}", files_prefix(partition), session, objectstore::hex(sha256));
}

std::string checkpoint_key(uint32_t partition, const CheckpointId& id) {
  return fmt::format("{}{:010}-{:020}", checkpoints_prefix(partition), id.session, id.offset);
}

// A key counts only if it is the very one that this version would write: "1-5" and "0000000001-5" would be two names
// of one checkpoint.
std::optional<CheckpointId> parse_checkpoint_key(uint32_t partition, std::string_view key) {
  const std::string prefix = checkpoints_prefix(partition);
  if (!key.starts_with(prefix)) return std::nullopt;
  const std::string_view name = key.substr(prefix.size());
  const size_t dash = name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto session = to_number<uint64_t>(name.substr(0, dash));
  const auto offset = to_number<int64_t>(name.substr(dash + 1));
  if (!session || !offset) return std::nullopt;
  const CheckpointId id{*session, *offset};
  return checkpoint_key(partition, id) == key ? std::optional(id) : std::nullopt;
}

std::optional<uint64_t> session_of(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix)) return std::nullopt;
  const std::string_view rest = key.substr(prefix.size());
  return to_number<uint64_t>(rest.substr(0, rest.find('/')));
}

std::string installation_fingerprint(std::string_view hash_key) {
  const objectstore::Digest digest = objectstore::hmac_sha256(hash_key, "freshet installation");
  return std::string(objectstore::view(digest).substr(0, kFingerprintBytes));
}

objectstore::Digest digest_of(const v1::CheckpointFile& file) {
  objectstore::Digest digest{};
  FRESHET_ASSERT(file.sha256().size() == digest.size());  // decode_manifest() refuses any other.
  std::memcpy(digest.data(), file.sha256().data(), digest.size());
  return digest;
}

uint64_t total_bytes(const v1::Checkpoint& checkpoint) {
  uint64_t bytes = 0;
  for (const v1::CheckpointFile& file : checkpoint.files()) bytes += file.bytes();
  return bytes;
}

}  // namespace freshet::state
