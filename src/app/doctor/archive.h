// A .tar.gz of small texts. Private to the doctor.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet::app {

struct ArchiveFile {
  std::string name;  // up to 99 bytes
  std::string content;
};

// POSIX ustar (IEEE Std 1003.1, pax), each file for its owner alone, all changed at `changed_s` (since 1970). Same
// files, same bytes.
[[nodiscard]] std::string make_tar(const std::vector<ArchiveFile>& files, int64_t changed_s);

// Makes the file, for its owner alone. kConflict: there is one already.
[[nodiscard]] Status write_new_file(const std::string& path, std::string_view bytes);

}  // namespace freshet::app
