// RocksDB's write-ahead logs, read before RocksDB reads them, and without changing anything. RocksDB takes whatever it
// can't read for the torn end that a crash leaves: it starts with the rows before it and throws the rest away. So
// somebody has to look first who knows how far the rows were synced (kv/synced_note.h).
// The format is RocksDB's: blocks of 32 KiB, records with a masked CRC32C (github.com/facebook/rocksdb/wiki, "Write
// Ahead Log File Format").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace freshet::kv {

// Where the rows end that can be read with all of those before them.
struct WalEnd {
  uint64_t sequence = 0;           // of the last of these rows; 0: there is none
  std::string file;                // in which reading has ended
  uint64_t at = 0;                 // the byte there behind the last whole write
  std::string why;                 // what stands there instead of a write; empty: the end of the last file
  bool more = false;               // writes that can be read stand behind it: it is not the torn end of a crash
  std::vector<std::string> after;  // the files behind `file`
};

// Reads all write-ahead logs of a store. kCorrupt: one of them is no file. kFatal: one can't be read.
[[nodiscard]] Result<WalEnd> read_wals(const std::string& directory);

}  // namespace freshet::kv
