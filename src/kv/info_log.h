// Where RocksDB writes what it has to say: LOG beside a store's files, and LOG.old before it. Its own logger ends the
// process by an assertion at the second line that finds the disk full (EnvLogger over WritableFileWriter, in 7.8 as
// Debian builds it). Here such a line is lost, and nothing else.
#pragma once

#include <rocksdb/env.h>

#include <memory>
#include <string>

namespace freshet::kv {

// Warnings and errors go there, those of an open before into LOG.old.
[[nodiscard]] std::shared_ptr<rocksdb::Logger> make_info_log(const std::string& directory);

}  // namespace freshet::kv
