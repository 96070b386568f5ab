// Reading checkpoints: which there are, whether they are whole, and bringing one to a directory. Any number of readers
// may do so at any time; checkpoint/writer.h tells how writers keep what counts whole meanwhile.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "objectstore/object_store.h"
#include "state/checkpoint/manifest.h"

namespace freshet::state {

struct FoundCheckpoint {
  CheckpointId id;
  Result<v1::Checkpoint> manifest;  // not ok: its manifest is damaged, or of a newer version
};

// The checkpoints that count, newest first. An error: the store can't be read.
[[nodiscard]] Result<std::vector<FoundCheckpoint>> find_checkpoints(objectstore::ObjectStore& store,
                                                                    uint32_t partition);

// Is told of the bytes that are done, of so many of the whole checkpoint.
using Progress = std::function<void(uint64_t done, uint64_t total)>;

// Reads every file and compares size and hash. kCorrupt: one is missing or is not what was written; says which.
[[nodiscard]] Status verify_checkpoint(objectstore::ObjectStore& store, const v1::Checkpoint& checkpoint,
                                       objectstore::Pace& pace, const Progress& progress = nullptr);
// The same, and writes them into `directory`, which is made anew; it is there, synced, only if all of them are right.
[[nodiscard]] Status fetch_checkpoint(objectstore::ObjectStore& store, const v1::Checkpoint& checkpoint,
                                      const std::string& directory, objectstore::Pace& pace,
                                      const Progress& progress = nullptr);

// Whom checkpoints must be of. The state of another installation has its aliases under keys that this one never asks
// for: every known person would be a new one.
struct CheckpointIdentity {
  uint32_t partitions = 0;
  std::string installation;  // installation_fingerprint()
};
// kInvalid: of another installation or another number of partitions; says so.
[[nodiscard]] Status check_identity(const v1::Checkpoint& checkpoint, const CheckpointIdentity& wanted,
                                    const std::string& where);

// The key of alias hashes belongs to the checkpoints: whoever has them can read what it hides anyway, and without it
// they are of no use. Object `installation`; the first one to write it decides for all.
[[nodiscard]] Result<std::string> agree_on_hash_key(objectstore::ObjectStore& store, const std::string& mine);

}  // namespace freshet::state
