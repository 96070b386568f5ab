// What is looked at before a store is opened, and what becomes of one that is damaged. RocksDB starts with whatever it
// finds: with nothing, if CURRENT is missing; with the rows before the first byte of a write-ahead log that it can't
// read. Whoever has acknowledged rows needs to know of those that are gone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "kv/store.h"

namespace freshet::kv {

// What the files of a store promise.
struct Promised {
  uint64_t synced = 0;  // Options::note_synced: the last row that was synced, as far as that is known
  bool cut = false;     // Options::accept_loss: what can't be read of its write-ahead logs was taken away
};

// kCorrupt: names the file that is missing or damaged and what is lost with it; nothing was touched then.
// `last_row`: the last row that RocksDB would start with. It is asked for only if the write-ahead logs can't tell.
[[nodiscard]] Result<Promised> check_files(const Options& options, const std::function<Result<uint64_t>()>& last_row);

// The words for rows that were synced and are not there any more.
[[nodiscard]] Error rows_missing(const std::string& directory, const std::string& why, uint64_t last, uint64_t synced);

}  // namespace freshet::kv
