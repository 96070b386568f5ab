// Files as people have them: plain, gzip, zstd; also several compressed files joined into one,
// which cat makes and both formats allow.

#include "app/content.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/assert.h"

namespace freshet::app {
namespace {

constexpr size_t kInputBytes = 256u << 10;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// What is left of the file, through a buffer.
class Input {
 public:
  Input(std::FILE* file, std::string path, uint64_t size)
      : file_(file), path_(std::move(path)), size_(size), buffer_(kInputBytes, '\0') {}

  // Reads on if nothing is left; false at the end.
  Result<bool> fill() {
    if (!left_.empty()) return true;
    const size_t count = std::fread(buffer_.data(), 1, buffer_.size(), file_.get());
    if (count == 0 && std::ferror(file_.get()) != 0) return fail(Code::kCorrupt, path_ + ": can't be read to its end");
    left_ = std::string_view(buffer_).substr(0, count);
    position_ += count;
    return count > 0;
  }

  [[nodiscard]] std::string_view left() const { return left_; }
  void take(size_t count) {
    FRESHET_ASSERT(count <= left_.size());
    left_.remove_prefix(count);
  }
  [[nodiscard]] uint64_t position() const { return position_ - left_.size(); }
  [[nodiscard]] uint64_t size() const { return size_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::string path_;
  uint64_t size_;
  std::string buffer_;
  std::string_view left_;
  uint64_t position_ = 0;
};

// What all formats have in common: they turn input into output until both are done.
class Reader : public Content {
 public:
  explicit Reader(Input input) : input_(std::make_unique<Input>(std::move(input))) {}

  Result<size_t> read(std::span<char> out) final {
    size_t done = 0;
    while (done < out.size()) {
      FRESHET_ASSIGN(const auto more, input_->fill());
      if (!more && !inside()) break;
      // Without input there may still be output that the decompressor holds back.
      auto count = step(out.subspan(done));
      if (!count) return count;
      if (!more && *count == 0 && inside())
        return fail(Code::kCorrupt, input_->path() + ": the compressed data is cut off");
      done += *count;
      FRESHET_ASSERT(done <= out.size());
    }
    return done;
  }
  uint64_t file_position() const final { return input_->position(); }
  uint64_t file_size() const final { return input_->size(); }

 protected:
  // Turns some of what is left into output. Both may be nothing, but not for ever.
  virtual Result<size_t> step(std::span<char> out) = 0;
  // Whether it is in the middle of a member or frame, so that an end here is a damage.
  [[nodiscard]] virtual bool inside() const = 0;
  Input& input() { return *input_; }
  [[nodiscard]] tl::unexpected<Error> damaged() const {
    return fail(Code::kCorrupt, input_->path() + ": the compressed data is damaged");
  }

 private:
  std::unique_ptr<Input> input_;
};

class Plain final : public Reader {
 public:
  using Reader::Reader;

 protected:
  Result<size_t> step(std::span<char> out) override {
    const size_t count = std::min(out.size(), input().left().size());
    std::memcpy(out.data(), input().left().data(), count);
    input().take(count);
    return count;
  }
  bool inside() const override { return false; }
};

class Gzip final : public Reader {
 public:
  // 15 + 16 means the largest window, and gzip only: raw zlib has no magic number to be told by.
  explicit Gzip(Input source) : Reader(std::move(source)) { inflateInit2(&stream_, 15 + 16); }
  ~Gzip() override { inflateEnd(&stream_); }

 protected:
  Result<size_t> step(std::span<char> out) override {
    const std::string_view left = input().left();
    // Padding may lie behind the last member, as tape writers leave it.
    if (!inside_ && left.front() == '\0') {
      input().take(1);
      return size_t{0};
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(left.data()));
    stream_.avail_in = static_cast<uInt>(left.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(out.size(), 1u << 30));
    const uInt room = stream_.avail_out;
    inside_ = true;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return damaged();
    input().take(left.size() - stream_.avail_in);
    if (status == Z_STREAM_END) {
      inside_ = false;
      inflateReset(&stream_);
    }
    return static_cast<size_t>(room - stream_.avail_out);
  }
  bool inside() const override { return inside_; }

 private:
  z_stream stream_{};
  bool inside_ = false;
};

class Zstd final : public Reader {
 public:
  explicit Zstd(Input source) : Reader(std::move(source)), stream_(ZSTD_createDStream()) { ZSTD_initDStream(stream_); }
  ~Zstd() override { ZSTD_freeDStream(stream_); }

 protected:
  Result<size_t> step(std::span<char> out) override {
    ZSTD_inBuffer from{input().left().data(), input().left().size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const size_t status = ZSTD_decompressStream(stream_, &to, &from);
    if (ZSTD_isError(status) != 0) return damaged();
    input().take(from.pos);
    inside_ = status != 0;
    return to.pos;
  }
  bool inside() const override { return inside_; }

 private:
  ZSTD_DStream* stream_;
  bool inside_ = false;
};

}  // namespace

Result<std::unique_ptr<Content>> Content::open(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return fail(Code::kInvalid, path + ": is a directory, not a file");
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return fail(Code::kInvalid, path + ": can't be opened");
  const uint64_t size = std::filesystem::file_size(path, error);
  Input input(file, path, error ? 0 : size);
  // The format is told by the first bytes (RFC 1952, RFC 8878), since names lie.
  if (const auto any = input.fill(); !any) return tl::unexpected<Error>(any.error());
  if (input.left().starts_with("\x1f\x8b")) return std::unique_ptr<Content>(std::make_unique<Gzip>(std::move(input)));
  if (input.left().starts_with("\x28\xb5\x2f\xfd"))
    return std::unique_ptr<Content>(std::make_unique<Zstd>(std::move(input)));
  return std::unique_ptr<Content>(std::make_unique<Plain>(std::move(input)));
}

}  // namespace freshet::app
