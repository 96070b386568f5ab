// The libraries' calls, one codec beside the other. Whatever is unpacked comes from strangers: each grows its output in
// steps, up to a bound, and trusts no size that it is told.
#include "cluster/protocol/packing.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "base/assert.h"
#include "base/big_endian.h"
#include "http/text.h"

namespace freshet::cluster::protocol {
namespace {

constexpr size_t kStepBytes = 64 << 10;
constexpr int kGzipWindow = 15 + 16;  // the largest, in gzip's format
constexpr int kZstdLevel = 3;         // as Kafka's clients

tl::unexpected<Error> damaged(const char* codec) { return fail(Code::kCorrupt, std::string("not ") + codec); }
tl::unexpected<Error> too_much() { return fail(Code::kInvalid, "it has more bytes than are looked at"); }

// Packing can't fail for want of room: each output has what its library says is enough.
std::string snappy_packed(std::string_view bytes) {
  size_t size = snappy_max_compressed_length(bytes.size());
  std::string out(size, '\0');
  FRESHET_ASSERT(snappy_compress(bytes.data(), bytes.size(), out.data(), &size) == SNAPPY_OK);
  out.resize(size);
  return out;
}

std::string lz4_packed(std::string_view bytes) {
  std::string out(LZ4F_compressFrameBound(bytes.size(), nullptr), '\0');
  const size_t size = LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), nullptr);
  FRESHET_ASSERT(LZ4F_isError(size) == 0);
  out.resize(size);
  return out;
}

std::string zstd_packed(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kZstdLevel);
  FRESHET_ASSERT(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

// Makes room for one more step behind what is there. false: the bound is reached.
bool make_room(std::string& out, size_t used, size_t bytes_max) {
  if (used > bytes_max) return false;
  out.resize(used + std::min(kStepBytes, bytes_max + 1 - used));
  return true;
}

// A stream that ends before its end is damaged, as is one that goes on without giving anything.
Result<std::string> gunzip(std::string_view packed, size_t bytes_max) {
  z_stream stream{};
  FRESHET_ASSERT(inflateInit2(&stream, kGzipWindow) == Z_OK);
  const std::unique_ptr<z_stream, void (*)(z_stream*)> end(&stream, [](z_stream* s) { inflateEnd(s); });
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  size_t used = 0;
  while (true) {
    if (!make_room(out, used, bytes_max)) return too_much();
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(out.size() - used);
    const int status = inflate(&stream, Z_NO_FLUSH);
    used = out.size() - stream.avail_out;
    if (status == Z_STREAM_END) break;
    if (status != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) return damaged("gzip");
  }
  if (used > bytes_max) return too_much();
  out.resize(used);
  return out;
}

// Appends one block, whose length stands in it.
Status unsnap_block(std::string_view block, size_t bytes_max, std::string& out) {
  size_t size = 0;
  if (snappy_uncompressed_length(block.data(), block.size(), &size) != SNAPPY_OK) return damaged("snappy");
  if (size > bytes_max - std::min(bytes_max, out.size())) return too_much();
  const size_t begin = out.size();
  out.resize(begin + size);
  if (snappy_uncompress(block.data(), block.size(), out.data() + begin, &size) != SNAPPY_OK) return damaged("snappy");
  return {};
}

// Java's producers write xerial's frame: a magic, two versions, then blocks, each behind its length.
Result<std::string> unsnap(std::string_view packed, size_t bytes_max) {
  constexpr std::string_view kMagic("\x82SNAPPY\0", 8);
  constexpr size_t kHead = 16;
  std::string out;
  if (!packed.starts_with(kMagic)) {
    FRESHET_TRY(unsnap_block(packed, bytes_max, out));
    return out;
  }
  if (packed.size() < kHead) return damaged("snappy");
  packed.remove_prefix(kHead);
  while (!packed.empty()) {
    if (packed.size() < 4) return damaged("snappy");
    const size_t size = read_big_endian<uint32_t>(packed);
    packed.remove_prefix(4);
    if (size > packed.size()) return damaged("snappy");
    FRESHET_TRY(unsnap_block(packed.substr(0, size), bytes_max, out));
    packed.remove_prefix(size);
  }
  return out;
}

// A frame says itself where it ends; what stands behind it is not looked at.
Result<std::string> unlz4(std::string_view packed, size_t bytes_max) {
  LZ4F_dctx* made = nullptr;
  FRESHET_ASSERT(LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)) == 0);
  const std::unique_ptr<LZ4F_dctx, void (*)(LZ4F_dctx*)> context(
      made, [](LZ4F_dctx* c) { static_cast<void>(LZ4F_freeDecompressionContext(c)); });
  std::string out;
  size_t used = 0;
  while (true) {
    if (!make_room(out, used, bytes_max)) return too_much();
    size_t room = out.size() - used;
    size_t taken = packed.size();
    const size_t status = LZ4F_decompress(context.get(), out.data() + used, &room, packed.data(), &taken, nullptr);
    if (LZ4F_isError(status) != 0) return damaged("LZ4");
    used += room;
    packed.remove_prefix(taken);
    if (status == 0) break;
    if (packed.empty() && room == 0) return damaged("LZ4");
  }
  if (used > bytes_max) return too_much();
  out.resize(used);
  return out;
}

Result<std::string> unzstd(std::string_view packed, size_t bytes_max) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  FRESHET_ASSERT(stream != nullptr);
  ZSTD_inBuffer from{packed.data(), packed.size(), 0};
  std::string out;
  size_t used = 0;
  while (true) {
    if (!make_room(out, used, bytes_max)) return too_much();
    ZSTD_outBuffer to{out.data() + used, out.size() - used, 0};
    const size_t status = ZSTD_decompressStream(stream.get(), &to, &from);
    if (ZSTD_isError(status) != 0) return damaged("zstd");
    used += to.pos;
    if (status == 0) break;
    if (from.pos == from.size && to.pos < to.size) return damaged("zstd");
  }
  if (used > bytes_max) return too_much();
  out.resize(used);
  return out;
}

}  // namespace

std::string pack(Packing packing, std::string_view bytes) {
  switch (packing) {
    case Packing::kNone: break;
    case Packing::kGzip: return http::gzip(bytes);
    case Packing::kSnappy: return snappy_packed(bytes);
    case Packing::kLz4: return lz4_packed(bytes);
    case Packing::kZstd: return zstd_packed(bytes);
  }
  return std::string(bytes);
}

Result<std::string> unpack(Packing packing, std::string_view packed, size_t bytes_max) {
  switch (packing) {
    case Packing::kNone: break;
    case Packing::kGzip: return gunzip(packed, bytes_max);
    case Packing::kSnappy: return unsnap(packed, bytes_max);
    case Packing::kLz4: return unlz4(packed, bytes_max);
    case Packing::kZstd: return unzstd(packed, bytes_max);
  }
  if (packed.size() > bytes_max) return too_much();
  return std::string(packed);
}

}  // namespace freshet::cluster::protocol
