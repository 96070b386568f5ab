// The lock is on a file beside the journal, which is replaced whenever it is written.
#include "app/journal_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

namespace freshet::app {

Result<std::unique_ptr<JournalLock>> JournalLock::take(const std::string& journal_path, std::string_view advice) {
  const std::string path = journal_path + ".lock";
  env::Descriptor file(path, O_CREAT | O_RDWR);
  if (!file.is_open()) return fail(Code::kInvalid, fmt::format("{}: can't open: {}", path, std::strerror(errno)));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Code::kConflict, fmt::format("{}: another process works by this journal; {}", journal_path, advice));
  return std::unique_ptr<JournalLock>(new JournalLock(std::move(file)));
}

}  // namespace freshet::app
