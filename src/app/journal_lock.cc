// The lock is on a file beside the journal, which is replaced whenever it is written.
#include "app/journal_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace freshet::app {

Result<std::unique_ptr<JournalLock>> JournalLock::take(const std::string& journal_path, std::string_view advice) {
  const std::string path = journal_path + ".lock";
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return fail(Code::kInvalid, fmt::format("{}: can't open: {}", path, std::strerror(errno)));
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    ::close(file);
    return fail(Code::kConflict, fmt::format("{}: another process works by this journal; {}", journal_path, advice));
  }
  return std::unique_ptr<JournalLock>(new JournalLock(file));
}

JournalLock::~JournalLock() { ::close(file_); }

}  // namespace freshet::app
