// The journal of a run on a living cluster, which one process at a time works on.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::app {

class JournalLock {
 public:
  // kConflict: another process has it; `advice` says what to do about that one.
  [[nodiscard]] static Result<std::unique_ptr<JournalLock>> take(const std::string& journal_path,
                                                                 std::string_view advice);
  ~JournalLock();
  JournalLock(const JournalLock&) = delete;
  JournalLock& operator=(const JournalLock&) = delete;

 private:
  explicit JournalLock(int file) : file_(file) {}
  const int file_;
};

}  // namespace freshet::app
