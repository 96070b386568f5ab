// The journal of a run on a living cluster as a file: written beside the old one and renamed, so that a crash leaves a
// whole one.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "app/small_file.h"
#include "base/result.h"

namespace freshet::app {

// nullopt: there is none. kCorrupt: it is damaged.
template <class Journal>
[[nodiscard]] Result<std::optional<Journal>> read_journal_file(const std::string& path,
                                                               Result<Journal> (*from_json)(const std::string&)) {
  FRESHET_ASSIGN(const auto file, read_small_file(path));
  if (!file) return std::nullopt;
  auto journal = from_json(file->text);
  if (!journal) return fail(Code::kCorrupt, path + ": " + journal.error().message);
  return *std::move(journal);
}

template <class Journal>
[[nodiscard]] Status write_journal_file(const std::string& path, const Journal& journal) {
  return write_small_file(path, to_json(journal) + "\n");
}

}  // namespace freshet::app
