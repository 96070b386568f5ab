// Writes the checkpoints of one partition: a session of one process, from its first checkpoint to the loss of the
// partition.
//
// Two writers can't mix, whatever either of them believes: each session has a number of its own (claimed by an object
// that can be made once) and writes only objects that carry it. What an earlier session has already is copied within
// the store, never shared. A manifest is written last. It names the oldest session that still counts; only then are
// manifests that are not kept removed, then the files that only these needed, then what earlier sessions have left. So
// at every moment, after a crash at any step and beside a writer that does not know that it was replaced, each
// manifest that counts is whole.
//
// A request whose outcome is not known (a manifest, a removal) may take effect later: the session ends with it.
//
// Used by one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "env/clock.h"
#include "freshet/v1/state.pb.h"
#include "kv/check_file.h"
#include "objectstore/object_store.h"
#include "state/checkpoint/manifest.h"

namespace freshet::state {

struct WriterOptions {
  objectstore::ObjectStore* store = nullptr;
  env::Clock* clock = nullptr;
  env::Random* random = nullptr;
  uint32_t partition = 0;
  uint32_t partitions = 0;
  uint32_t keep = 3;  // checkpoints, at least one
  // Gives what reads a file of this snapshot to its end and compares its checksums, before a checkpoint names it for
  // the first time in this session: a copy of damage would be worse than none. Absent: nothing is checked.
  std::function<kv::FileCheck(const std::string& directory)> check_of;
};

class CheckpointWriter {
 public:
  // Claims a session.
  [[nodiscard]] static Result<std::unique_ptr<CheckpointWriter>> claim(const WriterOptions& options);

  struct Written {
    uint64_t files = 0, bytes = 0;  // that had to be sent
    uint64_t copied = 0;            // files of an earlier session
  };
  // Makes a checkpoint. REQUIRES: not is_over(). `directory` is a snapshot of the state, which `meta` is of, and is not
  // changed. kFenced: a later session has begun. kCorrupt: a file of it is damaged; the checkpoints before stay.
  [[nodiscard]] Result<Written> add(const std::string& directory, const v1::PartitionMeta& meta,
                                    objectstore::Pace& pace);

  // It is not usable any more: claim another one.
  [[nodiscard]] bool is_over() const { return over_; }
  // What the log must keep for the checkpoints that there are; nullopt: there are none.
  [[nodiscard]] std::optional<int64_t> keep_from() const;
  [[nodiscard]] int64_t newest_offset() const { return kept_.empty() ? -1 : kept_.front().id.offset; }

 private:
  struct Kept {
    CheckpointId id;
    std::set<objectstore::Digest> files;
  };
  CheckpointWriter(const WriterOptions& options, uint64_t session) : options_(options), session_(session) {}
  [[nodiscard]] Status read_earlier();
  [[nodiscard]] Status check_owner();
  // kInvalid: those that are there belong to somebody else.
  [[nodiscard]] Status check_kin(const v1::Checkpoint& checkpoint) const;
  [[nodiscard]] Result<v1::Checkpoint> describe(const std::string& directory, const v1::PartitionMeta& meta,
                                                objectstore::Pace& pace);
  [[nodiscard]] Result<objectstore::Digest> hash_of(const std::string& path, uint64_t bytes, objectstore::Pace& pace,
                                                    const kv::FileCheck& check);
  [[nodiscard]] Status send(const std::string& directory, const v1::CheckpointFile& file, objectstore::Pace& pace,
                            Written& written);
  [[nodiscard]] Status publish(const v1::Checkpoint& checkpoint);
  [[nodiscard]] Status prune(uint64_t oldest_session);
  [[nodiscard]] Status sweep(uint64_t oldest_session);

  struct Hashed {
    uint64_t inode = 0, bytes = 0;
    int64_t modified_ns = 0;
    objectstore::Digest sha256{};
  };

  const WriterOptions options_;
  const uint64_t session_;
  bool over_ = false;
  std::vector<Kept> kept_;                           // that count, newest first
  std::vector<Kept> dropped_;                        // to be removed
  std::optional<v1::Checkpoint> newest_;             // of those before this session, without its files
  std::map<objectstore::Digest, uint64_t> earlier_;  // its files -> its session
  std::set<objectstore::Digest> mine_;               // files in this session's folder
  std::map<std::string, Hashed> hashed_;             // by name: files of a state do not change
  uint64_t swept_before_ = 0;                        // no session below has anything left
};

}  // namespace freshet::state
