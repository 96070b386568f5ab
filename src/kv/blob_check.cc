#include "kv/blob_check.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "kv/crc32c.h"

namespace freshet::kv {
namespace {

constexpr size_t kBlobHeaderBytes = 30;
constexpr size_t kBlobRecordBytes = 32;
constexpr size_t kBlobFooterBytes = 32;
constexpr uint32_t kBlobMagic = 2395959;

template <class T>
T number_at(std::string_view bytes, size_t at) {
  T value{};  // RocksDB writes in the order of the machine's bytes on all that we run on.
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// RocksDB masks checksums, so that one of bytes that have checksums in them is not weak.
uint32_t unmasked(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return rotated >> 17 | rotated << 15;
}

bool fits(uint32_t stored, std::string_view bytes) { return unmasked(stored) == crc32c(bytes); }

bool is_blob_footer(std::string_view bytes) {
  return bytes.size() == kBlobFooterBytes && number_at<uint32_t>(bytes, 0) == kBlobMagic &&
         fits(number_at<uint32_t>(bytes, 28), bytes.substr(0, 28));
}

struct BlobFile {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file;
  std::string path;
  uint64_t at = 0;

  [[nodiscard]] tl::unexpected<Error> damaged(std::string_view what) const {
    return fail(Code::kCorrupt, path + ": " + std::string(what) + " at byte " + std::to_string(at));
  }
  // Fewer bytes: the file ends.
  Result<std::string> read(size_t bytes) {
    std::string out(bytes, '\0');
    out.resize(std::fread(out.data(), 1, bytes, file.get()));
    if (std::ferror(file.get())) return fail(Code::kFatal, path + ": can't read: " + std::strerror(errno));
    return out;
  }
};

// Behind its header.
Result<BlobFile> open_blob_file(const std::string& path) {
  BlobFile in{{std::fopen(path.c_str(), "rbe"), &std::fclose}, path};
  if (in.file == nullptr)
    return fail(errno == ENOENT ? Code::kNotFound : Code::kFatal, path + ": can't open: " + std::strerror(errno));
  FRESHET_ASSIGN(const std::string header, in.read(kBlobHeaderBytes));
  if (header.size() < kBlobHeaderBytes) return in.damaged("it is too short");
  if (number_at<uint32_t>(header, 0) != kBlobMagic) return in.damaged("the header is damaged");
  in.at = kBlobHeaderBytes;
  return in;
}

}  // namespace

Status check_blob_ends(const std::string& path, uint64_t bytes) {
  FRESHET_ASSIGN(BlobFile in, open_blob_file(path));
  in.at = bytes - std::min<uint64_t>(bytes, kBlobFooterBytes);
  if (std::fseek(in.file.get(), static_cast<long>(in.at), SEEK_SET) != 0)
    return fail(Code::kFatal, path + ": can't read: " + std::strerror(errno));
  // One byte more: RocksDB looks for the footer where the file ends.
  FRESHET_ASSIGN(const std::string footer, in.read(kBlobFooterBytes + 1));
  if (footer.size() < kBlobFooterBytes) return in.damaged("it is too short");
  return is_blob_footer(footer) ? Status{} : in.damaged("the footer is damaged");
}

Result<uint64_t> check_blob_file(const std::string& path, uint64_t bytes) {
  FRESHET_ASSIGN(BlobFile in, open_blob_file(path));
  // The last bytes of a file that RocksDB still writes to are nobody's yet.
  while (in.at < bytes) {
    FRESHET_ASSIGN(const std::string record, in.read(kBlobRecordBytes));
    if (is_blob_footer(record)) return in.at + kBlobFooterBytes;
    if (record.size() < kBlobRecordBytes) return in.damaged("it is too short");
    if (!fits(number_at<uint32_t>(record, 24), {record.data(), 24})) return in.damaged("a record is damaged");
    const auto key = number_at<uint64_t>(record, 0);
    const auto value = number_at<uint64_t>(record, 8);
    if (key > bytes || value > bytes) return in.damaged("a record is longer than its file");
    FRESHET_ASSIGN(const std::string content, in.read(key + value));
    if (content.size() < key + value) return in.damaged("it is too short");
    if (!fits(number_at<uint32_t>(record, 28), content)) return in.damaged("a value is damaged");
    in.at += kBlobRecordBytes + content.size();
  }
  return in.at;
}

}  // namespace freshet::kv
