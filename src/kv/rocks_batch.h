// What a kv::WriteBatch is on RocksDB. Of this folder only.
#pragma once

#include <rocksdb/slice.h>
#include <rocksdb/write_batch.h>

#include <string_view>
#include <vector>

#include "kv/store.h"

namespace freshet::kv {

[[nodiscard]] inline rocksdb::Slice slice(std::string_view s) { return {s.data(), s.size()}; }
[[nodiscard]] inline std::string_view view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

struct WriteBatch::Rep {
  rocksdb::WriteBatch batch;
  std::vector<rocksdb::Slice> parts;  // used again by each put()
};

}  // namespace freshet::kv
