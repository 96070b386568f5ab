// The files of rows and of values that a store consists of, and whether they are as they were written.
//
// RocksDB notes in its manifest what checksum each file had as a whole. That one is compared: those of the blocks leave
// parts of a file out (VerifyChecksum passes over the parts of a filter that is kept in parts). Files of a store that
// was written before checksums were noted are compared by their blocks, until compactions have replaced them.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"

namespace freshet::kv {

struct StoreFile {
  uint64_t bytes = 0;
  std::optional<uint32_t> crc32c;  // of the whole file; none: it was written before these were noted
};

// By name, as they are now.
[[nodiscard]] std::map<std::string, StoreFile> store_files(rocksdb::DB& db);

// Those of a directory that nobody writes to. kCorrupt: it can't be opened.
[[nodiscard]] Result<std::map<std::string, StoreFile>> store_files(const std::string& directory);

// Reads it from its begin to its end, past the store's cache. `options`: of the store, without a block cache.
// kCorrupt: it is damaged; kFatal: it can't be read.
[[nodiscard]] Status compare_file(const rocksdb::Options& options, const std::string& path, const StoreFile& file);

}  // namespace freshet::kv
