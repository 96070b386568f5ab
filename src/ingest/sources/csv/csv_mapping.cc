// Reads mappings, binds them to headers, and guesses one for a file that has none. Everything that
// can be known before the first row is checked here, and all of it is told at once: a mapping is
// written by hand, and an import of a million rows must not fail at the last column.

#include "ingest/sources/csv/csv_mapping.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "model/identifier.h"
#include "yaml/reader.h"

namespace freshet::ingest {
namespace {

using yaml::MapReader;
using yaml::Node;
using yaml::Problems;

// The letters that may follow a % in a format of times; model::parse_time_format knows these.
constexpr std::string_view kDirectives = "YmdeHIpMSfzaAbByjTRF%";

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_named_format(std::string_view format) {
  return format == "iso8601" || format == "epoch_s" || format == "epoch_ms";
}

void check_format(const std::string& format, const Node& node, const std::string& path, Problems& problems) {
  if (is_named_format(format)) return;
  if (format.find('%') == std::string::npos) {
    problems.add(node.at, path + ": must be iso8601, epoch_s, epoch_ms or a format such as \"%Y%m%d\", not " +
                              in_quotes(format));
    return;
  }
  for (size_t i = format.find('%'); i != std::string::npos; i = format.find('%', i + 2)) {
    if (i + 1 < format.size() && kDirectives.find(format[i + 1]) != std::string_view::npos) continue;
    problems.add(
        node.at,
        path + ": " + in_quotes(format.substr(i, 2)) +
            " is not a known directive; known are %Y %m %d %e %H %I %p %M %S %f %z %a %A %b %B %y %j %T %R %F %%");
    return;
  }
}

// The two words are told apart because they end in different places: properties in an event,
// attributes in a profile.
void check_use(CsvKind kind, CsvUse use, const Node& node, const std::string& path, Problems& problems) {
  if (kind == CsvKind::kEvents && use == CsvUse::kAttribute) {
    problems.add(node.at, path + ": kind events has properties, not attributes: write property");
  }
  if (kind != CsvKind::kEvents && use == CsvUse::kProperty) {
    problems.add(node.at,
                 path + ": kind " + std::string(name_of(kind)) + " has attributes, not properties: write attribute");
  }
}

void read_type(MapReader& map, CsvColumn& column, Problems& problems) {
  map.choice("type", column.type);
  const Node* format = map.find("format");
  if (format == nullptr) return;
  if (column.type != CsvType::kTime) {
    problems.add(format->at, map.path_of("format") + ": only for type: time");
  } else if (yaml::read_text(*format, map.path_of("format"), problems, column.format)) {
    check_format(column.format, *format, map.path_of("format"), problems);
  }
}

CsvColumn read_column(const std::string& name, const Node& node, CsvKind kind, Problems& problems) {
  CsvColumn column;
  column.column = name;
  MapReader map(node, "columns." + name, problems);
  std::vector<std::pair<CsvUse, const Node*>> uses;
  for (const auto& [use, key] : names_of(CsvUse{})) {
    if (const Node* found = map.find(std::string(key))) uses.emplace_back(use, found);
  }
  if (uses.size() != 1 && map.is_map()) {
    problems.add(node.at, "columns." + name + ": must say exactly one of " + yaml::join_names(all_names<CsvUse>()));
  }
  // The other keys are marked as known, so that the one missing key is the only problem that is
  // told.
  if (uses.empty()) {
    (void)map.find("type");
    (void)map.find("format");
  } else {
    const auto& [use, value] = uses.front();
    column.use = use;
    const std::string path = "columns." + name;
    if (use == CsvUse::kSkip) {
      bool skip = true;
      if (yaml::read_boolean(*value, path + ".skip", problems, skip) && !skip) {
        // Leaving a column out is said in words, because a column that the mapping forgets is an
        // error.
        problems.add(value->at, path + ".skip: must be true: a column that is not skipped says what it is");
      }
    } else if (use == CsvUse::kTimestamp) {
      if (yaml::read_text(*value, path + ".timestamp", problems, column.format))
        check_format(column.format, *value, path + ".timestamp", problems);
    } else {
      check_use(kind, use, *value, path, problems);
      yaml::read_text(*value, path, problems, column.name);
      if (use != CsvUse::kIdentifier) read_type(map, column, problems);
    }
  }
  map.finish();
  return column;
}

void read_event(MapReader& map, CsvMapping& mapping, Problems& problems) {
  const Node* node = map.find("event");
  if (mapping.kind != CsvKind::kEvents) {
    if (node != nullptr) problems.add(node->at, "event: only for kind: events");
    return;
  }
  if (node == nullptr) {
    if (map.is_map()) problems.add(map.at(), "event: is missing: {constant: Purchase} or {column: event}");
    return;
  }
  MapReader event(*node, "event", problems);
  event.text("constant", mapping.event);
  event.text("column", mapping.event_column);
  event.finish();
  if (event.is_map() && (node->find("constant") != nullptr) == (node->find("column") != nullptr)) {
    problems.add(node->at, "event: must say either constant or column");
  }
}

// What only shows when all columns are known: one timestamp at most, no name twice, and somebody
// whose the rows are.
void check_columns(const CsvMapping& mapping, const Node& columns, Problems& problems) {
  bool identified = false;
  const CsvColumn* timestamp = nullptr;
  std::map<std::string, const CsvColumn*> names;
  for (size_t i = 0; i < mapping.columns.size(); ++i) {
    const CsvColumn& column = mapping.columns[i];
    const yaml::Place at = columns.keys[i].at;
    identified = identified || column.use == CsvUse::kIdentifier;
    if (column.use == CsvUse::kTimestamp) {
      if (timestamp != nullptr)
        problems.add(at,
                     "columns." + column.column + ": " + in_quotes(timestamp->column) + " is the timestamp already");
      timestamp = &column;
    }
    if (column.use != CsvUse::kProperty && column.use != CsvUse::kAttribute) continue;
    const auto [other, is_new] = names.emplace(column.name, &column);
    if (!is_new)
      problems.add(at, "columns." + column.column + ": " + in_quotes(other->second->column) + " is mapped to " +
                           in_quotes(column.name) + " already");
  }
  if (!identified && !mapping.columns.empty()) {
    problems.add(
        columns.at,
        "columns: one at least must be an identifier, as in {identifier: user_id}: nothing says whose the rows are");
  }
}

// The length before each part keeps "ab","c" and "a","bc" apart.
void append_part(std::string& out, std::string_view part) {
  out.append(std::to_string(part.size())).append(":").append(part);
}

// Letters and digits only, in lower case: "Customer-ID" becomes "customerid".
std::string bare(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (is_letter_or_digit(c)) out += c;
  }
  return lower_case(out);
}

// Whether most of the cells that are not empty pass the test: a few bad rows must not hide what a
// column is.
bool most_cells(const std::vector<std::vector<std::string>>& rows, size_t column, bool (*test)(std::string_view)) {
  size_t cells = 0, good = 0;
  for (const auto& row : rows) {
    if (column >= row.size() || row[column].empty()) continue;
    ++cells;
    if (test(row[column])) ++good;
  }
  return cells > 0 && good * 4 >= cells * 3;
}

bool looks_digits(std::string_view cell) { return cell.find_first_not_of("0123456789") == std::string_view::npos; }
bool looks_number(std::string_view cell) {
  return cell.find_first_not_of("0123456789.-") == std::string_view::npos &&
         cell.find_first_of("0123456789") != std::string_view::npos && cell.find('-', 1) == std::string_view::npos &&
         std::count(cell.begin(), cell.end(), '.') <= 1;
}
bool looks_boolean(std::string_view cell) { return bare(cell) == "true" || bare(cell) == "false"; }
bool looks_iso(std::string_view cell) {
  return cell.size() >= 10 && cell[4] == '-' && cell[7] == '-' && looks_digits(cell.substr(0, 4)) &&
         looks_digits(cell.substr(5, 2));
}
bool looks_compact_date(std::string_view cell) {
  return cell.size() == 8 && looks_digits(cell) && (cell.starts_with("19") || cell.starts_with("20"));
}
// Seconds since 2001 and until 2033 have ten digits and begin with 1; a phone number seldom does.
bool looks_epoch_s(std::string_view cell) { return cell.size() == 10 && looks_digits(cell) && cell[0] == '1'; }
bool looks_epoch_ms(std::string_view cell) { return cell.size() == 13 && looks_digits(cell) && cell[0] == '1'; }

std::string guess_time_format(const std::vector<std::vector<std::string>>& rows, size_t column) {
  if (most_cells(rows, column, looks_iso)) return "iso8601";
  if (most_cells(rows, column, looks_compact_date)) return "\"%Y%m%d\"";
  if (most_cells(rows, column, looks_epoch_s)) return "epoch_s";
  if (most_cells(rows, column, looks_epoch_ms)) return "epoch_ms";
  return {};
}

std::string guess_identifier(const std::string& name) {
  static const std::map<std::string, std::string> kKnown = {{"userid", "user_id"},
                                                            {"customerid", "user_id"},
                                                            {"customer", "user_id"},
                                                            {"uid", "user_id"},
                                                            {"user", "user_id"},
                                                            {"email", "email"},
                                                            {"emailaddress", "email"},
                                                            {"phone", "phone"},
                                                            {"phonenumber", "phone"},
                                                            {"mobile", "phone"},
                                                            {"anonymousid", "anonymous_id"},
                                                            {"visitorid", "anonymous_id"},
                                                            {"deviceid", "device_id"},
                                                            {"idfv", "idfv"},
                                                            {"gaid", "gaid"}};
  const auto found = kKnown.find(bare(name));
  return found == kKnown.end() ? "" : found->second;
}

bool is_event_name(const std::string& name) {
  const std::string key = bare(name);
  return key == "event" || key == "eventname" || key == "action" || key == "eventtype";
}

std::string yaml_text(std::string_view text) {
  std::string out;
  append_json_string(out, text);  // JSON strings are YAML
  return out;
}

// A guess is a proposal for somebody to read, so it prefers what is seldom wrong: names for
// identifiers, cells for types.
std::string guess_column(const std::string& name, const std::vector<std::vector<std::string>>& rows, size_t column,
                         bool events, bool& timestamp_done) {
  if (const std::string type = guess_identifier(name); !type.empty()) return "{identifier: " + type + "}";
  const std::string format = guess_time_format(rows, column);
  const std::string key = bare(name);
  const bool named_time =
      key.find("time") != std::string::npos || key.find("date") != std::string::npos || key == "day" || key == "ts";
  if (!format.empty() && !timestamp_done && (named_time || (events && format == "iso8601"))) {
    timestamp_done = true;
    return "{timestamp: " + format + "}";
  }
  std::string type = "string";
  if (format == "iso8601") type = "time, format: iso8601";
  if (type == "string" && most_cells(rows, column, looks_number)) type = "number";
  if (type == "string" && most_cells(rows, column, looks_boolean)) type = "boolean";
  return std::string(events ? "{property: " : "{attribute: ") + yaml_text(name) + ", type: " + type + "}";
}

}  // namespace

Hash128 CsvMapping::hash() const {
  std::string all;
  append_part(all, name_of(kind));
  append_part(all, event);
  append_part(all, event_column);
  std::vector<const CsvColumn*> sorted;
  // Columns are sorted, because their order in the file means nothing and must not make another
  // import.
  for (const CsvColumn& column : columns) sorted.push_back(&column);
  std::sort(sorted.begin(), sorted.end(), [](const CsvColumn* a, const CsvColumn* b) { return a->column < b->column; });
  for (const CsvColumn* column : sorted) {
    append_part(all, column->column);
    all += static_cast<char>('0' + static_cast<int>(column->use));
    all += static_cast<char>('0' + static_cast<int>(column->type));
    append_part(all, column->name);
    append_part(all, column->format);
  }
  return hash128(all);
}

std::optional<CsvMapping> parse_csv_mapping(std::string_view text, Problems& problems) {
  const auto root = yaml::parse(
      text, {.bytes_max = kCsvMappingBytesMax, .structure_max = kCsvMappingStructureMax, .environment = {}}, problems);
  if (!root) return std::nullopt;
  CsvMapping mapping;
  MapReader map(*root, "", problems);
  if (const Node* node = map.require("kind", "users, events or devices"))
    yaml::read_choice(*node, "kind", problems, mapping.kind);
  read_event(map, mapping, problems);
  if (const Node* columns = map.require("columns", "what each column of the header is")) {
    const MapReader shape(*columns, "columns", problems);
    if (columns->keys.size() > kCsvColumnsMax) {
      problems.add(columns->at, "columns: more than " + std::to_string(kCsvColumnsMax));
    } else {
      for (size_t i = 0; i < columns->keys.size() && !problems.full(); ++i) {
        mapping.columns.push_back(read_column(columns->keys[i].text, columns->items[i], mapping.kind, problems));
      }
      if (!problems.full()) check_columns(mapping, *columns, problems);
    }
  }
  map.finish();
  if (!problems.empty()) return std::nullopt;
  return mapping;
}

Result<CsvMapping> parse_csv_mapping(std::string_view text, const std::string& file) {
  Problems problems(file, kCsvMappingProblemsMax);
  auto mapping = parse_csv_mapping(text, problems);
  if (!mapping) return fail(Code::kInvalid, problems.text());
  return std::move(*mapping);
}

namespace {

// Checks one binding. Its problems are lines, as there is no one file in which they all stand.
class Binder {
 public:
  Binder(const CsvMapping& mapping, std::span<const std::string> header, const model::Tenant& tenant)
      : mapping_(mapping), header_(header), tenant_(tenant) {
    for (const CsvColumn& column : mapping.columns) {
      positions_.emplace(column.column, mapped_.size());
      mapped_.push_back(column.column);
    }
  }

  Result<CsvPlan> bind() {
    plan_.kind = mapping_.kind;
    plan_.event = mapping_.event;
    plan_.mapping_hash = mapping_.hash();
    FRESHET_TRY(check_csv_header(header_));
    for (const std::string& name : header_) {
      plan_.cells.push_back(cell_of(name));
      if (full()) return fail(Code::kInvalid, problems_);
    }
    FRESHET_ASSERT(plan_.cells.size() == header_.size());
    check_absent_columns();
    check_limits();
    if (problems_.empty()) return std::move(plan_);
    return fail(Code::kInvalid, problems_);
  }

 private:
  void problem(const std::string& text) {
    if (full()) return;
    if (!problems_.empty()) problems_ += '\n';
    problems_ += text;
    if (++problem_count_ == kCsvMappingProblemsMax)
      problems_ += "\nonly so many problems are listed: there may be more";
  }
  [[nodiscard]] bool full() const { return problem_count_ >= kCsvMappingProblemsMax; }

  CsvPlan::Cell cell_of(const std::string& name) {
    CsvPlan::Cell cell;
    if (!seen_.insert(name).second)
      problem("the header has the column " + in_quotes(name) + " twice: columns must be unique");
    if (name == mapping_.event_column && mapping_.kind == CsvKind::kEvents) {
      cell.column.use = CsvUse::kEvent;
      cell.column.column = name;
      if (positions_.contains(name)) {
        problem("the column " + in_quotes(name) + " is the event's name: take it out of columns");
      }
      return cell;
    }
    const auto found = positions_.find(name);
    if (found == positions_.end()) {
      // A column that is not mapped is an error and not left out: forgetting it would lose its data
      // in every row.
      problem("the column " + in_quotes(name) + " is not in the mapping" + yaml::did_you_mean(name, mapped_) +
              " (write {skip: true} to leave it out)");
      return cell;
    }
    cell.column = mapping_.columns[found->second];
    if (cell.column.use == CsvUse::kIdentifier) cell.entity = entity_of(cell.column);
    if (cell.column.use == CsvUse::kProperty) {
      append_json_string(cell.json_key, cell.column.name);
      cell.json_key += ':';
    }
    return cell;
  }

  // A type that users and devices have alike belongs to what the file is about.
  v1::EntityKind entity_of(const CsvColumn& column) {
    const auto listed = [&](v1::EntityKind kind) {
      const auto& types = model::priority_of(kind, tenant_.rules);
      return std::find(types.begin(), types.end(), column.name) != types.end();
    };
    const v1::EntityKind first = mapping_.kind == CsvKind::kDevices ? v1::ENTITY_KIND_DEVICE : v1::ENTITY_KIND_USER;
    const v1::EntityKind second = mapping_.kind == CsvKind::kDevices ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE;
    has_subject_ = has_subject_ || listed(first) || (mapping_.kind == CsvKind::kEvents && listed(second));
    if (listed(first)) return first;
    if (listed(second)) return second;
    std::vector<std::string> known(tenant_.rules.user_priority().begin(), tenant_.rules.user_priority().end());
    known.insert(known.end(), tenant_.rules.device_priority().begin(), tenant_.rules.device_priority().end());
    problem("columns." + column.column + ": " + in_quotes(column.name) + " is not an identifier type of this tenant" +
            yaml::did_you_mean(column.name, known) + " Known: " + yaml::join_names(known));
    has_subject_ = true;
    return first;
  }

  void check_absent_columns() {
    const std::vector<std::string> names(header_.begin(), header_.end());
    std::vector<std::string> wanted = mapped_;
    if (!mapping_.event_column.empty()) wanted.push_back(mapping_.event_column);
    for (const std::string& name : wanted) {
      if (full()) return;
      // Columns without a name at the end are none (next_csv_header), so whoever skips them may.
      if (seen_.contains(name) || name.empty()) continue;
      problem("the mapping names a column " + in_quotes(name) + " that the file has not" +
              yaml::did_you_mean(name, names));
    }
    // A file with semicolons reads as one column; every row would be accepted and mean nothing.
    if (header_.size() == 1 && header_[0].find_first_of(";\t|") != std::string::npos) {
      problem("the header is one column with other separators in it: cells must be separated by commas");
    }
    if (!has_subject_ && problems_.empty()) {
      problem("no column is an identifier of a " + std::string(mapping_.kind == CsvKind::kDevices ? "device" : "user"));
    }
  }

  void check_limits() {
    const model::Limits& limits = tenant_.limits;
    const auto too_long = [&](const std::string& name) { return name.size() > limits.name_length; };
    size_t named = 0;
    for (const CsvColumn& column : mapping_.columns) {
      if (column.use != CsvUse::kProperty && column.use != CsvUse::kAttribute) continue;
      ++named;
      if (too_long(column.name))
        problem("columns." + column.column + ": the name is longer than " + std::to_string(limits.name_length));
    }
    if (too_long(mapping_.event)) problem("event: the name is longer than " + std::to_string(limits.name_length));
    const uint32_t most = mapping_.kind == CsvKind::kEvents ? limits.event_attributes : limits.user_attributes;
    if (named > most)
      problem(std::to_string(named) + " properties or attributes; this tenant may have " + std::to_string(most));
  }

  const CsvMapping& mapping_;
  std::span<const std::string> header_;
  const model::Tenant& tenant_;
  std::vector<std::string> mapped_;
  std::map<std::string_view, size_t> positions_;  // of columns in the mapping
  std::set<std::string> seen_;
  bool has_subject_ = false;
  CsvPlan plan_;
  std::string problems_;
  size_t problem_count_ = 0;
};

}  // namespace

// Excel for the Mac has ended lines so: the whole file is one row then, of columns that nobody has.
Status check_csv_header(std::span<const std::string> header) {
  const bool has_return = std::any_of(header.begin(), header.end(),
                                      [](const std::string& name) { return name.find('\r') != std::string::npos; });
  if (!has_return) return {};
  return fail(
      Code::kInvalid,
      "the header has a carriage return in it: the file's line ends are CR alone (\"CSV (Macintosh)\"); save it "
      "with LF or CRLF line ends");
}

Result<CsvPlan> bind_csv_mapping(const CsvMapping& mapping, std::span<const std::string> header,
                                 const model::Tenant& tenant) {
  return Binder(mapping, header, tenant).bind();
}

std::string propose_csv_mapping(std::span<const std::string> header,
                                const std::vector<std::vector<std::string>>& rows) {
  const auto event = std::find_if(header.begin(), header.end(), is_event_name);
  bool dated = false;
  for (size_t i = 0; i < header.size(); ++i) dated = dated || !guess_time_format(rows, i).empty();
  const bool events = event != header.end() || dated;
  std::string columns;
  bool timestamp_done = false;
  bool identified = false;
  for (size_t i = 0; i < header.size(); ++i) {
    if (event != header.end() && header[i] == *event) continue;
    const std::string guess = guess_column(header[i], rows, i, events, timestamp_done);
    identified = identified || guess.starts_with("{identifier");
    columns += "  " + yaml_text(header[i]) + ": " + guess + "\n";
  }
  std::string out = events ? "kind: events            # users | events | devices\n"
                           : "kind: users             # users | events | devices\n";
  if (event != header.end()) {
    out += "event: {column: " + yaml_text(*event) + "}\n";
  } else if (events) {
    out += "event: {constant: CHANGE ME}\n";
  }
  if (!identified) out += "# no column looks like an identifier: one must be, as in {identifier: user_id}\n";
  return out + "columns:\n" + columns;
}

}  // namespace freshet::ingest
