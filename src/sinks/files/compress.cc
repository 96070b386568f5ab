#include "sinks/files/compress.h"

#include <zstd.h>

#include "base/assert.h"
#include "http/text.h"

namespace freshet::sinks {
namespace {

constexpr int kZstdLevel = 3;

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
    case model::Compression::kGzip: return http::gzip(text);
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
