#include "sinks/files/layout.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "model/time.h"
#include "sinks/files/compress.h"
#include "sinks/files/json.h"
#include "sinks/files/parquet/table.h"

namespace freshet::sinks {
namespace {

constexpr size_t kEventNameBytes = 40;  // of it, in a path; a hash tells apart what is cut or replaced
constexpr size_t kHashDigits = 8;

// "2026-01-02/03" of 2026-01-02T03:04:05.678Z
std::string hour_of(env::TimeUs time) {
  std::string text = model::format_time(std::max<env::TimeUs>(time, 0)).substr(0, 13);
  text[10] = '/';
  return text;
}

// The name of the event as a folder.
std::string folder_of_event(const std::string& event_json) {
  thread_local simdjson::dom::parser parser;
  std::string_view name;
  if (parser.parse(event_json)["event"].get_string().get(name) != simdjson::SUCCESS) return "none";
  std::string out(name.substr(0, kEventNameBytes));
  for (char& c : out)
    if (!is_name_char(c) && c != '-') c = '_';
  return fmt::format("{}-{}", out, hash128(name).hex().substr(0, kHashDigits));
}

std::string lines_of(const std::vector<const Item*>& items, eventlog::Topic topic) {
  std::string lines;
  for (const Item* const item : items) lines += json_of(*item, topic) + '\n';
  return lines;
}

// What readers of files know it as: the records of `deadletters` that come here say who was erased.
std::string_view folder_of(eventlog::Topic topic) {
  return topic == eventlog::Topic::kDeadLetters ? "erasures" : name_of(topic);
}

}  // namespace

std::string FileLayout::plan_key(eventlog::TopicPartition of, eventlog::Offset begin) const {
  return fmt::format("{}/_plan/{}/{:04}/{:020}.json", base_, folder_of(of.topic), of.partition, begin);
}

std::string FileLayout::manifest_key(eventlog::TopicPartition of, eventlog::Offset begin) const {
  return fmt::format("{}/_manifest/{}/{:04}/{:020}.json", base_, folder_of(of.topic), of.partition, begin);
}

// The same records give the same files, byte for byte, so that a file that is there already need not be put again.
std::vector<MadeFile> FileLayout::make(const Batch& batch, const FileStyle& style) const {
  const bool events = batch.from.topic == eventlog::Topic::kEvents;
  std::map<std::string, std::vector<const Item*>> by_folder;
  for (const Item& item : batch.items) {
    std::string folder = hour_of(item.received_at_us);
    if (events && style.split_by == model::SplitBy::kEvent) folder += "/" + folder_of_event(item.value);
    by_folder[folder].push_back(&item);
  }
  const bool parquet = style.format == model::FileFormat::kParquet;
  const std::string suffix = parquet ? ".parquet" : ".ndjson" + std::string(suffix_of(style.compression));
  std::vector<MadeFile> files;
  for (const auto& [folder, items] : by_folder) {
    MadeFile& made = files.emplace_back();
    made.file.path = fmt::format("{}/{}/{}/{:04}-{:020}-{:020}{}", base_, folder_of(batch.from.topic), folder,
                                 batch.from.partition, batch.begin, batch.next, suffix);
    made.file.rows = items.size();
    made.content = parquet ? parquet_of(batch.from, items, style.columns, style.compression)
                           : compressed(lines_of(items, batch.from.topic), style.compression);
    made.file.bytes = made.content.size();
  }
  return files;
}

std::string text_of_plan(const Batch& batch, const Plan& plan) {
  std::string out;
  {
    JsonWriter json(out);
    json.begin_object().member("topic", folder_of(batch.from.topic)).member("partition", batch.from.partition);
    json.member("begin", batch.begin).member("next", plan.next);
    json.member("compression", name_of(plan.style.compression)).member("split_by", name_of(plan.style.split_by));
    json.member("format", name_of(plan.style.format));
    if (!plan.style.columns.empty()) json.key("columns").array(plan.style.columns);
    json.key("files").array(plan.files, [](JsonWriter& list, const PlannedFile& file) {
      list.begin_object().member("path", file.path).member("rows", file.rows).member("bytes", file.bytes).end_object();
    });
    json.end_object();
  }
  return out + "\n";
}

namespace {

// False: it is none. A release that knew only lines did not say it.
bool read_format(const simdjson::dom::element& root, FileStyle& style) {
  std::string_view text;
  if (root["format"].get(text) == simdjson::SUCCESS) {
    const auto format = parse_name<model::FileFormat>(text);
    if (!format) return false;
    style.format = *format;
  }
  simdjson::dom::array columns;
  if (root["columns"].get(columns) != simdjson::SUCCESS) return true;
  for (const simdjson::dom::element column : columns) {
    if (column.get(text) != simdjson::SUCCESS) return false;
    style.columns.emplace_back(text);
  }
  return true;
}

}  // namespace

Result<Plan> parse_plan(std::string_view text) {
  const auto refused = fail(Code::kCorrupt, "is not what Freshet writes there");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return refused;
  Plan plan;
  std::string_view compression, split_by;
  if (root["next"].get_int64().get(plan.next) != simdjson::SUCCESS ||
      root["compression"].get_string().get(compression) != simdjson::SUCCESS ||
      root["split_by"].get_string().get(split_by) != simdjson::SUCCESS)
    return refused;
  const auto how = parse_name<model::Compression>(compression);
  const auto split = parse_name<model::SplitBy>(split_by);
  if (!how || !split || plan.next < 0) return refused;
  plan.style.compression = *how;
  plan.style.split_by = *split;
  if (!read_format(root, plan.style)) return refused;
  simdjson::dom::array files;
  if (root["files"].get_array().get(files) != simdjson::SUCCESS) return refused;
  for (const simdjson::dom::element one : files) {
    std::string_view path;
    PlannedFile file;
    if (one["path"].get_string().get(path) != simdjson::SUCCESS ||
        one["rows"].get_uint64().get(file.rows) != simdjson::SUCCESS ||
        one["bytes"].get_uint64().get(file.bytes) != simdjson::SUCCESS)
      return refused;
    file.path = path;
    plan.files.push_back(std::move(file));
  }
  return plan;
}

}  // namespace freshet::sinks
