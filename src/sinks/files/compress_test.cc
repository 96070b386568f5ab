#include "sinks/files/compress.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <zlib.h>
#include <zstd.h>

namespace freshet::sinks {
namespace {

std::string gunzipped(const std::string& bytes, size_t size) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string in = bytes;
  std::string out(size + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

RC_GTEST_PROP(Compress, IsReadBackByTheLibraries, (const std::string& text)) {
  const std::string zstd = compressed(text, model::Compression::kZstd);
  std::string out(text.size() + 1, '\0');
  out.resize(ZSTD_decompress(out.data(), out.size(), zstd.data(), zstd.size()));
  RC_ASSERT(out == text);
  const std::string gzip = compressed(text, model::Compression::kGzip);
  RC_ASSERT(gunzipped(gzip, text.size()) == text);
  RC_ASSERT(gzip == compressed(text, model::Compression::kGzip));
  RC_ASSERT(compressed(text, model::Compression::kNone) == text);
}

}  // namespace
}  // namespace freshet::sinks
