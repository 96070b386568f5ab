// An ordered key-value store: what the embedded log, the action state and the embedded profile store stand on.
// One implementation on RocksDB (rocks.cc; only this folder includes its headers); the simulator has another,
// which loses unsynced writes when it is killed.
//
// Keys are ordered as unsigned bytes. One Store has one keyspace; its users prefix their keys.
// Thread-safe, unless a comment says otherwise. Closing a store flushes it; a killed process keeps what Durability
// says. A failed write leaves the store read-only: Code::kFatal from then on (kCorrupt, if damage is the reason).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet::kv {

// Memory that several stores share: block cache and write buffers (a third) are taken from one budget. When the write
// buffers are half full, the store that has most in memory is flushed, whoever writes; when they are full, writers
// wait. Freed with the last store that uses it.
class MemoryBudget;
[[nodiscard]] std::shared_ptr<MemoryBudget> make_memory_budget(size_t bytes);

// Folds operands into a value. Pure; called on reads, flushes and compactions, on any thread.
//   existing: absent if the key has no value; operands: oldest first, at least one.
using MergeFn =
    std::function<std::string(std::optional<std::string_view> existing, std::span<const std::string_view> operands)>;

// Folds operands (at least one, oldest first) into one with their effect, so that a long row of them need not be kept
// until they meet their value; nullopt: they can't be folded. Pure; any thread.
using FoldFn = std::function<std::optional<std::string>(std::span<const std::string_view> operands)>;

// Whether a stored row may be dropped for good at a compaction. Pure but for values that only ever grow with what is
// durable in this store; called on any thread. A read may still see a row that could have been dropped. A scan under
// way keeps the rows that it began with. Not asked about merge operands before they are folded.
using DropFn = std::function<bool(std::string_view key, std::string_view value)>;

struct Options {
  std::string path;                      // a directory; created if missing
  std::shared_ptr<MemoryBudget> memory;  // required
  MergeFn merge;                         // required to use WriteBatch::merge
  FoldFn fold;                           // optional
  DropFn drop;                           // optional
  size_t write_buffer_bytes = 32u << 20;
  uint32_t open_files_max = 256;  // of tables, beside its few other files
  int bloom_bits = 10;            // per key; 0: none
  bool large_values = false;      // values above 4 KiB live in blob files, so that compactions do not copy them
  // Rows are written once, read soon and removed in about the order they came, as in a log. With large_values: those
  // from 1 KiB on live in blob files, uncompressed, past the page cache where the file system allows, and are copied
  // again only by a reclaim() that finds more garbage than values.
  bool log_like = false;
  bool point_reads = true;  // tuned for gets rather than for long scans
  // Damage found in a file is written down beside it, so that the next open fails with kCorrupt and says so, wherever
  // in the files the damage is: for those who can get the contents from elsewhere.
  bool remember_damage = false;
  // Beside the directory it is noted how far the rows are synced (kv/synced_note.h), and an open that would start with
  // fewer fails with kCorrupt: it names the file and how many rows are lost. For stores whose rows nobody else has.
  bool note_synced = false;
  // Such a store is opened all the same, with the rows before the first one that is lost.
  bool accept_loss = false;
};

// A store's directory is renamed, with all that is in it, so that another one can be made there; what was set aside
// before is deleted. Returns its new name. REQUIRES: the store is not open.
[[nodiscard]] Result<std::string> set_aside(const std::string& directory);

// Operations applied together or not at all. Movable; not thread-safe.
class WriteBatch {
 public:
  WriteBatch();
  ~WriteBatch();
  WriteBatch(WriteBatch&&) noexcept;
  WriteBatch& operator=(WriteBatch&&) noexcept;

  void put(std::string_view key, std::string_view value);
  // The value is the concatenation of parts; saves the caller a copy.
  void put(std::string_view key, std::span<const std::string_view> parts);
  void merge(std::string_view key, std::string_view operand);
  void remove(std::string_view key);
  void remove_range(std::string_view begin, std::string_view end);  // [begin, end)
  void clear();
  [[nodiscard]] size_t count() const;
  [[nodiscard]] size_t bytes() const;

  // Its operations in order: for stores that are not on RocksDB.
  class Visitor {
   public:
    virtual ~Visitor() = default;
    virtual void put(std::string_view key, std::string_view value) = 0;
    virtual void merge(std::string_view key, std::string_view operand) = 0;
    virtual void remove(std::string_view key) = 0;
    virtual void remove_range(std::string_view begin, std::string_view end) = 0;
  };
  void visit(Visitor& visitor) const;

  struct Rep;
  [[nodiscard]] Rep& rep() { return *rep_; }

 private:
  std::unique_ptr<Rep> rep_;
};

// Takes rows in ascending order of their keys, each key once.
class SortedRows {
 public:
  virtual ~SortedRows() = default;
  virtual void put(std::string_view key, std::string_view value) = 0;
  virtual void merge(std::string_view key, std::string_view operand) = 0;
};

enum class Durability {
  kNone,    // no write-ahead log: durable with the next flush(); the rows of a batch become durable together, and
            // batches in the order they were written
  kLogged,  // in the log's buffer: survives the process after the next sync() or when the buffer spills
  kSynced,  // survives a power cut before write() returns
};

class Store {
 public:
  using Found = std::function<void(size_t, std::string_view)>;
  virtual ~Store() = default;

  // nullopt: no such key.
  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) = 0;
  // Calls found(i, value) for each keys[i] that is there; the value is valid during the call. REQUIRES: keys ascend.
  // Much cheaper than as many gets.
  [[nodiscard]] virtual Status multi_get(std::span<const std::string_view> keys, const Found& found) = 0;
  [[nodiscard]] virtual Status write(WriteBatch& batch, Durability durability) = 0;
  // Writes the rows that `fill` puts: all of them or none, newer than everything before, and durable when it returns.
  // They go straight into a file: about a third of the CPU of write() and flush(), for those who have rows enough.
  [[nodiscard]] virtual Status write_sorted(const std::function<void(SortedRows&)>& fill) = 0;
  // Calls visit for rows in [begin, end) in order, until it returns false. An empty end: up to the last row.
  // The views live until visit returns.
  [[nodiscard]] virtual Status scan(std::string_view begin, std::string_view end,
                                    const std::function<bool(std::string_view key, std::string_view value)>& visit) = 0;
  // The same, from the last row backwards.
  [[nodiscard]] virtual Status scan_back(
      std::string_view begin, std::string_view end,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) = 0;
  // Everything written so far is in files and durable.
  [[nodiscard]] virtual Status flush() = 0;
  // Everything written with kLogged so far is durable.
  [[nodiscard]] virtual Status sync() = 0;
  // Gives whole files inside [begin, end) back to the file system; rows may go on existing: use with remove_range.
  // May take long in a log_like store.
  [[nodiscard]] virtual Status reclaim(std::string_view begin, std::string_view end) = 0;
  // What was removed or replaced before the call is in no file any more when it returns, but in snapshots. Rewrites
  // everything: long, in the background of everybody else. kRetry: soon after `canceled` became true.
  [[nodiscard]] virtual Status scrub(std::atomic<bool>& canceled) {
    return canceled ? fail(Code::kRetry, "stopped") : Status{};
  }
  [[nodiscard]] virtual uint64_t disk_bytes() = 0;
  // Not ok from the first failed write, or the first damage that was found, on: not all of it can be read or written.
  [[nodiscard]] virtual Status health() { return {}; }
  // Options::accept_loss: rows that were synced and were not there when it was opened.
  [[nodiscard]] virtual uint64_t lost_rows() const { return 0; }
  // Reads the file of rows or values behind `cursor` (a name; "": the first), compares checksums; `cursor` goes there,
  // and back to "" behind the last. Returns how many bytes were read. kCorrupt: the file is damaged, as if a read had
  // found it. Rows that are not in such files yet are looked at when the store is opened.
  [[nodiscard]] virtual Result<uint64_t> check_next_file(std::string& cursor) {
    cursor.clear();
    return 0;
  }
  // Makes `directory`, which must not exist yet: a store with all that was durable at some moment during the call, by
  // hard links to files, which never change. On the same file system. kInvalid: this kind of store has no files.
  [[nodiscard]] virtual Status snapshot_to(const std::string& directory) {
    return fail(Code::kInvalid, directory + ": this store has no files to take a snapshot of");
  }
};

// REQUIRES: no other process has the directory open (else Code::kConflict, with its path).
[[nodiscard]] Result<std::unique_ptr<Store>> open_rocks(const Options& options);

}  // namespace freshet::kv
