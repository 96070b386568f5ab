// What makes a data directory one installation: a lock, the key of its alias hashes, its name among
// others, which revision of the rules was published last, and which release had it last. The file is
// `installation` in the data directory, with one `key: value` on each line. Processes that share a
// log share key and revision: app/agreement.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/file_hash.h"
#include "base/result.h"
#include "env/clock.h"
#include "env/file.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::app {

// What decides whether a release can read what another one left behind: one with lower numbers can't.
struct Release {
  std::string version;  // SemVer; for people
  uint32_t state_format = 0;
  uint32_t logic_version = 0;
  [[nodiscard]] bool operator==(const Release&) const = default;
};

[[nodiscard]] Release this_release();

// Which release had this data directory last; nullopt: none. kCorrupt: its note is damaged. It takes no lock and
// changes nothing, so it may be asked while a Freshet runs.
[[nodiscard]] Result<std::optional<Release>> last_release(const std::string& data_dir);
// The same kInvalid as opening the directory has, if `own` can't read what `last` left behind.
[[nodiscard]] Status check_readable(const std::string& data_dir, const Release& last, const Release& own);

class Installation {
 public:
  // Makes the directory if it is missing, and notes who has it now. kConflict: another process has it. kInvalid: a
  // release that `own` can't read after had it; nothing is touched then.
  [[nodiscard]] static Result<std::unique_ptr<Installation>> open(const std::string& data_dir, env::Random& random,
                                                                  const Release& own = this_release());
  Installation(const Installation&) = delete;
  Installation& operator=(const Installation&) = delete;

  [[nodiscard]] const std::string& hash_key() const { return hash_key_; }
  // Takes the key of those that this directory joins: of the processes that share its log, or of
  // the checkpoints that it goes on from. `whose` names what has it, for people. kInvalid: rules
  // were published from here with another key, so identifiers are stored under that.
  [[nodiscard]] Status adopt_hash_key(const std::string& hash_key, std::string_view whose);
  // Learns of rules that somebody has published. It does nothing if the directory knows a higher
  // revision.
  [[nodiscard]] Status learn_published(uint64_t revision, const std::string& rules_hash);
  // A hash of what the rules say, whatever their revision, the key and the number of partitions.
  [[nodiscard]] static std::string fingerprint(const v1::Control& rules);
  // Letters and digits that no other installation has, the same for as long as this directory
  // lives.
  [[nodiscard]] const std::string& name() const { return name_; }

  // Whether rules were published from here.
  [[nodiscard]] bool is_in_use() const { return revision_ > 0; }

  // Decides the revision under which the tenants and rules of a file are published. A lower one than the last file's,
  // the same with another file, or one that was taken by somebody else, as `highest` is that of all, is kInvalid and
  // says what to do. `implicit` says that there is no configuration file: the revision rises by itself.
  [[nodiscard]] Result<uint64_t> revision_for(const FileHash& file, uint64_t configured, uint64_t highest,
                                              bool implicit) const;
  // Call it when they are in force.
  [[nodiscard]] Status published(uint64_t revision, const FileHash& file);

 private:
  Installation(std::string path, env::Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  [[nodiscard]] Status load(env::Random& random, const Release& own);
  [[nodiscard]] Status save() const;

  std::string path_;
  env::Descriptor lock_;  // with a flock, which the kernel releases however the process ends
  std::string hash_key_;
  std::string name_;
  uint64_t revision_ = 0;
  std::string rules_hash_;
  Release release_;  // that had it last
};

}  // namespace freshet::app
