#include "kv/store_files.h"

#include <rocksdb/file_checksum.h>
#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/big_endian.h"
#include "kv/blob_check.h"
#include "kv/check_file.h"
#include "kv/crc32c.h"

namespace freshet::kv {
namespace {

constexpr size_t kChunkBytes = 256u << 10;
constexpr int kOpenFilesMax = 16;  // of a snapshot: its manifest is what is wanted, so its tables need not stay open

// RocksDB keeps it as four bytes, the highest first (file_checksum.h).
std::optional<uint32_t> noted_crc(const std::string& function, const std::string& value) {
  if (function != rocksdb::kStandardDbFileChecksumFuncName || value.size() != sizeof(uint32_t)) return std::nullopt;
  return read_big_endian<uint32_t>(value);
}

// RocksDB puts a slash in front of its files' names.
std::string bare(const std::string& name) { return name.substr(name.find_first_not_of('/')); }

Status compare_whole(const std::string& path, const StoreFile& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (in == nullptr) return fail(Code::kFatal, path + ": can't open: " + std::strerror(errno));
  std::array<char, kChunkBytes> chunk{};
  uint64_t bytes = 0;
  uint32_t crc = 0;
  while (const size_t got = std::fread(chunk.data(), 1, chunk.size(), in.get())) {
    crc = crc32c({chunk.data(), got}, crc);
    bytes += got;
  }
  if (std::ferror(in.get()) != 0) return fail(Code::kFatal, path + ": can't read: " + std::strerror(errno));
  if (bytes != file.bytes)
    return fail(Code::kCorrupt,
                path + ": it has " + std::to_string(bytes) + " bytes instead of " + std::to_string(file.bytes));
  if (crc != *file.crc32c) return fail(Code::kCorrupt, path + ": its checksum is not the one that it was written with");
  return {};
}

Status compare_blocks(const rocksdb::Options& options, const std::string& path, uint64_t bytes) {
  if (path.ends_with(".blob")) {
    const auto read = check_blob_file(path, bytes);
    return read ? Status{} : tl::unexpected(read.error());
  }
  rocksdb::SstFileReader reader(options);
  rocksdb::Status status = reader.Open(path);
  if (status.ok()) status = reader.VerifyChecksum(rocksdb::ReadOptions());
  if (status.ok()) return {};
  return fail(status.IsCorruption() ? Code::kCorrupt : Code::kFatal,
              path + ": compare checksums: " + status.ToString());
}

rocksdb::Options options_without_cache() {
  rocksdb::Options options;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.max_open_files = kOpenFilesMax;
  options.skip_stats_update_on_db_open = true;
  return options;
}

}  // namespace

std::map<std::string, StoreFile> store_files(rocksdb::DB& db) {
  rocksdb::ColumnFamilyMetaData all;
  db.GetColumnFamilyMetaData(&all);
  std::map<std::string, StoreFile> files;
  for (const rocksdb::LevelMetaData& level : all.levels)
    for (const rocksdb::SstFileMetaData& file : level.files)
      files[bare(file.name)] = {file.size, noted_crc(file.file_checksum_func_name, file.file_checksum)};
  for (const rocksdb::BlobMetaData& blob : all.blob_files)
    files[bare(blob.blob_file_name)] = {blob.blob_file_size, noted_crc(blob.checksum_method, blob.checksum_value)};
  return files;
}

Result<std::map<std::string, StoreFile>> store_files(const std::string& directory) {
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(options_without_cache(), directory, &opened);
  if (!status.ok()) return fail(Code::kCorrupt, directory + ": can't be opened: " + status.ToString());
  const std::unique_ptr<rocksdb::DB> db(opened);
  return store_files(*db);
}

Status compare_file(const rocksdb::Options& options, const std::string& path, const StoreFile& file) {
  return file.crc32c ? compare_whole(path, file) : compare_blocks(options, path, file.bytes);
}

FileCheck check_of_snapshot(const std::string& directory) {
  auto files = std::make_shared<std::map<std::string, StoreFile>>();
  return [directory, files](const std::string& path, uint64_t bytes) -> Status {
    if (!path.ends_with(".sst") && !path.ends_with(".blob")) return {};
    if (files->empty()) {
      FRESHET_ASSIGN(*files, store_files(directory));
    }
    const auto known = files->find(path.substr(path.find_last_of('/') + 1));
    // Some files of a snapshot may be in none of its levels any more, when it was taken in the midst of a compaction.
    const StoreFile file = known == files->end() ? StoreFile{bytes, std::nullopt} : known->second;
    return compare_file(options_without_cache(), path, file);
  };
}

}  // namespace freshet::kv
