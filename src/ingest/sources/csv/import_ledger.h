// Imports of an installation whose ingest nodes share a log: an upload that one node began goes on at any other.
//
// The log has the progress of each import (topic `imports`, one partition, by (tenant, id), the last record of a key
// counts), and each node keeps a copy of it, which it brings up to date before it answers. A record stands for rows
// that are in the log already, so a node whose copy is old takes rows again that another one has taken; action drops
// them by their message ids, as after a crash. Of two records of one import the one that is further counts, wherever
// they stand.
//
// An import that is deleted at one node while another one still works on it may be there again; it can be deleted
// again.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/event_log.h"
#include "ingest/sources/csv/import_store.h"

namespace freshet::ingest {

// Thread-safe. put(), remove() and refresh() wait for the log, so they are for threads that may.
class ImportLedger final : public ImportStore {
 public:
  // The log must outlive it and what is under way; `rows` keeps the copy, and how far it is in the log of this name:
  // in another one, to which an installation has gone, it begins at the beginning.
  ImportLedger(eventlog::EventLog& log, std::shared_ptr<kv::Store> rows, std::string log_name = "");

  [[nodiscard]] Status put(const v1::ImportProgress& progress, bool synced) override;
  // done(kRetry): the log has not confirmed it.
  void put_then(const v1::ImportProgress& progress, bool synced, const std::function<void(Status)>& done) override;
  [[nodiscard]] Result<bool> refresh() override;
  [[nodiscard]] Result<std::optional<v1::ImportProgress>> get(const std::string& tenant,
                                                              const std::string& id) override;
  [[nodiscard]] Result<std::string> mapping(const std::string& tenant, const std::string& id) override;
  [[nodiscard]] Result<std::vector<v1::ImportProgress>> list(const std::string& tenant, const std::string& after,
                                                             size_t count) override;
  [[nodiscard]] Result<ImportCounts> count(const std::string& tenant) override;
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> complete_before(int64_t before_us,
                                                                                         size_t count) override;
  [[nodiscard]] Status remove(const std::string& tenant, const std::string& id) override;

 private:
  void append(const std::string& key, const std::string& value, const std::function<void(Status)>& done);
  // How far the copy is in the topic.
  [[nodiscard]] Result<eventlog::Offset> place();
  [[nodiscard]] Status take(const eventlog::Fetched& fetched);
  [[nodiscard]] Status take_record(const eventlog::RecordView& record);

  eventlog::EventLog& log_;
  const std::shared_ptr<kv::Store> rows_;
  const std::string log_name_;
  const std::unique_ptr<ImportStore> copy_;
  std::mutex mutex_;  // of refresh()
};

}  // namespace freshet::ingest
