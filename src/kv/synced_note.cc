// One line of a fixed size, far below a sector: it is written as a whole or not at all.
#include "kv/synced_note.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/assert.h"
#include "env/file.h"
#include "kv/crc32c.h"

namespace freshet::kv {
namespace {

constexpr size_t kSaidBytes = 70;  // synced:, manifest: and the numbers with leading zeros
constexpr size_t kNoteBytes = 87;  // and its checksum

// synced: 00000000000000001234 manifest: 0000000012 00000000000000004567 crc32c: 89abcdef
std::string note_text(const Noted& noted) {
  char text[kNoteBytes + 1];
  std::snprintf(text, sizeof text, "synced: %020" PRIu64 " manifest: %010" PRIu64 " %020" PRIu64, noted.synced,
                noted.manifest.number, noted.manifest.bytes);
  std::snprintf(text + kSaidBytes, sizeof text - kSaidBytes, " crc32c: %08x", crc32c({text, kSaidBytes}));
  return {text, kNoteBytes};
}

Error note_error(const std::string& path, const char* what) {
  return {Code::kFatal, path + ": can't " + what + ": " + std::strerror(errno)};
}

}  // namespace

std::optional<Manifest> manifest_of(const std::string& directory) {
  std::ifstream in(directory + "/CURRENT");
  std::string name;
  std::error_code error;
  if (!std::filesystem::is_regular_file(directory + "/CURRENT", error) || !(in >> name)) return std::nullopt;
  const uintmax_t bytes = std::filesystem::file_size(directory + "/" + name, error);
  const size_t dash = name.find('-');
  if (error || dash == std::string::npos) return std::nullopt;
  return Manifest{std::strtoull(name.c_str() + dash + 1, nullptr, 10), bytes};
}

Result<std::optional<Noted>> SyncedNote::read(const std::string& directory) {
  const std::string path = path_of(directory);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  if (!std::filesystem::is_regular_file(path, error)) return fail(Code::kCorrupt, path + " is not a file");
  const std::string text = env::read_file(path).value_or("");
  Noted noted;
  const bool read = std::sscanf(text.c_str(), "synced: %" SCNu64 " manifest: %" SCNu64 " %" SCNu64, &noted.synced,
                                &noted.manifest.number, &noted.manifest.bytes) == 3;
  if (!read || text != note_text(noted)) return fail(Code::kCorrupt, path + " is damaged");
  return noted;
}

Result<std::unique_ptr<SyncedNote>> SyncedNote::make(const std::string& directory, const Noted& noted) {
  const std::string path = path_of(directory);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) std::filesystem::remove_all(path, error);
  env::Descriptor file(path, O_CREAT | O_WRONLY);
  if (!file.is_open()) return tl::unexpected(note_error(path, "open"));
  const std::string text = note_text(noted);
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0 || ::fsync(file.get()) != 0)
    return tl::unexpected(note_error(path, "write"));
  return std::unique_ptr<SyncedNote>(new SyncedNote(path, std::move(file), noted));
}

Status SyncedNote::raise(uint64_t synced) {
  const std::lock_guard lock(mutex_);
  if (synced <= noted_.synced) return {};
  noted_.synced = synced;
  return write();
}

Status SyncedNote::raise(const Manifest& manifest) {
  const std::lock_guard lock(mutex_);
  if (manifest <= noted_.manifest) return {};
  noted_.manifest = manifest;
  return write();
}

Status SyncedNote::write() {
  const std::string text = note_text(noted_);
  FRESHET_ASSERT(text.size() == kNoteBytes);
  if (::pwrite(file_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return tl::unexpected(note_error(path_, "write"));
  return {};
}

}  // namespace freshet::kv
