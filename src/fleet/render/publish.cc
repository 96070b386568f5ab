// How a folder changes in one step: the new one is made beside it (hard links for what stays the same), synced, and
// swapped by renameat2(RENAME_EXCHANGE). File systems without it get two renames, with a moment between them in which
// the folder has another name; clean_up() of the next run knows it by that. A lock on the parent keeps two runs from
// doing this at once.
#include "fleet/render/publish.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/assert.h"
#include "base/hash.h"
#include "env/file.h"
#include "fleet/render/losses.h"
#include "fleet/render/manifest.h"

namespace freshet::fleet {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> io_error(const fs::path& path, std::string_view what) {
  return fail(Code::kFatal, fmt::format("{}: can't {}: {}", path.string(), what, std::strerror(errno)));
}

// nullopt: there is no regular file of this name.
// A symbolic link is not followed: what it points to is not in this folder, and would be compared and kept as if it
// were.
std::optional<std::string> read_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(path, error)) || error) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || (fs::file_size(path, error) > 0 && !(text << in.rdbuf()))) return std::nullopt;
  return std::move(text).str();
}

// Says whether a path is below one of these folders; if there are none, every path is.
bool is_of(std::string_view path, const std::vector<std::string>& folders) {
  return folders.empty() || std::ranges::any_of(folders, [&](const std::string& folder) {
           return path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/';
         });
}

class Publisher {
 public:
  Publisher(fs::path target, const std::vector<File>& files, const Source& source, const PublishOptions& options)
      : target_(std::move(target)),
        beside_(target_.parent_path() / ("." + target_.filename().string() + ".fleet-new")),
        old_(target_.parent_path() / ("." + target_.filename().string() + ".fleet-old")),
        files_(files),
        source_(source),
        options_(options) {}

  Result<Published> run() {
    FRESHET_TRY(clean_up());
    FRESHET_TRY(read_manifest());
    compare();
    if (!result_.by_hand.empty() && !options_.force) return result_;
    const std::string manifest = write_manifest(new_, comment_header(source_));
    if (result_.written == 0 && result_.removed == 0 && read_file(target_ / kManifest) == manifest) return result_;
    FRESHET_TRY(stage(manifest));
    FRESHET_TRY(swap());
    return result_;
  }

 private:
  void step() const {
    if (options_.at_step) options_.at_step();
  }

  // Removes what a run that died left behind. Its last step may have been between two renames.
  Status clean_up() {
    std::error_code error;
    // This is the one case in which the folder is missing: a crash between the two renames of swap(). The old one goes
    // back.
    if (!fs::exists(target_, error) && fs::exists(old_, error)) fs::rename(old_, target_, error);
    if (!error) fs::remove_all(old_, error);
    if (!error) fs::remove_all(beside_, error);
    if (error) return fail(Code::kFatal, fmt::format("{}: can't remove: {}", beside_.string(), error.message()));
    return {};
  }

  Status read_manifest() {
    std::error_code error;
    if (!fs::exists(target_, error)) return {};
    if (!fs::is_directory(target_, error)) return fail(Code::kInvalid, target_.string() + " is not a folder");
    // A shell that stands in the folder would stay in the old one, which is removed: its next command would find
    // nothing.
    if (fs::equivalent(target_, fs::current_path(error), error)) {
      return fail(Code::kInvalid,
                  target_.string() + " is the current folder, which would be replaced: go to another one");
    }
    const auto text = read_file(target_ / kManifest);
    // Somebody's home directory, for example: without a manifest nothing says that its files may be replaced.
    if (!text && !fs::is_empty(target_, error) && !options_.force) {
      return fail(Code::kInvalid, target_.string() +
                                      " has files and no MANIFEST: it was not made by `fleet render`. Give " +
                                      "another folder, or --force");
    }
    const auto hashes = text ? parse_manifest(*text) : Hashes{};
    if (!hashes) {
      return fail(Code::kInvalid, fmt::format("{}: {}. Put it back as it was, or render into another folder",
                                              (target_ / kManifest).string(), hashes.error().message));
    }
    was_ = *hashes;
    return {};
  }

  // Compares what is on disk with what was rendered then and is rendered now.
  void compare() {
    for (const auto& [path, hash] : was_) {
      if (!is_of(path, options_.only)) new_[path] = hash;  // stays, changed by hand or not
    }
    for (const File& file : files_) {
      const std::string hash = hash128(file.bytes).hex();
      const auto disk = read_file(target_ / file.path);
      const bool same = disk && *disk == file.bytes;
      const auto was = was_.find(file.path);
      new_[file.path] = hash;
      ++(same ? result_.unchanged : result_.written);
      if (same) {
        same_.push_back(file.path);
      } else if (was == was_.end()) {
        if (disk) result_.by_hand.push_back(file.path + ": not rendered before");
      } else if (!disk) {
        result_.by_hand.push_back(file.path + ": deleted");
      } else if (hash128(*disk).hex() != was->second) {
        result_.by_hand.push_back(file.path + ": changed");
      }
    }
    for (const auto& [path, hash] : was_) {
      if (new_.contains(path)) continue;
      ++result_.removed;
      const auto disk = read_file(target_ / path);
      if (disk && hash128(*disk).hex() != hash) result_.by_hand.push_back(path + ": changed, and no longer rendered");
    }
    std::ranges::sort(result_.by_hand);
    find_losses();
  }

  void find_losses() {
    for (const auto& [path, hash] : was_) {
      if (!may_lose(path) || !is_of(path, options_.only)) continue;
      const auto disk = read_file(target_ / path);
      const auto file = std::ranges::find(files_, path, &File::path);
      if (disk)
        std::ranges::move(losses(path, *disk, file == files_.end() ? "" : file->bytes),
                          std::back_inserter(result_.losses));
    }
  }

  Status write(const fs::path& relative, const std::string& bytes) {
    step();
    std::error_code error;
    const fs::path path = beside_ / relative;
    fs::create_directories(path.parent_path(), error);
    std::ofstream out(path, std::ios::binary);
    if (!(out << bytes).flush()) return io_error(path, "write");
    return {};
  }

  // Gives the same file a second name: nothing is copied.
  Status keep(const fs::path& relative) {
    step();
    std::error_code error;
    const fs::path path = beside_ / relative;
    fs::create_directories(path.parent_path(), error);
    fs::create_hard_link(target_ / relative, path, error);
    if (error) fs::copy_file(target_ / relative, path, error);
    if (error) return fail(Code::kFatal, fmt::format("{}: can't be kept: {}", relative.string(), error.message()));
    return {};
  }

  // Keeps files that are nobody's rendering, or another target's.
  Status keep_others() {
    std::error_code error;
    if (!fs::exists(target_, error)) return {};
    for (fs::recursive_directory_iterator it(target_, error), end; !error && it != end; it.increment(error)) {
      const fs::path relative = it->path().lexically_relative(target_);
      const std::string path = relative.generic_string();
      if (it->is_symlink(error)) {
        fs::create_directories((beside_ / relative).parent_path(), error);
        fs::copy_symlink(it->path(), beside_ / relative, error);
      } else if (it->is_regular_file(error)) {
        const bool ours =
            path == kManifest || ((was_.contains(path) || new_.contains(path)) && is_of(path, options_.only));
        if (!ours) FRESHET_TRY(keep(relative));
      } else if (it->is_directory(error) && fs::is_empty(it->path(), error)) {
        fs::create_directories(beside_ / relative, error);
      }
    }
    if (error) return fail(Code::kFatal, fmt::format("{}: {}", target_.string(), error.message()));
    return {};
  }

  Status stage(const std::string& manifest) {
    std::error_code error;
    if (!fs::create_directories(beside_, error)) return io_error(beside_, "make");
    for (const File& file : files_) {
      // same_ has the order of files_, and binary_search needs it: an unsorted list would have files written anew in
      // silence.
      const bool same = std::ranges::binary_search(same_, file.path);
      FRESHET_TRY(same ? keep(file.path) : write(file.path, file.bytes));
    }
    FRESHET_TRY(keep_others());
    FRESHET_TRY(write(kManifest, manifest));
    // All is synced before the swap, so that after a loss of power the new folder is whole if it is there at all.
    const env::Descriptor staged(beside_.string(), O_RDONLY | O_DIRECTORY);
    if (!staged.is_open() || ::syncfs(staged.get()) != 0) return io_error(beside_, "sync");
    return {};
  }

  Status rename(const fs::path& from, const fs::path& to) {
    step();
    if (::rename(from.c_str(), to.c_str()) != 0) return io_error(from, "rename");
    return {};
  }

  // This is the step that counts: before it the folder is the old one, after it the new one.
  Status swap() {
    std::error_code error;
    if (!fs::exists(target_, error)) {
      FRESHET_TRY(rename(beside_, target_));
    } else if (step(); !options_.exchange ||
                       ::renameat2(AT_FDCWD, beside_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
      if (options_.exchange && errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
        return io_error(target_, "replace");
      FRESHET_TRY(rename(target_, old_));
      FRESHET_TRY(rename(beside_, target_));
    }
    if (!env::sync_directory(target_.parent_path().string())) return io_error(target_, "sync");
    step();
    return clean_up();
  }

  const fs::path target_, beside_, old_;
  const std::vector<File>& files_;
  const Source& source_;
  const PublishOptions& options_;
  Hashes was_, new_;
  std::vector<std::string> same_;  // paths whose bytes on disk are right, sorted
  Published result_;
};

}  // namespace

Result<Published> publish(const std::string& directory, const std::vector<File>& files, const Source& source,
                          const PublishOptions& options) {
  std::error_code error;
  fs::path target = fs::absolute(directory, error).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "out/"
  if (error || !target.has_filename()) return fail(Code::kInvalid, directory + " can't be an output folder");
  fs::create_directories(target.parent_path(), error);
  const env::Descriptor parent(target.parent_path().string(), O_RDONLY | O_DIRECTORY);
  if (!parent.is_open()) return io_error(target.parent_path(), "open");
  // Nobody waits for the other: two people who render at once should know of each other.
  if (::flock(parent.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kRetry, "another `fleet render` is writing beside " + target.string());
  }
  FRESHET_ASSERT(std::ranges::is_sorted(files, {}, &File::path));
  return Publisher(target, files, source, options).run();
}

}  // namespace freshet::fleet
