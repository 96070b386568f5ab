// The steps of a checkpoint, in the order that keeps every manifest that counts whole at any moment (writer.h): files,
// then the manifest that names them, then the removal of manifests, then that of files. Each step asks first, or is
// harmless, if another worker has begun a session meanwhile: nobody can know that he is the only one.
#include "state/checkpoint/writer.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/assert.h"
#include "base/hash.h"
#include "env/file.h"
#include "state/checkpoint/catalog.h"
#include "telemetry/log.h"

namespace freshet::state {
namespace {

namespace fs = std::filesystem;
using objectstore::Digest;

constexpr size_t kChunkBytes = 1u << 20;
constexpr int kClaimsMax = 100;

// Whether the object in the store is the one that we sent: its answer was lost, and the request was sent again.
bool is_ours(objectstore::ObjectStore& store, const std::string& key, const std::string& content) {
  const auto found = objectstore::get_small(store, key, content.size());
  return found && *found == content;
}

Result<uint64_t> newest_session(objectstore::ObjectStore& store, uint32_t partition) {
  const std::string prefix = owners_prefix(partition);
  FRESHET_ASSIGN(const auto owners, store.list(prefix));
  uint64_t newest = 0;
  for (const objectstore::Object& owner : owners) newest = std::max(newest, session_of(owner.key, prefix).value_or(0));
  return newest;
}

}  // namespace

// A session is claimed by an object that can be made only once. The nonce in it tells our own claim, whose answer was
// lost, from that of somebody else who took the same number.
Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::claim(const WriterOptions& options) {
  FRESHET_ASSERT(options.store != nullptr && options.keep >= 1 && options.partition < options.partitions);
  objectstore::ObjectStore& store = *options.store;
  FRESHET_ASSIGN(const auto newest, newest_session(store, options.partition));
  const std::string content =
      fmt::format("nonce: {}\nclaimed_at_us: {}\n", to_hex(options.random->bytes(16)), options.clock->now_us());
  for (uint64_t session = newest + 1; session <= newest + kClaimsMax; ++session) {
    const std::string key = owner_key(options.partition, session);
    const Status put = store.put_new(key, content);
    if (!put && put.error().code != Code::kConflict) return tl::unexpected(put.error());
    if (!put && !is_ours(store, key, content)) continue;
    std::unique_ptr<CheckpointWriter> writer(new CheckpointWriter(options, session));
    FRESHET_TRY(writer->read_earlier());
    return writer;
  }
  return fail(Code::kRetry, fmt::format("{}: {} sessions of partition {} were claimed by others meanwhile",
                                        store.where(), kClaimsMax, options.partition));
}

// What sessions before this one have made: it goes on from there, and need not send what the newest of them has.
Status CheckpointWriter::read_earlier() {
  FRESHET_ASSIGN(auto found, find_checkpoints(*options_.store, options_.partition));
  for (const FoundCheckpoint& checkpoint : found) {
    if (!checkpoint.manifest) continue;
    if (!newest_) {
      newest_ = *checkpoint.manifest;
      newest_->clear_files();
    }
    Kept& kept = kept_.emplace_back(Kept{checkpoint.id, {}});
    for (const v1::CheckpointFile& file : checkpoint.manifest->files()) {
      kept.files.insert(digest_of(file));
      if (kept_.size() == 1) earlier_.emplace(digest_of(file), checkpoint.id.session);
    }
  }
  return {};
}

// The oldest one counts, and not the newest: an operator, or a worker that finds the newest damaged, may need to go
// back.
std::optional<int64_t> CheckpointWriter::keep_from() const {
  if (kept_.empty()) return std::nullopt;
  int64_t lowest = kept_.front().id.offset;
  for (const Kept& kept : kept_) lowest = std::min(lowest, kept.id.offset);
  return lowest;
}

Status CheckpointWriter::check_owner() {
  FRESHET_ASSIGN(const auto newest, newest_session(*options_.store, options_.partition));
  if (newest == session_) return {};
  over_ = true;
  return fail(Code::kFenced, fmt::format("{}: session {} of partition {} has begun elsewhere, this one is {}",
                                         options_.store->where(), newest, options_.partition, session_));
}

Status CheckpointWriter::check_kin(const v1::Checkpoint& checkpoint) const {
  if (!newest_) return {};
  return check_identity(*newest_, {checkpoint.partitions(), checkpoint.installation()}, options_.store->where());
}

Result<CheckpointWriter::Written> CheckpointWriter::add(const std::string& directory, const v1::PartitionMeta& meta,
                                                        objectstore::Pace& pace) {
  FRESHET_ASSERT(!over_);  // Whatever its last request may still do would be done to this checkpoint.
  FRESHET_TRY(check_owner());
  FRESHET_ASSIGN(auto checkpoint, describe(directory, meta, pace));
  FRESHET_TRY(check_kin(checkpoint));
  Written written;
  for (const v1::CheckpointFile& file : checkpoint.files()) FRESHET_TRY(send(directory, file, pace, written));
  Kept made{{session_, meta.next_offset()}, {}};
  for (const v1::CheckpointFile& file : checkpoint.files()) made.files.insert(digest_of(file));
  std::vector<Kept> kept{std::move(made)};
  std::vector<Kept> dropped;
  for (Kept& earlier : kept_) (kept.size() < options_.keep ? kept : dropped).push_back(std::move(earlier));
  kept_ = std::move(kept);
  FRESHET_ASSERT(kept_.size() <= options_.keep && kept_.front().id.session == session_);
  dropped_.insert(dropped_.end(), std::make_move_iterator(dropped.begin()), std::make_move_iterator(dropped.end()));
  checkpoint.set_oldest_session(kept_.back().id.session);
  // An error from here on leaves it open what there is, because a request may take effect after its sender gave up. So
  // the session is over, and the next one begins by looking.
  over_ = true;
  FRESHET_TRY(check_owner());
  FRESHET_TRY(publish(checkpoint));
  earlier_.clear();
  FRESHET_TRY(prune(checkpoint.oldest_session()));
  over_ = false;
  return written;
}

Result<v1::Checkpoint> CheckpointWriter::describe(const std::string& directory, const v1::PartitionMeta& meta,
                                                  objectstore::Pace& pace) {
  v1::Checkpoint checkpoint;
  checkpoint.set_format(kCheckpointFormat);
  checkpoint.set_partition(options_.partition);
  checkpoint.set_partitions(options_.partitions);
  checkpoint.set_next_offset(meta.next_offset());
  checkpoint.set_state_format(meta.format());
  checkpoint.set_logic_version(meta.rules().logic_version());
  checkpoint.set_installation(installation_fingerprint(meta.rules().hash_key()));
  checkpoint.set_taken_at_us(options_.clock->now_us());
  checkpoint.set_session(session_);
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator at(directory, error); !error && at != fs::directory_iterator(); at.increment(error))
    entries.push_back(*at);
  if (error) return fail(Code::kFatal, fmt::format("{}: can't be listed: {}", directory, error.message()));
  std::sort(entries.begin(), entries.end());
  const kv::FileCheck check = options_.check_of ? options_.check_of(directory) : nullptr;
  for (const fs::directory_entry& entry : entries) {
    v1::CheckpointFile& file = *checkpoint.add_files();
    file.set_name(entry.path().filename().string());
    file.set_bytes(entry.file_size(error));
    if (error) return fail(Code::kFatal, fmt::format("{}: {}", entry.path().string(), error.message()));
    FRESHET_ASSIGN(const auto digest, hash_of(entry.path().string(), file.bytes(), pace, check));
    file.set_sha256(std::string(objectstore::view(digest)));
  }
  // Of one that can't be looked at the hash is made anew.
  std::erase_if(hashed_, [&](const auto& known) { return !fs::exists(directory + "/" + known.first, error); });
  return checkpoint;
}

// Files of a state do not change once they are there, so each is hashed and checked once, and known again by inode,
// size and time. The order does not matter: damage that comes between the two makes the copy differ from its name.
Result<Digest> CheckpointWriter::hash_of(const std::string& path, uint64_t bytes, objectstore::Pace& pace,
                                         const kv::FileCheck& check) {
  const env::Descriptor file(path, O_RDONLY);
  if (!file.is_open()) return fail(Code::kFatal, fmt::format("{}: can't open: {}", path, std::strerror(errno)));
  struct stat found{};
  ::fstat(file.get(), &found);
  Hashed& known = hashed_[fs::path(path).filename().string()];
  const Hashed now{found.st_ino, bytes, found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec, {}};
  if (known.inode == now.inode && known.bytes == now.bytes && known.modified_ns == now.modified_ns && bytes > 0)
    return known.sha256;
  objectstore::Sha256 hash;
  std::string chunk(std::min<uint64_t>(kChunkBytes, bytes), '\0');
  uint64_t done = 0;
  for (ssize_t got = 1; got > 0 && done < bytes;) {
    got = ::read(file.get(), chunk.data(), chunk.size());
    if (got <= 0) break;
    pace.take(static_cast<uint64_t>(got));
    hash.add(std::string_view(chunk.data(), static_cast<size_t>(got)));
    done += static_cast<uint64_t>(got);
  }
  if (done != bytes) return fail(Code::kFatal, fmt::format("{}: can't be read to its end", path));
  if (check) FRESHET_TRY(check(path, bytes));
  known = now;
  known.sha256 = hash.finish();
  return known.sha256;
}

// Sends a file that this session does not have yet. What the newest checkpoint before it has is copied within the
// store, and never shared: that session's files go when it no longer counts.
Status CheckpointWriter::send(const std::string& directory, const v1::CheckpointFile& file, objectstore::Pace& pace,
                              Written& written) {
  const Digest digest = digest_of(file);
  if (mine_.contains(digest)) return {};
  const std::string key = file_key(options_.partition, session_, digest);
  if (const auto at = earlier_.find(digest); at != earlier_.end()) {
    const Status copied = options_.store->copy(file_key(options_.partition, at->second, digest), key);
    if (copied) {
      mine_.insert(digest);
      ++written.copied;
      return {};
    }
    if (copied.error().code == Code::kRetry) return copied;
  }
  FRESHET_TRY(options_.store->put_file(key, {directory + "/" + file.name(), file.bytes(), digest}, pace));
  mine_.insert(digest);
  ++written.files;
  written.bytes += file.bytes();
  return {};
}

Status CheckpointWriter::publish(const v1::Checkpoint& checkpoint) {
  const std::string key = checkpoint_key(options_.partition, {session_, checkpoint.next_offset()});
  const std::string content = encode_manifest(checkpoint);
  Status put = options_.store->put_new(key, content);
  if (!put && put.error().code == Code::kConflict && is_ours(*options_.store, key, content)) return {};
  return put;
}

// Manifests are removed first: a file goes only when nothing that counts names it. A crash in between leaves files too
// many, never a manifest whose files are gone.
Status CheckpointWriter::prune(uint64_t oldest_session) {
  for (const Kept& kept : dropped_) FRESHET_TRY(options_.store->remove(checkpoint_key(options_.partition, kept.id)));
  dropped_.clear();
  for (auto at = mine_.begin(); at != mine_.end();) {
    const bool needed = std::any_of(kept_.begin(), kept_.end(), [&](const Kept& kept) {
      return kept.id.session == session_ && kept.files.contains(*at);
    });
    if (!needed) FRESHET_TRY(options_.store->remove(file_key(options_.partition, session_, *at)));
    at = needed ? std::next(at) : mine_.erase(at);
  }
  if (swept_before_ == oldest_session) return {};
  FRESHET_TRY(sweep(oldest_session));
  swept_before_ = oldest_session;
  return {};
}

// Removes what sessions before the oldest that counts have left, after whatever crash. Their claims go last, and ours
// stays: the next session takes the number after it, so no number is ever used twice.
Status CheckpointWriter::sweep(uint64_t oldest_session) {
  objectstore::ObjectStore& store = *options_.store;
  FRESHET_ASSIGN(const auto manifests, store.list(checkpoints_prefix(options_.partition)));
  for (const objectstore::Object& object : manifests) {
    const auto id = parse_checkpoint_key(options_.partition, object.key);
    if (id && id->session < oldest_session) FRESHET_TRY(store.remove(object.key));
  }
  for (const std::string& prefix : {files_prefix(options_.partition), owners_prefix(options_.partition)}) {
    FRESHET_ASSIGN(const auto left, store.list(prefix));
    for (const objectstore::Object& object : left) {
      const auto session = session_of(object.key, prefix);
      if (session && *session < oldest_session) FRESHET_TRY(store.remove(object.key));
    }
  }
  return {};
}

}  // namespace freshet::state
