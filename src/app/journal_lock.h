// The journal of a run on a living cluster, which one process at a time works on.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "env/file.h"

namespace freshet::app {

class JournalLock {
 public:
  // kConflict: another process has it; `advice` says what to do about that one.
  [[nodiscard]] static Result<std::unique_ptr<JournalLock>> take(const std::string& journal_path,
                                                                 std::string_view advice);
  JournalLock(const JournalLock&) = delete;
  JournalLock& operator=(const JournalLock&) = delete;

 private:
  explicit JournalLock(env::Descriptor file) : file_(std::move(file)) {}
  const env::Descriptor file_;
};

}  // namespace freshet::app
