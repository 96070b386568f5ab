// The file `installation` and the lock beside it. The file is small and precious: without its key
// no stored alias can be found, so it is written whole or not at all, and a damaged one stops the
// start.

#include "app/installation.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "action/engine.h"
#include "app/small_file.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/version.h"
#include "state/partition_state.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNameBytes = 6;

Error io_error(const std::string& path, const char* what) {
  return {Code::kFatal, fmt::format("{}: can't {}: {}", path, what, std::strerror(errno))};
}

std::string release_text(const Release& release) {
  return fmt::format("freshet {} (state format {}, logic version {})", release.version, release.state_format,
                     release.logic_version);
}

// The fields of the file, each a line `key: value`.
template <class Take>
void each_field(const std::string& text, const Take& take) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) take(line.substr(0, colon), line.substr(colon + 2));
  }
}

void take_release(const std::string& key, const std::string& value, Release& release) {
  const auto number = [&value] { return static_cast<uint32_t>(std::strtoul(value.c_str(), nullptr, 10)); };
  if (key == "release") release.version = value;
  if (key == "state_format") release.state_format = number();
  if (key == "logic_version") release.logic_version = number();
}

// What is in a data directory are people's profiles and the key of their identifiers.
void close_to_others(const std::string& data_dir) {
  std::error_code error;
  const fs::perms others = fs::perms::group_all | fs::perms::others_all;
  const fs::perms now = fs::status(data_dir, error).permissions();
  if (error || (now & others) == fs::perms::none) return;
  fs::permissions(data_dir, others, fs::perm_options::remove, error);
  if (error) {
    log::warn("data_dir {}: others may read it, and that can't be changed: {}", data_dir, error.message());
  } else {
    log::warn("data_dir {}: others could read it; it is open to its owner alone now", data_dir);
  }
}

}  // namespace

// Half of what a newer release wrote would be understood, and half of it lost at the next write.
Status check_readable(const std::string& data_dir, const Release& last, const Release& own) {
  if (last.state_format <= own.state_format && last.logic_version <= own.logic_version) return {};
  return fail(Code::kInvalid,
              fmt::format("data_dir {}: last used by {}, which this {} can't read: install freshet {} or newer",
                          data_dir, release_text(last), release_text(own), last.version));
}

Release this_release() { return {std::string(version()), state::kStateFormat, action::kLogicVersion}; }

Result<std::optional<Release>> last_release(const std::string& data_dir) {
  FRESHET_ASSIGN(const auto file, read_small_file(data_dir + "/installation"));
  if (!file) return std::nullopt;
  Release release;
  each_field(file->text, [&](const std::string& key, const std::string& value) { take_release(key, value, release); });
  return release;
}

Result<std::unique_ptr<Installation>> Installation::open(const std::string& data_dir, env::Random& random,
                                                         const Release& own) {
  std::error_code error;
  const bool is_new = fs::create_directories(data_dir, error);
  if (is_new) fs::permissions(data_dir, fs::perms::owner_all, error);
  if (error) return fail(Code::kInvalid, fmt::format("data_dir {}: can't be made: {}", data_dir, error.message()));
  close_to_others(data_dir);
  const std::string lock_path = data_dir + "/lock";
  env::Descriptor lock(lock_path, O_CREAT | O_RDWR);
  if (!lock.is_open()) return tl::unexpected(io_error(lock_path, "open"));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    // The file stays, since it is the lock and not the file that says who runs.
    return fail(
        Code::kConflict,
        fmt::format(
            "data_dir {}: another freshet runs on it; stop that one, or choose another directory with --data-dir",
            data_dir));
  }
  std::unique_ptr<Installation> installation(new Installation(data_dir + "/installation", std::move(lock)));
  FRESHET_TRY(installation->load(random, own));
  return installation;
}

std::string Installation::fingerprint(const v1::Control& rules) {
  v1::Control said = rules;
  said.clear_revision();
  said.clear_hash_key();
  said.clear_partitions();
  said.clear_changes_only();
  // Who reads events is said by sinks, which are not among the rules.
  for (v1::TenantRules& tenant : *said.mutable_tenants()) tenant.clear_events_unread();
  // The same rules by a newer logic are the same rules: an upgrade must not ask for another revision. (The first
  // releases had 1 in their fingerprints.)
  said.set_logic_version(1);
  return hash128(said.SerializeAsString()).hex();
}

Status Installation::adopt_hash_key(const std::string& hash_key, std::string_view whose) {
  FRESHET_ASSERT(hash_key_.size() == 16);  // load() has checked it
  if (hash_key == hash_key_) return {};
  // Stored aliases are hashed with the old key: taking another one would lose all of them.
  if (is_in_use())
    return fail(
        Code::kInvalid,
        fmt::format("{} has another key than {}, which are of another installation: its identifiers could not be "
                    "found with the key of this one. Configure what belongs to this data directory, or another "
                    "data_dir",
                    path_, whose));
  hash_key_ = hash_key;
  return save();
}

Status Installation::learn_published(uint64_t revision, const std::string& rules_hash) {
  if (revision <= revision_) return {};
  revision_ = revision;
  rules_hash_ = rules_hash;
  return save();
}

Status Installation::load(env::Random& random, const Release& own) {
  const auto file = read_small_file(path_);
  if (!file)
    return fail(file.error().code, file.error().message +
                                       "; restore this file from a copy of the data directory, or "
                                       "remove it: then its key comes from the log or the checkpoints");
  // A new directory begins an installation; adopt_hash_key() may still give it another's key.
  if (!*file) {
    hash_key_ = random.bytes(16);
    name_ = to_hex(random.bytes(kNameBytes));
    release_ = own;
    return save();
  }
  // Those of the first releases begin with the key.
  if (!(*file)->checked && !(*file)->text.starts_with("hash_key: "))
    return fail(Code::kCorrupt, path_ +
                                    ": is damaged; restore this file from a copy of the data directory, or remove "
                                    "it: then its key comes from the log or the checkpoints");
  each_field((*file)->text, [&](const std::string& key, const std::string& value) {
    if (key == "hash_key") hash_key_ = from_hex(value);
    if (key == "name") name_ = value;
    if (key == "revision") revision_ = std::strtoull(value.c_str(), nullptr, 10);
    if (key == "rules") rules_hash_ = value;
    take_release(key, value, release_);
  });
  FRESHET_TRY(check_readable(fs::path(path_).parent_path().string(), release_, own));
  if (hash_key_.size() != 16)
    return fail(
        Code::kCorrupt,
        path_ + ": has no hash_key of 16 bytes: restore this file; without its key the stored aliases can't be found");
  if (!name_.empty() && release_ == own) return {};
  // A file without a name was made by a version that knew no names.
  if (name_.empty()) name_ = to_hex(random.bytes(kNameBytes));
  release_ = own;
  return save();
}

Status Installation::save() const {
  return write_small_file(
      path_,
      fmt::format("hash_key: {}\nname: {}\nrevision: {}\nrules: {}\nrelease: {}\nstate_format: {}\nlogic_version: {}\n",
                  to_hex(hash_key_), name_, revision_, rules_hash_, release_.version, release_.state_format,
                  release_.logic_version));
}

Result<uint64_t> Installation::revision_for(const FileHash& file, uint64_t configured, uint64_t highest,
                                            bool implicit) const {
  const uint64_t last = std::max(highest, revision_);
  const bool same = revision_ > 0 && file.is(rules_hash_);
  if (implicit) return same ? revision_ : last + 1;
  if (configured < revision_)
    return fail(
        Code::kInvalid,
        fmt::format("revision: {} is lower than {}, which was published here: this configuration is out of date; "
                    "take the newer one, or raise its revision above {}",
                    configured, revision_, last));
  if (configured == revision_ && !same)
    return fail(Code::kInvalid, fmt::format("revision: {} was published with other tenants or rules: raise it to {}",
                                            configured, last + 1));
  if (configured > revision_ && configured <= highest)
    return fail(Code::kInvalid,
                fmt::format("revision: {} or a higher one was given to a change that came by the API: raise it to {}",
                            configured, last + 1));
  return configured;
}

Status Installation::published(uint64_t revision, const FileHash& file) {
  FRESHET_ASSERT(revision >= revision_);
  if (revision == revision_ && rules_hash_ == file.whole) return {};
  revision_ = revision;
  rules_hash_ = file.whole;
  return save();
}

}  // namespace freshet::app
