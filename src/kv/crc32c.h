// CRC32C for RocksDB by the processor's own instruction.
//
// Distributions build RocksDB for the oldest x86-64, so that it computes the checksum of every byte of its write-ahead
// log and blob files with tables: a third of the embedded log's time. crc32c.cc defines rocksdb::crc32c::Extend again;
// the dynamic linker prefers the program's definition to the library's. The results are the same bits.
#pragma once

#include <cstdint>
#include <string_view>

namespace freshet::kv {

// CRC32C of the bytes; `before` is that of the bytes in front of them.
[[nodiscard]] uint32_t crc32c(std::string_view bytes, uint32_t before = 0);

// Whether the instruction is used; else the library's own function. Being called also is what links crc32c.cc in.
[[nodiscard]] bool fast_crc32c();

}  // namespace freshet::kv
