#include "sinks/files/compress.h"

#include <zlib.h>
#include <zstd.h>

#include "base/assert.h"

namespace freshet::sinks {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to say: gzip
constexpr int kGzipMemory = 8;        // its default
constexpr int kZstdLevel = 3;

std::string gzip_of(std::string_view text) {
  z_stream stream{};
  FRESHET_ASSERT(
      deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // NOLINT: zlib only reads it
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  FRESHET_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd_of(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), kZstdLevel);
  FRESHET_ASSERT(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

}  // namespace

std::string compressed(std::string_view text, model::Compression how) {
  switch (how) {
    case model::Compression::kGzip: return gzip_of(text);
    case model::Compression::kZstd: return zstd_of(text);
    case model::Compression::kNone: break;
  }
  return std::string(text);
}

std::string_view suffix_of(model::Compression how) {
  switch (how) {
    case model::Compression::kGzip: return ".gz";
    case model::Compression::kZstd: return ".zst";
    case model::Compression::kNone: break;
  }
  return "";
}

}  // namespace freshet::sinks
