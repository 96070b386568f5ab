// kv::Store on RocksDB. Nothing outside this folder includes its headers, so that another version, or another store, is
// a change of one room.
//
// From the top: how errors are told; what RocksDB calls back (merging, dropping); how a store is tuned for what its
// user said of its rows; the store itself. The figures beside the tuning were measured here.
#include <fcntl.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "env/clock.h"
#include "env/file.h"
#include "env/thread.h"
#include "kv/blob_check.h"
#include "kv/crc32c.h"
#include "kv/damage.h"
#include "kv/info_log.h"
#include "kv/manifest_noting.h"
#include "kv/memory_budget.h"
#include "kv/rocks_batch.h"
#include "kv/store.h"
#include "kv/store_files.h"
#include "kv/synced_note.h"
#include "kv/unchanged.h"
#include "kv/write_gate.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::kv {
namespace {

constexpr int kOtherFiles = 10;  // RocksDB counts so many of max_open_files for what is no table
constexpr uint64_t kLargeValueBytes = 4096;
constexpr uint64_t kLogValueBytes = 1024;
constexpr uint64_t kGarbageBytesMin = 256u << 20;  // below, a log_like store's garbage is left alone
constexpr uint64_t kLevel0FilesMax = 24;
constexpr int kLogFilesSlow = 200;  // of level 0, of a log_like store
constexpr env::TimeUs kCompactionWaitUs = 10'000;
constexpr const char* kIncoming = "incoming";  // of write_sorted, and a number, beside the store's own files
constexpr const char* kDamaged = "DAMAGED";    // what was found damaged, in words; the same place
// The manifest names the first and the last key of files that are long gone, until a new one is begun.
constexpr uint64_t kManifestBytes = 8u << 20;
// What was removed or replaced is gone from the files after this time, also where nobody calls scrub(): files above the
// last level move down when they are so old. docs/operations/erasure.md.
constexpr uint64_t kStaleSeconds = 7 * 86'400;

// Damage is told apart from everything else, because whoever has a checkpoint can mend it.
tl::unexpected<Error> failure(const rocksdb::Status& status, const std::string& path, std::string_view doing) {
  std::string text = "store " + path + ": " + std::string(doing) + ": " + status.ToString();
  if (status.IsNoSpace()) text += "; free disk space and start again";
  if (status.IsCorruption()) {
    return fail(Code::kCorrupt, text + "; restore the directory from a checkpoint or a copy");
  }
  return fail(Code::kFatal, std::move(text));
}

// Hands merging over to the store's user. It runs on threads of RocksDB, in the midst of its own work.
class Merger final : public rocksdb::MergeOperator {
 public:
  Merger(MergeFn merge, FoldFn fold) : merge_(std::move(merge)), fold_(std::move(fold)) {}
  const char* Name() const override { return "freshet.merge"; }

  bool FullMergeV2(const MergeOperationInput& in, MergeOperationOutput* out) const override try {
    thread_local std::vector<std::string_view> operands;
    operands.clear();
    for (const rocksdb::Slice& operand : in.operand_list) operands.push_back(view(operand));
    std::optional<std::string_view> existing;
    if (in.existing_value != nullptr) existing = view(*in.existing_value);
    out->new_value = merge_(existing, operands);
    return true;
  } catch (...) {  // RocksDB is not exception-safe, so this is reported as corruption.
    return false;
  }

  bool PartialMergeMulti(const rocksdb::Slice&, const std::deque<rocksdb::Slice>& list, std::string* out,
                         rocksdb::Logger*) const override try {
    if (!fold_) return false;
    thread_local std::vector<std::string_view> operands;
    operands.clear();
    for (const rocksdb::Slice& operand : list) operands.push_back(view(operand));
    std::optional<std::string> fold = fold_(operands);
    if (fold) *out = std::move(*fold);
    return fold.has_value();
  } catch (...) {
    return false;
  }

 private:
  MergeFn merge_;
  FoldFn fold_;
};

// Called by compactions only. Merge operands are left to MergeFn; the row that they fold into is judged at a later
// compaction. RocksDB filters past snapshots, so this file makes none: an iterator keeps its files, which is enough.
class Dropper final : public rocksdb::CompactionFilter {
 public:
  explicit Dropper(DropFn drop) : drop_(std::move(drop)) {}
  const char* Name() const override { return "freshet.drop"; }
  bool Filter(int, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string*, bool*) const override try {
    return drop_(view(key), view(value));
  } catch (...) {
    return false;
  }

 private:
  DropFn drop_;
};

// Indexes and filters of point_reads stores. In parts: only those that are used take memory, so a store may be much
// larger than the cache. Whole: for files that are small and asked for every key, a third of the work (measured:
// looking up the part was most of what a key that is not there cost).
enum class Metadata { kInParts, kWhole };

rocksdb::BlockBasedTableOptions table_options(const Options& options, Metadata metadata) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = options.memory->cache();
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.format_version = 5;
  table.block_size = options.point_reads ? 8u << 10 : 32u << 10;
  if (options.bloom_bits > 0) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(options.bloom_bits));
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  if (options.point_reads && metadata == Metadata::kInParts) {
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = options.bloom_bits > 0;
    table.metadata_block_size = 4096;
    table.pin_top_level_index_and_filter = true;
  }
  return table;
}

// Whether files can be read and written past the page cache. tmpfs and some overlays refuse that, and a store must
// open there all the same.
bool allows_direct_io(const std::string& directory) {
  const std::string probe = directory + "/DIRECT_IO_PROBE";
  const bool allowed = env::Descriptor(probe, O_CREAT | O_WRONLY | O_DIRECT).is_open();
  ::unlink(probe.c_str());
  return allowed;
}

// Measured (600-byte records, 100 a batch, CPU of append and one consumer at the tail): blob files 2.1 µs, without
// them 6.3 µs; LZ4 blobs 0.5 µs more, through the page cache 0.8 µs more, RocksDB's own blob collection 0.6 µs more.
void set_log_like(rocksdb::Options& rocks) {
  rocks.min_blob_size = kLogValueBytes;
  rocks.blob_compression_type = rocksdb::kNoCompression;
  rocks.enable_blob_garbage_collection = false;
  // What lies in level 0 are small files of keys, two a second at 30 MB/s. RocksDB counts files and not bytes: from 20
  // on it would slow appends down to a crawl, as soon as a compaction of a large state keeps the only thread of
  // compactions for ten seconds.
  rocks.level0_slowdown_writes_trigger = kLogFilesSlow;
  rocks.level0_stop_writes_trigger = 2 * kLogFilesSlow;
}

// Values in blob files stay where they are when their rows are compacted, but for those in the oldest quarter of the
// files: these are copied, so that the files can go.
void set_large_values(rocksdb::Options& rocks) {
  rocks.enable_blob_files = true;
  rocks.min_blob_size = kLargeValueBytes;
  rocks.blob_file_size = 128u << 20;
  rocks.blob_compression_type = rocksdb::kLZ4Compression;
  rocks.enable_blob_garbage_collection = true;
  rocks.blob_garbage_collection_age_cutoff = 0.25;
  rocks.blob_garbage_collection_force_threshold = 0.5;
}

// What was written past the page cache is read into it, as its rows are soon asked for: the kernel does that by itself
// while this goes on. A file that can't be opened is none that somebody waits for.
void read_ahead(const std::string& path) {
  const env::Descriptor file(path, O_RDONLY);
  if (file.is_open()) ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_WILLNEED);
}

// Lets the threads of compactions yield to others: work that can wait must not slow down what somebody waits for. Has
// new files read ahead. And lets what has failed stay so: on a full disk RocksDB waits until somebody makes room, as do
// those who wait for a flush; but here a store's user is told, and ends or opens the store anew.
class Listener final : public rocksdb::EventListener {
 public:
  void OnCompactionBegin(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    static thread_local const bool done = (env::yield_to_others(), true);
    (void)done;
  }
  void OnTableFileCreated(const rocksdb::TableFileCreationInfo& made) override {
    if (made.status.ok()) read_ahead(made.file_path);
  }
  void OnExternalFileIngested(rocksdb::DB*, const rocksdb::ExternalFileIngestionInfo& taken) override {
    read_ahead(taken.internal_file_path);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

// One flush, and compactions on half of the cores: the pools belong to the process, not to a store.
int background_jobs() { return 1 + std::max(1, static_cast<int>(std::thread::hardware_concurrency() / 2)); }

// How a store is tuned, by what its user has said of its rows.
rocksdb::Options rocks_options(const Options& options) {
  rocksdb::Options rocks;
  rocks.create_if_missing = true;
  rocks.write_buffer_manager = options.memory->buffers();
  rocks.write_buffer_size = options.write_buffer_bytes;
  rocks.max_write_buffer_number = 3;
  rocks.level_compaction_dynamic_level_bytes = true;
  rocks.target_file_size_base = 64u << 20;
  rocks.max_background_jobs = background_jobs();
  rocks.max_open_files = static_cast<int>(options.open_files_max) + kOtherFiles;
  // A sync of the log makes the file system write the dirty pages of all new files first, whoever wrote them: beside
  // files written through the page cache it took 200 to 400 ms in the worst of a hundred, at 30 MB/s as at 100, beside
  // those written past it 30 to 60 ms, as without any (docs/benchmarks.md).
  rocks.use_direct_io_for_flush_and_compaction = allows_direct_io(options.path);
  // A sync of the log is three requests to the disk, each of which waits for the write of a flush that is under way.
  rocks.writable_file_max_buffer_size = 64u << 10;
  rocks.bytes_per_sync = 1u << 20;  // where that is not possible
  rocks.compaction_readahead_size = 1u << 20;
  rocks.avoid_unnecessary_blocking_io = true;
  rocks.manual_wal_flush = true;
  // A write-ahead log that was closed is noted in the manifest: if it is missing later, or shorter, RocksDB says so.
  rocks.track_and_verify_wals_in_manifest = options.note_synced && !options.accept_loss;
  rocks.skip_stats_update_on_db_open = true;
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  rocks.info_log = make_info_log(options.path);
  rocks.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();  // store_files.h compares them
  rocks.max_manifest_file_size = kManifestBytes;
  rocks.ttl = kStaleSeconds;
  rocks.listeners.push_back(std::make_shared<Listener>());
  if (options.point_reads && options.bloom_bits > 0) {
    rocks.memtable_prefix_bloom_size_ratio = 0.02;
    rocks.memtable_whole_key_filtering = true;
    rocks.level0_file_num_compaction_trigger = 8;
    // Up to a gibibyte level 0 goes to the last level at once. With a level between them, which RocksDB makes from a
    // quarter of that on, all that is written would be merged twice, and a look-up would ask one file more.
    rocks.max_bytes_for_level_base = 1u << 30;
  }
  rocks.compression =
      rocksdb::kLZ4Compression;  // zstd at the bottom: a quarter of action's and half of compaction's CPU
  if (options.large_values) set_large_values(rocks);
  if (options.large_values && options.log_like) set_log_like(rocks);
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options, Metadata::kInParts)));
  return rocks;
}

// Options of files that come in sorted: they stay in level 0, few and not large, until a compaction takes them.
rocksdb::Options incoming_options(const Options& options, const rocksdb::DB& db) {
  rocksdb::Options rocks = db.GetOptions();
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(options, Metadata::kWhole)));
  return rocks;
}

// Rows on their way into a file. It remembers the first failure, so that whoever fills it need not ask after each row.
class FileRows final : public SortedRows {
 public:
  FileRows(rocksdb::SstFileWriter& file, rocksdb::Status opened) : file_(file), status_(std::move(opened)) {}
  void put(std::string_view key, std::string_view value) override {
    if (status_.ok()) status_ = file_.Put(slice(key), slice(value));
    ++count_;
  }
  void merge(std::string_view key, std::string_view operand) override {
    if (status_.ok()) status_ = file_.Merge(slice(key), slice(operand));
    ++count_;
  }
  [[nodiscard]] const rocksdb::Status& status() const { return status_; }
  [[nodiscard]] size_t count() const { return count_; }

 private:
  rocksdb::SstFileWriter& file_;
  rocksdb::Status status_;
  size_t count_ = 0;
};

// Makes a finished file one of the store's own. Its checksum is known from writing it, so that nobody reads it again;
// therefore its rows' sequence number, which is given now, stays in the manifest alone.
rocksdb::Status take_over(rocksdb::DB& db, const std::string& path, const rocksdb::ExternalSstFileInfo& finished) {
  rocksdb::IngestExternalFileArg file;
  file.column_family = db.DefaultColumnFamily();
  file.external_files = {path};
  file.files_checksums = {finished.file_checksum};
  file.files_checksum_func_names = {finished.file_checksum_func_name};
  file.options.move_files = true;
  file.options.snapshot_consistency = false;
  file.options.write_global_seqno = false;
  file.options.verify_file_checksum = false;
  return db.IngestExternalFiles({file});
}

// The last two parts of its path: data/profiles, state/0003.
std::string name_of(const std::string& path) {
  const std::filesystem::path whole(path);
  return (whole.parent_path().filename() / whole.filename()).string();
}

// RocksDB writes into a batch which row its first one became.
uint64_t last_row_of(const rocksdb::WriteBatch& batch) {
  uint64_t first = 0;
  std::memcpy(&first, batch.Data().data(), sizeof first);
  return first + batch.Count() - 1;
}

// For reading files again: past the store's own cache, whose blocks may be right although the file is damaged.
rocksdb::Options checking_options(const rocksdb::DB& db) {
  rocksdb::Options rocks = db.GetOptions();
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocks.listeners.clear();
  rocks.compaction_filter = nullptr;
  rocks.write_buffer_manager = nullptr;
  return rocks;
}

class RocksStore final : public Store {
 public:
  RocksStore(const Options& options, std::unique_ptr<Dropper> dropper, std::unique_ptr<rocksdb::DB> db,
             std::shared_ptr<SyncedNote> note, uint64_t lost_rows)
      : path_(options.path),
        remember_damage_(options.remember_damage),
        log_like_(options.log_like),
        memory_(options.memory),
        dropper_(std::move(dropper)),
        db_(std::move(db)),
        incoming_(incoming_options(options, *db_)),
        checked_with_(checking_options(*db_)),
        note_(std::move(note)),
        lost_rows_(lost_rows),
        unhealthy_(telemetry::gauge("freshet_store_unhealthy",
                                    "1: not all of this store can be read or written; the log says why.",
                                    {{"store", name_of(options.path)}})) {
    unhealthy_.set(0);
    memory_->add({db_.get(), &gate_});
  }
  ~RocksStore() override { memory_->remove(db_.get()); }

  Result<std::optional<std::string>> get(std::string_view key) override;
  Status multi_get(std::span<const std::string_view> keys, const Found& found) override;
  Status write(WriteBatch& batch, Durability durability) override;
  Status write_sorted(const std::function<void(SortedRows&)>& fill) override;
  Status scan(std::string_view begin, std::string_view end,
              const std::function<bool(std::string_view, std::string_view)>& visit) override;
  Status scan_back(std::string_view begin, std::string_view end,
                   const std::function<bool(std::string_view, std::string_view)>& visit) override;
  Status flush() override;
  Status sync() override;
  Status reclaim(std::string_view begin, std::string_view end) override;
  Status scrub(std::atomic<bool>& canceled) override;
  Result<uint64_t> check_next_file(std::string& cursor) override;
  uint64_t disk_bytes() override;
  Status health() override;
  uint64_t lost_rows() const override { return lost_rows_; }
  Status snapshot_to(const std::string& directory) override;

 private:
  // The failure as an Error; damage is written down (Options::remember_damage).
  [[nodiscard]] tl::unexpected<Error> failed(const rocksdb::Status& status, std::string_view doing);
  // Remembers the first failure: from then on the store is read-only.
  Status broken(const rocksdb::Status& status, std::string_view doing);
  [[nodiscard]] Status writable();
  void fall_ill(const Error& error);
  // Notes that the rows up to this one are synced.
  [[nodiscard]] Status note(uint64_t synced);

  void wait_for_compaction();
  [[nodiscard]] rocksdb::Status collect_garbage();

  const std::string path_;
  const bool remember_damage_;
  const bool log_like_;
  std::shared_ptr<MemoryBudget> memory_;
  std::unique_ptr<Dropper> dropper_;
  std::unique_ptr<rocksdb::DB> db_;         // It is closed before what it uses, which stands above.
  const rocksdb::Options incoming_;         // of the files of write_sorted
  const rocksdb::Options checked_with_;     // of check_next_file
  const std::shared_ptr<SyncedNote> note_;  // null without Options::note_synced
  std::atomic<uint64_t> incoming_files_{0};
  std::atomic<bool> has_unlogged_{false};  // rows of which a sync of the write-ahead log says nothing
  const uint64_t lost_rows_;
  WriteGate gate_;
  std::atomic<bool> broken_{false};
  telemetry::Gauge& unhealthy_;
  std::mutex broken_mutex_;  // guards what follows
  std::string why_;
  Status health_;
};

tl::unexpected<Error> RocksStore::failed(const rocksdb::Status& status, std::string_view doing) {
  tl::unexpected<Error> error = failure(status, path_, doing);
  if (error.value().code != Code::kCorrupt) return error;
  if (remember_damage_) std::ofstream(path_ + "/" + kDamaged) << error.value().message;
  fall_ill(error.value());
  return error;
}

// The first failure is kept and told: the others follow from it.
void RocksStore::fall_ill(const Error& error) {
  const std::lock_guard lock(broken_mutex_);
  if (!health_) return;
  health_ = tl::unexpected(error);
  unhealthy_.set(1);
  log::error("{}", error.message);
}

Status RocksStore::health() {
  const std::lock_guard lock(broken_mutex_);
  return health_;
}

// After a write that failed RocksDB may or may not have it. To go on would build on what may be gone after a restart.
Status RocksStore::broken(const rocksdb::Status& status, std::string_view doing) {
  Error error = failed(status, doing).value();
  fall_ill(error);
  const std::lock_guard lock(broken_mutex_);
  if (!broken_) why_ = error.message;
  broken_ = true;
  return fail(error.code == Code::kCorrupt ? Code::kCorrupt : Code::kFatal, std::move(error.message));
}

Status RocksStore::writable() {
  if (!broken_.load(std::memory_order_relaxed)) return {};
  const std::lock_guard lock(broken_mutex_);
  return fail(Code::kFatal, "read-only after a failed write: " + why_);
}

Result<std::optional<std::string>> RocksStore::get(std::string_view key) {
  std::string value;
  const rocksdb::Status status = db_->Get({}, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return failed(status, "get");
  return value;
}

// Keys in order let RocksDB open each block once; the vectors are kept by the thread, as this is called for every
// batch.
Status RocksStore::multi_get(std::span<const std::string_view> keys, const Found& found) {
  thread_local std::vector<rocksdb::Slice> slices;
  thread_local std::vector<rocksdb::PinnableSlice> values;
  thread_local std::vector<rocksdb::Status> statuses;
  slices.clear();
  for (const std::string_view key : keys) slices.push_back(slice(key));
  if (values.size() < keys.size()) values = std::vector<rocksdb::PinnableSlice>(keys.size());
  statuses.assign(keys.size(), rocksdb::Status());
  db_->MultiGet({}, db_->DefaultColumnFamily(), keys.size(), slices.data(), values.data(), statuses.data(),
                /*sorted_input=*/true);
  Status result;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].ok()) {
      found(i, view(values[i]));
    } else if (!statuses[i].IsNotFound() && result) {
      result = failed(statuses[i], "multi_get");
    }
    values[i].Reset();  // It would hold blocks of the cache until this thread reads again.
  }
  return result;
}

// The wait for room is before the write, so that memory is bounded however fast the callers are.
Status RocksStore::write(WriteBatch& batch, Durability durability) {
  FRESHET_TRY(writable());
  memory_->wait_for_room();
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kSynced;
  options.disableWAL = durability == Durability::kNone;
  if (durability == Durability::kNone) {
    has_unlogged_ = true;
  } else {
    gate_.uses_log();
  }
  const rocksdb::Status status = gate_.run([&] { return db_->Write(options, &batch.rep().batch); });
  if (!status.ok()) return broken(status, "write");
  memory_->relieve();
  return durability == Durability::kSynced ? note(last_row_of(batch.rep().batch)) : Status{};
}

Status RocksStore::note(uint64_t synced) {
  if (note_ == nullptr) return {};
  const Status noted = note_->raise(synced);
  return noted ? noted : broken(rocksdb::Status::IOError(noted.error().message), "note what is synced");
}

// The rows become one file, which RocksDB takes over in one step of its manifest: after a crash it is there as a
// whole, or not at all. That is what lets a state and the offset that it stands for become durable together.
Status RocksStore::write_sorted(const std::function<void(SortedRows&)>& fill) {
  FRESHET_TRY(writable());
  wait_for_compaction();
  // Several may be under way at once.
  const std::string path = path_ + "/" + kIncoming + std::to_string(incoming_files_++);
  rocksdb::EnvOptions past_cache(db_->GetDBOptions());
  past_cache.use_direct_writes = incoming_.use_direct_io_for_flush_and_compaction;
  rocksdb::SstFileWriter file(past_cache, incoming_, db_->DefaultColumnFamily());
  FileRows rows(file, file.Open(path));
  fill(rows);
  rocksdb::Status status = rows.status();
  if (status.ok() && rows.count() == 0) return {};  // No file is made of nothing.
  rocksdb::ExternalSstFileInfo finished;
  if (status.ok()) status = file.Finish(&finished);
  if (status.ok()) status = gate_.run([&] { return take_over(*db_, path, finished); });
  if (!status.ok()) return broken(status, "write_sorted");
  return {};  // Not noted: rows before these may be in memory only, until the next flush().
}

// RocksDB slows writers down when compaction is far behind, but not those that bring files: reads, which have to look
// into each of them, would become slower without an end. So this waits here.
void RocksStore::wait_for_compaction() {
  for (uint64_t files = 0; db_->GetIntProperty("rocksdb.num-files-at-level0", &files) && files >= kLevel0FilesMax;)
    env::real_clock().sleep_us(kCompactionWaitUs);
}

// An iterator sees the rows as they were when it was made. It is not kept: it would hold files that have long been
// replaced.
Status RocksStore::scan(std::string_view begin, std::string_view end,
                        const std::function<bool(std::string_view, std::string_view)>& visit) {
  rocksdb::ReadOptions options;
  const rocksdb::Slice upper = slice(end);
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(options));
  for (rows->Seek(slice(begin)); rows->Valid(); rows->Next()) {
    if (!visit(view(rows->key()), view(rows->value()))) break;
  }
  if (!rows->status().ok()) return failed(rows->status(), "scan");
  return {};
}

Status RocksStore::scan_back(std::string_view begin, std::string_view end,
                             const std::function<bool(std::string_view, std::string_view)>& visit) {
  rocksdb::ReadOptions options;
  const rocksdb::Slice lower = slice(begin);
  const rocksdb::Slice upper = slice(end);
  options.iterate_lower_bound = &lower;
  if (!end.empty()) options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> rows(db_->NewIterator(options));
  for (rows->SeekToLast(); rows->Valid(); rows->Prev()) {
    if (!visit(view(rows->key()), view(rows->value()))) break;
  }
  if (!rows->status().ok()) return failed(rows->status(), "scan_back");
  return {};
}

Status RocksStore::flush() {
  FRESHET_TRY(writable());
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  const uint64_t last = db_->GetLatestSequenceNumber();  // What comes meanwhile may be in memory only.
  const rocksdb::Status status = gate_.run([&] { return db_->Flush(options); });
  return status.ok() ? note(last) : broken(status, "flush");
}

Status RocksStore::sync() {
  FRESHET_TRY(writable());
  const uint64_t last = db_->GetLatestSequenceNumber();  // What comes meanwhile may not be synced.
  const rocksdb::Status status = gate_.run([&] { return db_->FlushWAL(true); });
  if (!status.ok()) return broken(status, "sync");
  return has_unlogged_ ? Status{} : note(last);
}

// Only files that lie in the range as a whole can be given back at once; the rest of its rows goes with compactions.
Status RocksStore::reclaim(std::string_view begin, std::string_view end) {
  FRESHET_TRY(writable());
  if (begin >= end) return {};
  const rocksdb::Slice first = slice(begin);
  const rocksdb::Slice last = slice(end);
  rocksdb::Status status =
      rocksdb::DeleteFilesInRange(db_.get(), db_->DefaultColumnFamily(), &first, &last, /*include_end=*/false);
  if (status.ok() && log_like_) status = collect_garbage();
  if (!status.ok()) return failed(status, "reclaim");
  return {};
}

// A log dies in order, so its blob files empty by themselves. Only where topics of different retention share files
// some stay mostly dead; then what lives in them is copied, which takes long.
rocksdb::Status RocksStore::collect_garbage() {
  uint64_t garbage = 0;
  uint64_t all = 0;
  db_->GetIntProperty(rocksdb::DB::Properties::kLiveBlobFileGarbageSize, &garbage);
  db_->GetIntProperty(rocksdb::DB::Properties::kLiveBlobFileSize, &all);
  if (garbage < kGarbageBytesMin || garbage < all / 2) return {};
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = 0.75;
  return db_->CompactRange(options, nullptr, nullptr);
}

// The flush takes the write-ahead files along, the compaction every file of rows, and the values beside them.
Status RocksStore::scrub(std::atomic<bool>& canceled) {
  FRESHET_TRY(flush());
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  options.blob_garbage_collection_age_cutoff = 1.0;
  options.canceled = &canceled;
  const rocksdb::Status status = db_->CompactRange(options, nullptr, nullptr);
  if (canceled || status.IsIncomplete())
    return fail(Code::kRetry, "store " + path_ + ": stopped before it was scrubbed");
  if (!status.ok()) return failed(status, "scrub");
  return {};
}

// Files come and go meanwhile: one that is not the store's any more was not read in vain, but says nothing.
Result<uint64_t> RocksStore::check_next_file(std::string& cursor) {
  const std::map<std::string, StoreFile> files = store_files(*db_);
  const auto next = files.upper_bound(cursor);
  cursor = next == files.end() ? "" : next->first;
  if (next == files.end()) return 0;
  const Status checked = compare_file(checked_with_, path_ + "/" + next->first, next->second);
  if (checked) return next->second.bytes;
  if (!store_files(*db_).contains(next->first)) return 0;
  if (checked.error().code != Code::kCorrupt) return tl::unexpected(checked.error());
  return failed(rocksdb::Status::Corruption(checked.error().message), "check files");
}

// RocksDB's own checkpoint: links to files that never change, and a copy of the small manifest.
Status RocksStore::snapshot_to(const std::string& directory) {
  FRESHET_TRY(writable());
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(db_.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = gate_.run([&] { return checkpoint->CreateCheckpoint(directory); });
  if (!status.ok()) return failed(status, "snapshot");
  return {};
}

// Counts the files themselves: what RocksDB says of its size leaves out logs, and what is about to be deleted.
uint64_t RocksStore::disk_bytes() {
  std::error_code error;
  uint64_t bytes = 0;
  for (std::filesystem::directory_iterator file(path_, error), end; !error && file != end; file.increment(error)) {
    std::error_code gone;  // Files come and go meanwhile.
    const uintmax_t size = file->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

// RocksDB names the manifest where a file that it lists has a footer which can't be read. "": none has.
std::string damaged_table(const rocksdb::Options& rocks, const std::string& path) {
  std::error_code error;
  for (std::filesystem::directory_iterator file(path, error), end; !error && file != end; file.increment(error)) {
    if (file->path().extension() != ".sst") continue;
    const rocksdb::Status status = rocksdb::SstFileReader(rocks).Open(file->path().string());
    if (status.IsCorruption()) return file->path().string() + " is damaged: ";
  }
  return "";
}

// RocksDB tells only by words that a directory is in use, or that a file which it needs is not there.
Error open_error(const rocksdb::Options& rocks, const rocksdb::Status& status, const std::string& path) {
  const std::string text = status.ToString();
  const auto says = [&text](const char* words) { return text.find(words) != std::string::npos; };
  if (says("No such file") || says("Is a directory") || says("Not a directory"))
    return failure(rocksdb::Status::Corruption(text), path, "open").value();
  if (status.IsIOError() && (says("lock hold") || says("/LOCK"))) {
    return {Code::kConflict, "store " + path +
                                 " is in use: another process (or this one) has the directory open; stop it or "
                                 "choose another data directory"};
  }
  return failure(status, path, (status.IsCorruption() ? damaged_table(rocks, path) : "") + "open").value();
}

// RocksDB looks at its sorted files when it opens a store, but at blob files only when a value of them is read, and
// then does not say which one it could not read.
Status check_blob_files(rocksdb::DB& db, const std::string& path) {
  for (const auto& [name, blob] : store_files(db)) {
    if (!name.ends_with(".blob")) continue;
    const std::string file = path + "/" + name;
    std::error_code error;
    const bool is_there = std::filesystem::is_regular_file(file, error);
    const Status whole = is_there ? check_blob_ends(file, blob.bytes)
                                  : Status(fail(Code::kCorrupt, file + ": it is missing, or is not a file"));
    if (!whole)
      return fail(
          whole.error().code == Code::kFatal ? Code::kFatal : Code::kCorrupt,
          "store " + path + ": " + whole.error().message + "; restore the directory from a checkpoint or a copy");
  }
  return {};
}

// Of calls of write_sorted that were cut short. Not before the store is ours: another one that has it open may be
// writing these very files.
void remove_incoming(const std::string& path) {
  std::error_code error;
  for (std::filesystem::directory_iterator file(path, error), end; !error && file != end; file.increment(error)) {
    std::error_code ignored;
    if (file->path().filename().string().starts_with(kIncoming)) std::filesystem::remove(file->path(), ignored);
  }
}

// The last row that RocksDB would start with; nothing is changed by asking.
Result<uint64_t> last_row_in(const rocksdb::Options& rocks, const std::string& path) {
  rocksdb::DB* opened = nullptr;
  if (const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(rocks, path, &opened); !status.ok())
    return tl::unexpected<Error>(open_error(rocks, status, path));
  const std::unique_ptr<rocksdb::DB> db(opened);
  return db->GetLatestSequenceNumber();
}

Result<std::unique_ptr<Store>> open_with(const Options& options, bool compacts) {
  FRESHET_ASSERT(options.memory != nullptr && !options.path.empty());
  std::error_code error;
  std::filesystem::create_directories(options.path, error);
  if (error) {
    return fail(Code::kFatal, "store " + options.path + ": cannot create the directory: " + error.message());
  }
  if (options.remember_damage) {
    std::ifstream damage(options.path + "/" + kDamaged);
    if (damage) return fail(Code::kCorrupt, std::string(std::istreambuf_iterator<char>(damage), {}));
  }
  rocksdb::Options rocks = rocks_options(options);
  rocks.disable_auto_compactions = !compacts;
  if (options.merge) rocks.merge_operator = std::make_shared<Merger>(options.merge, options.fold);
  std::unique_ptr<Dropper> dropper;
  if (options.drop) dropper = std::make_unique<Dropper>(options.drop);
  rocks.compaction_filter = dropper.get();
  const auto noting = std::make_shared<ManifestNoting>(options.path);
  rocks.listeners.push_back(noting);
  static_cast<void>(fast_crc32c());
  FRESHET_ASSIGN(const Promised promised, check_files(options, [&] { return last_row_in(rocks, options.path); }));
  rocksdb::DB* opened = nullptr;
  if (const rocksdb::Status status = rocksdb::DB::Open(rocks, options.path, &opened); !status.ok()) {
    return tl::unexpected<Error>(open_error(rocks, status, options.path));
  }
  std::unique_ptr<rocksdb::DB> db(opened);
  FRESHET_TRY(check_blob_files(*db, options.path));
  std::shared_ptr<SyncedNote> note;
  uint64_t lost = 0;
  if (options.note_synced) {
    const uint64_t last = db->GetLatestSequenceNumber();
    lost = promised.synced > last ? promised.synced - last : promised.cut ? 1 : 0;
    if (lost > 0 && !options.accept_loss)
      return tl::unexpected(rows_missing(options.path, "its files are older than that", last, promised.synced));
    const Noted noted{lost > 0 ? last : std::max(last, promised.synced),
                      manifest_of(options.path).value_or(Manifest{})};
    FRESHET_ASSIGN(note, SyncedNote::make(options.path, noted));
    noting->begin(note);
  }
  remove_incoming(options.path);
  return std::make_unique<RocksStore>(options, std::move(dropper), std::move(db), std::move(note), lost);
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocks(const Options& options) { return open_with(options, true); }

Result<std::unique_ptr<Store>> open_rocks_unchanged(const Options& options) { return open_with(options, false); }

}  // namespace freshet::kv
