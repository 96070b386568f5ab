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
#include <iterator>

#include "base/assert.h"
#include "kv/crc32c.h"

namespace freshet::kv {
namespace {

constexpr size_t kSaidBytes = 28;  // synced: and the number with leading zeros
constexpr size_t kNoteBytes = 45;  // and its checksum

// synced: 00000000000000001234 crc32c: 89abcdef
std::string note_text(uint64_t synced) {
  char text[kNoteBytes + 1];
  std::snprintf(text, sizeof text, "synced: %020" PRIu64, synced);
  std::snprintf(text + kSaidBytes, sizeof text - kSaidBytes, " crc32c: %08x", crc32c({text, kSaidBytes}));
  return {text, kNoteBytes};
}

Error note_error(const std::string& path, const char* what) {
  return {Code::kFatal, path + ": can't " + what + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::optional<uint64_t>> SyncedNote::read(const std::string& directory) {
  const std::string path = path_of(directory);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  if (!std::filesystem::is_regular_file(path, error)) return fail(Code::kCorrupt, path + " is not a file");
  std::ifstream in(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const uint64_t synced = text.size() < kSaidBytes ? 0 : std::strtoull(text.c_str() + 8, nullptr, 10);
  if (text != note_text(synced)) return fail(Code::kCorrupt, path + " is damaged");
  return synced;
}

Result<std::unique_ptr<SyncedNote>> SyncedNote::make(const std::string& directory, uint64_t synced) {
  const std::string path = path_of(directory);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) std::filesystem::remove_all(path, error);
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return tl::unexpected(note_error(path, "open"));
  std::unique_ptr<SyncedNote> note(new SyncedNote(path, file, synced));
  const std::string text = note_text(synced);
  if (::pwrite(file, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(file, static_cast<off_t>(text.size())) != 0 || ::fsync(file) != 0)
    return tl::unexpected(note_error(path, "write"));
  return note;
}

SyncedNote::~SyncedNote() { ::close(file_); }

Status SyncedNote::raise(uint64_t synced) {
  const std::lock_guard lock(mutex_);
  if (synced <= synced_) return {};
  synced_ = synced;
  const std::string text = note_text(synced);
  FRESHET_ASSERT(text.size() == kNoteBytes);
  if (::pwrite(file_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return tl::unexpected(note_error(path_, "write"));
  return {};
}

}  // namespace freshet::kv
