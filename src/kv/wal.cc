// A write-ahead log is followed from write to write: each must be whole, and its first row the one after the last row
// of the write before. So neither a damaged byte nor a block of zeros nor a missing file goes unseen.
#include "kv/wal.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "env/file.h"
#include "kv/crc32c.h"

namespace freshet::kv {
namespace {

namespace fs = std::filesystem;

constexpr size_t kWalBlockBytes = 32u << 10;
constexpr size_t kWalHeaderBytes = 7;           // crc, length, type
constexpr size_t kWalRecycledHeaderBytes = 11;  // and the log's number
constexpr size_t kWriteHeaderBytes = 12;        // sequence, count
enum WalType : uint8_t { kWalFull = 1, kWalFirst = 2, kWalMiddle = 3, kWalLast = 4, kWalRecycled = 4, kWalTypeMax = 8 };

template <class T>
T little_endian(std::string_view bytes) {
  T value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = static_cast<T>(value << 8 | static_cast<uint8_t>(bytes[i]));
  return value;
}

uint32_t unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return rotated >> 17 | rotated << 15;
}

// A piece of a write: as much of it as lies in one block.
struct WalPiece {
  uint8_t type = 0;  // kWalFull to kWalLast
  std::string_view bytes;
  size_t end = 0;  // the byte behind it
};

// The piece at `at`; nullopt: none is there, for the reason given.
std::optional<WalPiece> piece_at(std::string_view file, size_t at, const char*& why) {
  const size_t room = kWalBlockBytes - at % kWalBlockBytes;
  why = "it ends in the midst of a write";
  if (file.size() - at < kWalHeaderBytes) return std::nullopt;
  const std::string_view header = file.substr(at, kWalHeaderBytes);
  const auto size = little_endian<uint16_t>(header.substr(4, 2));
  const auto type = static_cast<uint8_t>(header[6]);
  const size_t header_bytes = type > kWalRecycled ? kWalRecycledHeaderBytes : kWalHeaderBytes;
  if (file.size() - at < header_bytes + size) return std::nullopt;
  why = "damaged bytes";
  if (type == 0 || type > kWalTypeMax || header_bytes + size > room) return std::nullopt;
  const std::string_view checked = file.substr(at + kWalHeaderBytes - 1, header_bytes - kWalHeaderBytes + 1 + size);
  if (crc32c(checked) != unmask(little_endian<uint32_t>(header.substr(0, 4)))) return std::nullopt;
  return WalPiece{static_cast<uint8_t>(type > kWalRecycled ? type - kWalRecycled : type),
                  file.substr(at + header_bytes, size), at + header_bytes + size};
}

// Blocks end in up to six bytes that no header fits in.
size_t skip_trailer(size_t at) {
  const size_t room = kWalBlockBytes - at % kWalBlockBytes;
  return room < kWalHeaderBytes ? at + room : at;
}

// Whether writes follow the damage at `at`: behind the damaged piece, or from the next block on.
bool has_more(std::string_view file, size_t at) {
  const char* why = nullptr;
  if (file.size() - at >= kWalHeaderBytes) {
    const size_t next = skip_trailer(at + kWalHeaderBytes + little_endian<uint16_t>(file.substr(at + 4, 2)));
    if (next < file.size() && piece_at(file, next, why)) return true;
  }
  for (size_t block = (at / kWalBlockBytes + 1) * kWalBlockBytes; block < file.size(); block += kWalBlockBytes) {
    if (piece_at(file, block, why)) return true;
  }
  return false;
}

// Follows the writes of one file after another.
class WalReader {
 public:
  void follow(const std::string& name, std::string_view file) {
    end_ = {end_.sequence, name, 0, {}, false, {}};
    size_t at = 0;
    while (at < file.size()) {
      const char* why = nullptr;
      const size_t next = write_at(file, at, why);
      if (next == 0) {
        end_.why = why;
        end_.more = rows_missing_ || has_more(file, at);
        return;
      }
      at = skip_trailer(next);
      end_.at = std::min(at, file.size());
    }
  }
  [[nodiscard]] WalEnd& end() { return end_; }

 private:
  // The byte behind the write at `at`; 0: there is none that goes on where the one before has ended.
  size_t write_at(std::string_view file, size_t at, const char*& why) {
    head_.clear();
    for (bool begun = false;; begun = true) {
      why = "it ends in the midst of a write";
      if (at >= file.size()) return 0;
      const auto piece = piece_at(file, at, why);
      if (!piece) return 0;
      why = "the pieces of a write don't belong together";
      if (begun != (piece->type == kWalMiddle || piece->type == kWalLast)) return 0;
      if (head_.size() < kWriteHeaderBytes) head_.append(piece->bytes.substr(0, kWriteHeaderBytes - head_.size()));
      at = skip_trailer(piece->end);
      if (piece->type == kWalFull || piece->type == kWalLast) return take_write(why) ? piece->end : 0;
    }
  }

  bool take_write(const char*& why) {
    why = "a write that is too short";
    if (head_.size() < kWriteHeaderBytes) return false;
    const auto sequence = little_endian<uint64_t>(head_);
    const auto count = little_endian<uint32_t>(std::string_view(head_).substr(8));
    why = "the rows before it are missing";
    if (count == 0) return true;  // RocksDB's own mark after a recovery: it has no row.
    rows_missing_ = end_.sequence > 0 && sequence > end_.sequence + 1;
    if (rows_missing_) return false;
    end_.sequence = std::max(end_.sequence, sequence + count - 1);
    return true;
  }

  WalEnd end_;
  std::string head_;  // of the write under way
  bool rows_missing_ = false;
};

// 000012.log; their order is that of their numbers.
std::vector<std::string> wal_files(const std::string& directory) {
  std::vector<std::pair<uint64_t, std::string>> numbered;
  std::error_code error;
  for (fs::directory_iterator file(directory, error), end; !error && file != end; file.increment(error)) {
    const std::string name = file->path().filename().string();
    const std::string stem = file->path().stem().string();
    if (file->path().extension() != ".log" || stem.empty() || !std::all_of(stem.begin(), stem.end(), ::isdigit))
      continue;
    numbered.emplace_back(std::strtoull(stem.c_str(), nullptr, 10), name);
  }
  std::sort(numbered.begin(), numbered.end());
  std::vector<std::string> names;
  for (auto& [number, name] : numbered) names.push_back(std::move(name));
  return names;
}

}  // namespace

// What follows the torn end of a file may go on where that has ended: then a crash was recovered from in between.
Result<WalEnd> read_wals(const std::string& directory) {
  WalReader reader;
  for (const std::string& name : wal_files(directory)) {
    const std::string path = directory + "/" + name;
    std::error_code error;
    if (!fs::is_regular_file(path, error)) return fail(Code::kCorrupt, path + " is not a file");
    const auto file = env::read_file(path);
    if (!file) return fail(Code::kFatal, path + ": can't be read");
    WalReader next = reader;
    next.follow(name, *file);
    if (reader.end().why.empty() || next.end().sequence > reader.end().sequence) {
      reader = std::move(next);
    } else {
      reader.end().after.push_back(name);
      reader.end().more = reader.end().more || next.end().more;
    }
  }
  return reader.end();
}

}  // namespace freshet::kv
