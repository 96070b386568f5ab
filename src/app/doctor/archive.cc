// A header of ustar is 512 bytes: name[100] mode[8] uid[8] gid[8] size[12] mtime[12] checksum[8] type[1] link[100]
// "ustar\0" "00" owner[32] group[32] …; numbers are octal digits with a NUL behind them. The content follows, filled up
// to 512 bytes; two blocks of zeros end the archive.
#include "app/doctor/archive.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "env/file.h"

namespace freshet::app {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kNameMax = 99;

std::string header_of(const ArchiveFile& file, int64_t changed_s) {
  FRESHET_ASSERT(!file.name.empty() && file.name.size() <= kNameMax);
  std::string header(kBlock, '\0');
  const auto put = [&header](size_t at, std::string_view text) { header.replace(at, text.size(), text); };
  put(0, file.name);
  put(100, "0000600");
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", file.content.size()));
  put(136, fmt::format("{:011o}", changed_s));
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum));
  header[154] = '\0';
  return header;
}

}  // namespace

std::string make_tar(const std::vector<ArchiveFile>& files, int64_t changed_s) {
  std::string out;
  for (const ArchiveFile& file : files) {
    out += header_of(file, changed_s) + file.content;
    out.append((kBlock - file.content.size() % kBlock) % kBlock, '\0');
  }
  return out.append(2 * kBlock, '\0');
}

Status write_new_file(const std::string& path, std::string_view bytes) {
  const env::Descriptor file(path, O_CREAT | O_EXCL | O_WRONLY);
  if (!file.is_open()) {
    const Code code = errno == EEXIST ? Code::kConflict : Code::kInvalid;
    return fail(code, fmt::format("{}: can't be made: {}", path, std::strerror(errno)));
  }
  if (env::write_all(file, bytes)) return {};
  return fail(Code::kFatal, fmt::format("{}: can't be written: {}", path, std::strerror(errno)));
}

}  // namespace freshet::app
