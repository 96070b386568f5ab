// Reads a blob file of RocksDB from its begin to its end and compares checksums: RocksDB itself does so only for values
// that somebody asks for. The format is RocksDB's (db/blob/blob_log_format.h): a header of 30 bytes, records (lengths,
// two masked CRC32C, key, value as stored), and a footer of 32 bytes once the file is complete.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace freshet::kv {

// Bytes read. kCorrupt: names the file and where; kNotFound: there is no such file (by now); kFatal: it can't be read.
// `bytes`: how long it is at least.
[[nodiscard]] Result<uint64_t> check_blob_file(const std::string& path, uint64_t bytes);
// The same of its length, header and footer only, of a file that is complete: what RocksDB has to have before it
// reads a value of it, and it does not say then which file it was.
[[nodiscard]] Status check_blob_ends(const std::string& path, uint64_t bytes);

}  // namespace freshet::kv
