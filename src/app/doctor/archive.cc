// A header of ustar is 512 bytes: name[100] mode[8] uid[8] gid[8] size[12] mtime[12] checksum[8] type[1] link[100]
// "ustar\0" "00" owner[32] group[32] …; numbers are octal digits with a NUL behind them. The content follows, filled up
// to 512 bytes; two blocks of zeros end the archive.
#include "app/doctor/archive.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>

#include "base/assert.h"

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

std::string gzip(std::string_view bytes) {
  constexpr int kGzip = 15 + 16;  // of zlib: the largest window, with gzip's header
  z_stream stream{};
  FRESHET_ASSERT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  // zlib takes it as not constant, and changes nothing.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  FRESHET_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Status write_new_file(const std::string& path, std::string_view bytes) {
  const int file = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) {
    const Code code = errno == EEXIST ? Code::kConflict : Code::kInvalid;
    return fail(code, fmt::format("{}: can't be made: {}", path, std::strerror(errno)));
  }
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote = ::write(file, bytes.data() + done, bytes.size() - done);
    if (wrote <= 0) break;
    done += static_cast<size_t>(wrote);
  }
  ::close(file);
  if (done == bytes.size()) return {};
  return fail(Code::kFatal, fmt::format("{}: can't be written: {}", path, std::strerror(errno)));
}

}  // namespace freshet::app
