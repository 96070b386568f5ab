// Objects as files. Linking a finished file into place is what makes it appear as a whole, and
// link() fails where a name is taken, which is what put_new() promises.

#include "objectstore/directory.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "env/file.h"

namespace freshet::objectstore {
namespace {

namespace fs = std::filesystem;

// Attempts begin with a dot, so no key can be one.
constexpr const char* kIncoming = ".incoming-";
constexpr size_t kChunkBytes = 1u << 20;
constexpr env::TimeUs kDayUs = 24 * 3'600'000'000;

class DirectoryStore final : public ObjectStore {
 public:
  DirectoryStore(std::string root, std::string to, env::Random& random)
      : root_(std::move(root)), where_(std::move(to)), random_(random) {}

  Status put_new(const std::string& key, std::string_view content) override {
    return place(key, [&](const env::Descriptor& file) { return append(file, content); });
  }

  Status put_file(const std::string& key, const LocalFile& file, Pace& pace) override {
    Status placed = place(key, [&](const env::Descriptor& placed_as) {
      return read_all(file.path, pace, [&](std::string_view part) { return append(placed_as, part); });
    });
    // A file of this key has the same content.
    return !placed && placed.error().code == Code::kConflict ? Status{} : placed;
  }

  Status copy(const std::string& from, const std::string& to) override {
    FRESHET_TRY(make_parent(to));
    // A hard link is a copy that costs nothing, because objects never change.
    if (::link(path(from).c_str(), path(to).c_str()) == 0) return sync_parent(to);
    if (errno == EEXIST) return {};
    return failed("copy", from);
  }

  Status get(const std::string& key, Pace& pace, const Sink& sink) override { return read_all(path(key), pace, sink); }

  Result<std::vector<Object>> list(const std::string& prefix) override;

  Status remove(const std::string& key) override {
    if (::unlink(path(key).c_str()) != 0 && errno != ENOENT) return failed("remove", key);
    for (size_t slash = key.rfind('/'); slash != std::string::npos && slash > 0; slash = key.rfind('/', slash - 1))
      if (::rmdir(path(key.substr(0, slash)).c_str()) != 0) break;  // folders go as long as they are empty
    return {};
  }

  void cancel() override { cancelled_ = true; }
  const std::string& where() const override { return where_; }

  void remove_old_attempts(env::TimeUs now_us) const;

 private:
  // Writes the content of an object into its file.
  using Fill = std::function<Status(const env::Descriptor&)>;

  [[nodiscard]] std::string path(const std::string& key) const { return root_ + "/" + key; }

  // errno is read first, as everything below may change it.
  [[nodiscard]] tl::unexpected<Error> failed(std::string_view what, const std::string& key) const {
    const int why = errno;
    const Code code = why == ENOENT ? Code::kNotFound : why == EACCES || why == EPERM ? Code::kInvalid : Code::kRetry;
    return fail(code, fmt::format("{}: {} {}: {}", where_, what, key, std::strerror(why)));
  }

  Status append(const env::Descriptor& file, std::string_view bytes) {
    return env::write_all(file, bytes) ? Status{} : failed("write", "");
  }

  Status read_all(const std::string& file, Pace& pace, const Sink& sink) {
    const env::Descriptor in(file, O_RDONLY);
    if (!in.is_open()) return failed("open", file);
    std::string chunk(kChunkBytes, '\0');
    while (true) {
      if (cancelled_) return fail(Code::kRetry, where_ + ": cancelled");
      const ssize_t got = ::read(in.get(), chunk.data(), chunk.size());
      if (got < 0) return failed("read", file);
      if (got == 0) return {};
      pace.take(static_cast<uint64_t>(got));
      FRESHET_TRY(sink(std::string_view(chunk.data(), static_cast<size_t>(got))));
    }
  }

  // Fills a new file and links it into place. A remove() elsewhere may take the folder away in
  // between, so it is made again, at most four times.
  Status place(const std::string& key, const Fill& fill) {
    const std::string beside = path(kIncoming + to_hex(random_.bytes(8)));
    Status status = fill_new(beside, fill);
    for (int i = 0; status; ++i) {
      status = make_parent(key);
      if (!status || ::link(beside.c_str(), path(key).c_str()) == 0) break;
      if (errno == EEXIST)
        status = fail(Code::kConflict, fmt::format("{}: {} is there already", where_, key));
      else if (errno != ENOENT || i == 3)
        status = failed("link", key);
    }
    ::unlink(beside.c_str());
    return status ? sync_parent(key) : status;
  }

  Status fill_new(const std::string& file, const Fill& fill) {
    const env::Descriptor out(file, O_CREAT | O_EXCL | O_WRONLY);
    if (!out.is_open()) return failed("create", file);
    FRESHET_TRY(fill(out));
    // Synced before it is linked: a crash must not leave a whole name with half a content.
    if (::fsync(out.get()) != 0) return failed("sync", file);
    return {};
  }

  Status make_parent(const std::string& key) {
    std::error_code error;
    fs::create_directories(fs::path(path(key)).parent_path(), error);
    if (error)
      return fail(Code::kRetry, fmt::format("{}: can't make the folder of {}: {}", where_, key, error.message()));
    return {};
  }

  // Syncs all folders up to the root, because some of them may be new, and a folder that a crash
  // takes away takes its objects with it.
  Status sync_parent(const std::string& key) {
    FRESHET_ASSERT(path(key).starts_with(root_ + "/"));
    for (fs::path folder = fs::path(path(key)).parent_path();; folder = folder.parent_path()) {
      if (!env::sync_directory(folder.string())) return failed("sync the folder of", key);
      if (folder.string().size() <= root_.size()) return {};
    }
  }

  const std::string root_, where_;
  env::Random& random_;
  std::atomic<bool> cancelled_{false};
};

Result<std::vector<Object>> DirectoryStore::list(const std::string& prefix) {
  std::vector<Object> all;
  if (cancelled_) return fail(Code::kRetry, where_ + ": cancelled");
  const size_t slash = prefix.rfind('/');
  const std::string folder = slash == std::string::npos ? root_ : path(prefix.substr(0, slash));
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  if (error == std::errc::no_such_file_or_directory) return all;
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code gone;  // files come and go while we look
    if (!at->is_regular_file(gone) || gone) continue;
    std::string key = at->path().string().substr(root_.size() + 1);
    const uint64_t bytes = at->file_size(gone);
    if (!gone && key.starts_with(prefix) && !key.starts_with(kIncoming)) all.push_back({std::move(key), bytes});
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return fail(Code::kRetry, fmt::format("{}: can't list {}: {}", where_, prefix, error.message()));
  std::sort(all.begin(), all.end(), [](const Object& a, const Object& b) { return a.key < b.key; });
  return all;
}

void DirectoryStore::remove_old_attempts(env::TimeUs now_us) const {
  std::error_code error;
  for (fs::directory_iterator at(root_, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    struct stat found{};
    if (!at->path().filename().string().starts_with(kIncoming) || ::stat(at->path().c_str(), &found) != 0) continue;
    // A younger attempt may be another process's, at work now.
    if (now_us - found.st_mtime * 1'000'000 > kDayUs) ::unlink(at->path().c_str());
  }
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_directory_store(const std::string& directory, const std::string& to,
                                                          env::Clock& clock, env::Random& random) {
  std::string root = fs::path(directory).lexically_normal().string();
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  std::error_code error;
  fs::create_directories(root, error);
  if (error || ::access(root.c_str(), R_OK | W_OK | X_OK) != 0)
    return fail(Code::kInvalid, fmt::format("{}: can't be written: {}", to,
                                            error ? error.message() : std::string(std::strerror(errno))));
  auto store = std::make_unique<DirectoryStore>(std::move(root), to, random);
  store->remove_old_attempts(clock.now_us());
  return store;
}

}  // namespace freshet::objectstore
