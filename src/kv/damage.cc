#include "kv/damage.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "env/file.h"
#include "kv/synced_note.h"
#include "kv/wal.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::kv {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSetAside = ".damaged";
constexpr uint64_t kRoomBytesMin = 256u << 10;

bool has_current(const std::string& directory) {
  std::error_code error;
  return fs::exists(directory + "/CURRENT", error);
}

// A store that was made but never finished has no such file yet; one that has one of them was used.
Status check_current(const std::string& directory) {
  std::error_code error;
  const bool is_there = has_current(directory);
  if (is_there && fs::is_regular_file(directory + "/CURRENT", error)) return {};
  if (is_there)
    return fail(Code::kCorrupt, fmt::format("store {0}: {0}/CURRENT is not a file; restore the directory from a "
                                            "checkpoint or a copy",
                                            directory));
  for (fs::directory_iterator file(directory, error), end; !error && file != end; file.increment(error)) {
    const std::string kind = file->path().extension().string();
    if (kind == ".sst" || kind == ".blob" || kind == ".log")
      return fail(Code::kCorrupt, fmt::format("store {0}: the file {0}/CURRENT is missing, so none of its rows can be "
                                              "found; restore the directory from a checkpoint or a copy",
                                              directory));
  }
  return {};
}

// RocksDB writes some files anew when it opens a store, and what lies in the write-ahead logs; where there is no room
// for them it ends in an assertion of its own.
Status check_room(const std::string& directory) {
  uint64_t bytes = kRoomBytesMin;
  std::error_code error;
  for (fs::directory_iterator file(directory, error), end; !error && file != end; file.increment(error)) {
    std::error_code gone;
    if (file->path().extension() == ".log" && file->is_regular_file(gone)) bytes += file->file_size(gone);
  }
  const std::string probe = directory + "/ROOM_PROBE";
  int failed = 0;
  {
    const env::Descriptor opened(probe, O_CREAT | O_WRONLY);
    failed = opened.is_open() ? ::posix_fallocate(opened.get(), 0, static_cast<off_t>(bytes)) : errno;
  }
  ::unlink(probe.c_str());
  if (failed == 0 || failed == EOPNOTSUPP || failed == EINVAL) return {};
  const bool full = failed == ENOSPC || failed == EDQUOT;
  return fail(Code::kFatal, fmt::format("store {}: can't be opened, it needs {} KiB: {}{}", directory, bytes >> 10,
                                        std::strerror(failed), full ? "; free disk space and start again" : ""));
}

// A note that can't be read costs nothing but the look at what it promised.
Result<Noted> noted(const std::string& directory) {
  const auto note = SyncedNote::read(directory);
  if (note) {
    if (!*note && has_current(directory))
      log::warn("{} is missing and is made anew: rows that the store may have lost before can't be noticed",
                SyncedNote::path_of(directory));
    return note->value_or(Noted{});
  }
  if (note.error().code != Code::kCorrupt) return tl::unexpected(note.error());
  log::warn("{} and is made anew: rows that the store may have lost before can't be noticed", note.error().message);
  return Noted{};
}

// A manifest that is cut short is one that RocksDB reads without a complaint: it deletes the files that it does not
// know.
Status check_manifest(const std::string& directory, const Manifest& noted) {
  const auto manifest = manifest_of(directory);
  if (noted.number == 0 || !manifest || *manifest >= noted) return {};  // One that is missing RocksDB tells itself.
  return fail(Code::kCorrupt, fmt::format("store {0}: {0}/MANIFEST-{1:06} has {2} bytes, but MANIFEST-{3:06} was noted "
                                          "with {4}: files that it named can't be found; restore the directory from a "
                                          "checkpoint or a copy",
                                          directory, manifest->number, manifest->bytes, noted.number, noted.bytes));
}

// The unreadable rest goes away, but for a copy: RocksDB would throw it away at its start, or read on behind a gap.
Status cut_wals(const std::string& directory, const WalEnd& end) {
  std::error_code error;
  fs::create_directories(directory + kSetAside, error);
  std::vector<std::string> files = end.after;
  files.push_back(end.file);
  for (const std::string& file : files) {
    const std::string path = directory + "/" + file;
    if (!error) fs::copy_file(path, directory + kSetAside + "/" + file, fs::copy_options::overwrite_existing, error);
    if (!error && file != end.file) fs::remove(path, error);
  }
  if (!error) fs::resize_file(directory + "/" + end.file, end.at, error);
  if (error) return fail(Code::kFatal, fmt::format("store {}: {}: {}", directory, end.file, error.message()));
  return {};
}

}  // namespace

Error rows_missing(const std::string& directory, const std::string& why, uint64_t last, uint64_t synced) {
  const std::string many = synced == 0 ? std::string("rows") : fmt::format("{} of {} rows", synced - last, synced);
  return {Code::kCorrupt, fmt::format("store {}: {}: {} that were synced are missing, those behind row {}; restore the "
                                      "directory from a copy",
                                      directory, why, many, last)};
}

Result<Promised> check_files(const Options& options, const std::function<Result<uint64_t>()>& last_row) {
  FRESHET_TRY(check_current(options.path));
  FRESHET_TRY(check_room(options.path));
  Promised promised;
  if (!options.note_synced) return promised;
  FRESHET_ASSIGN(const Noted note, noted(options.path));
  promised.synced = note.synced;
  if (!has_current(options.path)) {
    if (promised.synced == 0) return promised;
    return tl::unexpected(rows_missing(options.path, "its files are missing", 0, promised.synced));
  }
  FRESHET_TRY(check_manifest(options.path, note.manifest));
  FRESHET_ASSIGN(const WalEnd end, read_wals(options.path));
  // Behind the synced rows lies what a crash tore off. Without a note, what can be read behind a damage tells it from
  // that.
  const bool lost = promised.synced > 0 ? end.sequence < promised.synced : end.more;
  if (lost && !end.why.empty()) {
    const std::string why = fmt::format("{}/{} at byte {}: {}", options.path, end.file, end.at, end.why);
    Error error = rows_missing(options.path, why, end.sequence, promised.synced);
    if (!options.accept_loss) return tl::unexpected(std::move(error));
    log::error("{}; going on without them, what was taken away lies in {}{}", error.message, options.path, kSetAside);
    FRESHET_TRY(cut_wals(options.path, end));
    promised.cut = true;
    return promised;
  }
  if (!lost || options.accept_loss) return promised;
  FRESHET_ASSIGN(const uint64_t last, last_row());
  if (last >= promised.synced) return promised;
  const std::string why = end.file.empty() ? std::string("its write-ahead log is missing")
                                           : fmt::format("{}/{} ends too early", options.path, end.file);
  return tl::unexpected(rows_missing(options.path, why, last, promised.synced));
}

Result<std::string> set_aside(const std::string& directory) {
  const std::string aside = directory + kSetAside;
  std::error_code error;
  fs::remove_all(aside, error);
  fs::remove(SyncedNote::path_of(directory), error);
  if (!fs::exists(directory, error)) return aside;
  fs::rename(directory, aside, error);
  if (error) return fail(Code::kFatal, fmt::format("{}: can't be moved aside: {}", directory, error.message()));
  telemetry::counter("freshet_store_set_aside_total", "Stores that were damaged, and renamed to begin anew.").add();
  return aside;
}

}  // namespace freshet::kv
