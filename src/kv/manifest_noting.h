// What RocksDB calls after it has changed the list of its files.
#pragma once

#include <rocksdb/listener.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "kv/synced_note.h"
#include "telemetry/log.h"

namespace freshet::kv {

// Notes how long the manifest is whenever it has grown by files.
class ManifestNoting final : public rocksdb::EventListener {
 public:
  explicit ManifestNoting(std::string path) : path_(std::move(path)) {}
  void begin(std::shared_ptr<SyncedNote> note) {
    const std::lock_guard lock(mutex_);
    note_ = std::move(note);
  }
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override { look(); }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override { look(); }
  void OnExternalFileIngested(rocksdb::DB*, const rocksdb::ExternalFileIngestionInfo&) override { look(); }

 private:
  void look() {
    const std::lock_guard lock(mutex_);
    const auto manifest = note_ == nullptr ? std::nullopt : manifest_of(path_);
    if (!manifest) return;
    if (const Status noted = note_->raise(*manifest); !noted) log::error("{}", noted.error().message);
  }

  const std::string path_;
  std::mutex mutex_;
  std::shared_ptr<SyncedNote> note_;  // null: nothing is noted
};

}  // namespace freshet::kv
