// Nothing that comes out of the store is believed: manifests carry a hash of themselves and of every file, and a file
// is compared with both its size and its hash while it passes. A state with one wrong byte in it would go on silently,
// and all that follows from it would be wrong.
#include "state/checkpoint/catalog.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/assert.h"
#include "base/hash.h"
#include "env/file.h"

namespace freshet::state {
namespace {

namespace fs = std::filesystem;

constexpr const char* kInstallation = "installation";
constexpr std::string_view kHashKeyField = "hash_key: ";
constexpr size_t kInstallationBytesMax = 4096;

Result<v1::Checkpoint> read_manifest(objectstore::ObjectStore& store, uint32_t partition, const CheckpointId& id) {
  const std::string key = checkpoint_key(partition, id);
  FRESHET_ASSIGN(auto bytes, objectstore::get_small(store, key, kManifestBytesMax));
  auto manifest = decode_manifest(bytes);
  if (!manifest)
    return fail(manifest.error().code, fmt::format("{}: {}: {}", store.where(), key, manifest.error().message));
  if (manifest->partition() != partition || manifest->session() != id.session || manifest->next_offset() != id.offset)
    return fail(Code::kCorrupt, fmt::format("{}: {} is the manifest of another checkpoint", store.where(), key));
  return manifest;
}

Error write_error(const std::string& path, const char* what) {
  return {Code::kFatal, fmt::format("{}: can't {}: {}", path, what, std::strerror(errno))};
}

// Streams a file past its hash; `take` gets what comes.
Status read_file(objectstore::ObjectStore& store, const v1::Checkpoint& checkpoint, const v1::CheckpointFile& file,
                 objectstore::Pace& pace, const objectstore::Sink& take) {
  const std::string key = file_key(checkpoint.partition(), checkpoint.session(), digest_of(file));
  const auto damaged = [&](std::string_view why) {
    return fail(Code::kCorrupt, fmt::format("{}: {} ({} of the checkpoint at offset {}): {}", store.where(), key,
                                            file.name(), checkpoint.next_offset(), why));
  };
  objectstore::Sha256 hash;
  uint64_t bytes = 0;
  const Status got = store.get(key, pace, [&](std::string_view part) -> Status {
    bytes += part.size();
    if (bytes > file.bytes()) return damaged(fmt::format("has more than its {} bytes", file.bytes()));
    hash.add(part);
    return take(part);
  });
  if (!got && got.error().code == Code::kNotFound) return damaged("is missing");
  FRESHET_TRY(Status(got));
  if (bytes != file.bytes()) return damaged(fmt::format("is cut off: {} of {} bytes", bytes, file.bytes()));
  if (hash.finish() != digest_of(file)) return damaged("is not what was written: its hash differs");
  return {};
}

Status sync_folder(const std::string& path) {
  return env::sync_directory(path) ? Status{} : tl::unexpected(write_error(path, "sync"));
}

}  // namespace

// The newest manifest that can be read says which sessions still count. Those before may have been half removed by a
// writer that died: a manifest of theirs could name files that are gone.
Result<std::vector<FoundCheckpoint>> find_checkpoints(objectstore::ObjectStore& store, uint32_t partition) {
  FRESHET_ASSIGN(const auto listed, store.list(checkpoints_prefix(partition)));
  std::vector<CheckpointId> ids;
  for (const objectstore::Object& object : listed)
    if (const auto id = parse_checkpoint_key(partition, object.key)) ids.push_back(*id);
  std::sort(ids.rbegin(), ids.rend());
  std::vector<FoundCheckpoint> found;
  uint64_t oldest_session = 0;
  for (const CheckpointId& id : ids) {
    if (id.session < oldest_session) break;
    auto manifest = read_manifest(store, partition, id);
    if (!manifest && manifest.error().code == Code::kNotFound) continue;  // It was removed since it was listed.
    if (!manifest && manifest.error().code == Code::kRetry) return tl::unexpected(std::move(manifest).error());
    if (manifest) oldest_session = std::max(oldest_session, manifest->oldest_session());
    found.push_back({id, std::move(manifest)});
  }
  return found;
}

// The same reading as for a restore, so that a checkpoint which passes can be restored.
Status verify_checkpoint(objectstore::ObjectStore& store, const v1::Checkpoint& checkpoint, objectstore::Pace& pace,
                         const Progress& progress) {
  uint64_t done = 0;
  const uint64_t total = total_bytes(checkpoint);
  for (const v1::CheckpointFile& file : checkpoint.files()) {
    FRESHET_TRY(read_file(store, checkpoint, file, pace, [&](std::string_view part) -> Status {
      done += part.size();
      if (progress) progress(done, total);
      return {};
    }));
  }
  FRESHET_ASSERT(done == total);
  return {};
}

// The files are written beside the directory and synced, and only then does the whole get its name. So whoever finds
// the directory after a crash finds all of it.
Status fetch_checkpoint(objectstore::ObjectStore& store, const v1::Checkpoint& checkpoint, const std::string& directory,
                        objectstore::Pace& pace, const Progress& progress) {
  const std::string beside = directory + ".fetching";
  std::error_code error;
  fs::remove_all(beside, error);
  fs::create_directories(beside, error);
  if (error) return fail(Code::kFatal, fmt::format("{}: can't be made: {}", beside, error.message()));
  uint64_t done = 0;
  const uint64_t total = total_bytes(checkpoint);
  for (const v1::CheckpointFile& file : checkpoint.files()) {
    const std::string path = beside + "/" + file.name();
    const env::Descriptor out(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
    if (!out.is_open()) return tl::unexpected(write_error(path, "write"));
    FRESHET_TRY(read_file(store, checkpoint, file, pace, [&](std::string_view part) -> Status {
      done += part.size();
      if (progress) progress(done, total);
      return env::write_all(out, part) ? Status{} : tl::unexpected(write_error(path, "write"));
    }));
    if (::fsync(out.get()) != 0) return tl::unexpected(write_error(path, "write"));
  }
  FRESHET_TRY(sync_folder(beside));
  fs::rename(beside, directory, error);
  if (error) return fail(Code::kFatal, fmt::format("{}: can't be put in place: {}", directory, error.message()));
  return sync_folder(fs::path(directory).parent_path().string());
}

// Both differences would be seen much later, as people who are not recognized or as records that find no profile.
Status check_identity(const v1::Checkpoint& checkpoint, const CheckpointIdentity& wanted, const std::string& where) {
  if (checkpoint.installation() != wanted.installation)
    return fail(
        Code::kInvalid,
        fmt::format("{} has checkpoints of another installation ({}, this one is {}): its identifiers could not be "
                    "found here; take another directory or prefix, or the file `installation` of that one's data "
                    "directory",
                    where, to_hex(checkpoint.installation()), to_hex(wanted.installation)));
  if (checkpoint.partitions() != wanted.partitions)
    return fail(
        Code::kInvalid,
        fmt::format("{} has checkpoints of {} partitions, log.partitions is {}: the number is fixed once there is "
                    "data; put {} back",
                    where, checkpoint.partitions(), wanted.partitions, checkpoint.partitions()));
  return {};
}

// Whoever writes the object first has decided, and everybody else takes what it says: a worker with an empty disk that
// made up a key of its own would know none of the people in the checkpoints.
Result<std::string> agree_on_hash_key(objectstore::ObjectStore& store, const std::string& mine) {
  FRESHET_ASSERT(!mine.empty());
  const std::string text = fmt::format("{}{}\n", kHashKeyField, to_hex(mine));
  const Status put = store.put_new(kInstallation, text);
  if (put) return mine;
  if (put.error().code != Code::kConflict) return tl::unexpected(put.error());
  FRESHET_ASSIGN(auto found, objectstore::get_small(store, kInstallation, kInstallationBytesMax));
  std::string key;
  if (found.starts_with(kHashKeyField) && found.ends_with('\n'))
    key = from_hex(std::string_view(found).substr(kHashKeyField.size(), found.size() - kHashKeyField.size() - 1));
  if (key.size() != mine.size())
    return fail(Code::kCorrupt,
                fmt::format("{}: {} is damaged: restore it, without the key in it the checkpoints are of no use",
                            store.where(), kInstallation));
  return key;
}

}  // namespace freshet::state
