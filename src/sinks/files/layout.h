// Where files of a sink lie, and the manifest that names them. docs/sinks.md has it for loaders.
//
//   TENANT/SINK/events/2026-01-02/03/0007-BEGIN-NEXT.ndjson.gz     records, by the hour of received_at; or .parquet
//   TENANT/SINK/_plan/events/0007/BEGIN.json                       what is about to be written
//   TENANT/SINK/_manifest/events/0007/BEGIN.json                   the same, once it is written
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/sink.h"

namespace freshet::sinks {

// How files are made; a plan that is finished later is finished as it was begun.
struct FileStyle {
  model::Compression compression = model::Compression::kGzip;
  model::SplitBy split_by = model::SplitBy::kNothing;
  model::FileFormat format = model::FileFormat::kLines;
  std::vector<std::string> columns;  // of Parquet, beside those that all files have
  bool operator==(const FileStyle&) const = default;
};

struct PlannedFile {
  std::string path;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

struct Plan {
  eventlog::Offset next = 0;
  FileStyle style;
  std::vector<PlannedFile> files;
};

// A file with its content.
struct MadeFile {
  PlannedFile file;
  std::string content;
};

class FileLayout {
 public:
  FileLayout(std::string tenant, std::string sink) : base_(std::move(tenant) + "/" + std::move(sink)) {}

  [[nodiscard]] std::string plan_key(eventlog::TopicPartition of, eventlog::Offset begin) const;
  [[nodiscard]] std::string manifest_key(eventlog::TopicPartition of, eventlog::Offset begin) const;
  // The files of a batch, sorted by path.
  [[nodiscard]] std::vector<MadeFile> make(const Batch& batch, const FileStyle& style) const;

 private:
  const std::string base_;
};

// The text of plan and manifest.
[[nodiscard]] std::string text_of_plan(const Batch& batch, const Plan& plan);
// kCorrupt: it is none.
[[nodiscard]] Result<Plan> parse_plan(std::string_view text);

}  // namespace freshet::sinks
