// Compression of bodies, and decompression, bounded in memory: what a body unpacks to is not known before, and its
// sender may be hostile.

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "http/text.h"
#include "http/undeflate.h"

namespace freshet::http {
namespace {

// zlib's way to say: use the largest window, and find out whether it is gzip or zlib.
constexpr int kGzipOrZlib = 15 + 32;
// Likewise: the largest window, and no header.
constexpr int kRawDeflate = -15;
// Likewise: use the largest window, and write gzip.
constexpr int kGzip = 15 + 16;
constexpr int kGzipMemory = 8;  // its default
// Deflate can't do better (zlib's technical notes), so no honest body needs more room at once.
constexpr size_t kRatioMax = 1032;
constexpr size_t kFirstOutput = 16 << 10;

class Inflater {
 public:
  explicit Inflater(int format) { FRESHET_ASSERT(inflateInit2(&stream_, format) == Z_OK); }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

// The last four bytes of a gzip member tell how long its text is (RFC 1952, section 2.3.1). Anybody
// can write there, so this is a hint only.
size_t guess_size(std::string_view body, size_t bytes_max) {
  size_t hint = kFirstOutput;
  if (body.size() > 18 && body[0] == '\x1f') {
    hint = 0;
    for (size_t i = 1; i <= 4; ++i) hint = hint << 8 | static_cast<unsigned char>(body[body.size() - i]);
  }
  return std::min({hint, bytes_max, body.size() * kRatioMax}) + 1;
}

tl::unexpected<Error> damaged(const z_stream& stream, const char* what) {
  return fail(Code::kInvalid, std::string("compressed body is damaged near byte ") + std::to_string(stream.total_in) +
                                  ": " + (stream.msg != nullptr ? stream.msg : what));
}

// Both begin with two bytes of their own (RFC 1952, 2.3.1; RFC 1950, 2.2). As raw deflate, those of zlib would be a
// stored block with bits set where encoders write zeros.
bool has_header(std::string_view body) {
  if (body.size() < 2) return false;
  const auto byte = [&](size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(body[i])); };
  return (byte(0) == 0x1f && byte(1) == 0x8b) || ((byte(0) & 0x8fu) == 0x08 && (byte(0) << 8 | byte(1)) % 31 == 0);
}

bool is_gzip(const z_stream& stream) {
  return stream.avail_in >= 2 && stream.next_in[0] == 0x1f && stream.next_in[1] == 0x8b;
}

Result<std::optional<std::string>> inflate_all(std::string_view body, size_t bytes_max, int format) {
  if (body.size() > std::numeric_limits<uInt>::max()) return fail(Code::kInvalid, "compressed body is over 4 GiB");
  Inflater inflater(format);
  z_stream& stream = inflater.stream();
  // zlib takes a pointer that is not const but only reads from it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out(guess_size(body, bytes_max), '\0');
  size_t used = 0;
  while (true) {
    const size_t room = std::min<size_t>(out.size() - used, std::numeric_limits<uInt>::max());
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream, Z_NO_FLUSH);
    used += room - stream.avail_out;
    FRESHET_ASSERT(used <= out.size());
    if (used > bytes_max) return std::nullopt;
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      // Another member may follow: `cat a.gz b.gz` is a gzip file too (RFC 1952, section 2.2).
      if (!is_gzip(stream)) return damaged(stream, "more bytes after the end of the compressed data");
      FRESHET_ASSERT(inflateReset(&stream) == Z_OK);
      // zlib asks for more input although it has room for output: there is none.
    } else if (result == Z_BUF_ERROR && stream.avail_out > 0) {
      return damaged(stream, "it ends too early");
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return damaged(stream, "it is not packed so");
    } else if (stream.avail_in == 0 && stream.avail_out > 0) {
      return damaged(stream, "it ends too early");
    }
    // One byte more than allowed is enough to notice that a body is too large.
    if (used == out.size()) out.resize(std::min(out.size() * 2, bytes_max + 1));
  }
  out.resize(used);
  return out;
}

}  // namespace

Result<std::optional<std::string>> gunzip(std::string_view body, size_t bytes_max) {
  return inflate_all(body, bytes_max, kGzipOrZlib);
}

Result<std::optional<std::string>> undeflate(std::string_view body, size_t bytes_max) {
  return inflate_all(body, bytes_max, has_header(body) ? kGzipOrZlib : kRawDeflate);
}

std::string gzip(std::string_view body) {
  z_stream stream{};
  FRESHET_ASSERT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kGzipMemory, Z_DEFAULT_STRATEGY) ==
                 Z_OK);
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // NOLINT: zlib only reads it
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  FRESHET_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace freshet::http
