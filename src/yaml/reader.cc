// Values are read one by one, and a wrong one is told and left at its default, so that whoever has three mistakes in a
// file hears of all three at once. Each message has the same form: the path, what must be there, and what is there.
#include "yaml/reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "base/number.h"
#include "yaml/units.h"

namespace freshet::yaml {
namespace {

constexpr size_t kNameBytesMax = 200;  // of a name that is shown
constexpr size_t kNamesShownMax = 40;

// A value of a file may be a whole certificate that was put into the wrong place: a message shows its beginning.
std::string shown(std::string_view text) {
  return text.size() <= kNameBytesMax ? "\"" + std::string(text) + "\""
                                      : "\"" + std::string(text.substr(0, kNameBytesMax)) + "…\"";
}

// The text of a value that is no map and no list, which each kind of value begins with; null: it has been told.
const std::string* scalar(const Node& node, const std::string& path, std::string_view wanted, Problems& problems) {
  if (node.kind == Node::Kind::kScalar) return &node.text;
  problems.add(node.at, path + ": must be " + std::string(wanted) + ", not " + std::string(name_of(node.kind)));
  return nullptr;
}

struct Unit {
  std::string_view name;
  double factor;
};

// "1.5GiB" by the units; the number alone takes factor `bare` (0: a unit is required).
std::optional<double> parse_with_unit(std::string_view text, std::span<const Unit> units, double bare) {
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = to_number<double>(text.substr(0, end));
  if (!number || !std::isfinite(*number)) return std::nullopt;
  std::string_view unit = text.substr(end);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (unit.empty()) return bare > 0 || *number == 0 ? std::optional(*number * bare) : std::nullopt;
  for (const Unit& known : units) {
    if (known.name == unit) return *number * known.factor;
  }
  return std::nullopt;
}

std::string number_text(double number) {
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, number);
  return {buffer, result.ptr};
}

}  // namespace

std::string did_you_mean(std::string_view name, const NameList& candidates) {
  const std::string_view best = nearest(name, candidates);
  return best.empty() ? "" : "; did you mean \"" + std::string(best) + "\"?";
}

std::string join_names(const NameList& names) {
  std::string out;
  const size_t shown_count = std::min(names.size(), kNamesShownMax);
  for (size_t i = 0; i < shown_count; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " or " : ", ";
    out += names[i];
  }
  return shown_count < names.size() ? out + ", …" : out;
}

bool read_text(const Node& node, const std::string& path, Problems& problems, std::string& out) {
  const std::string* text = scalar(node, path, "text", problems);
  if (text == nullptr) return false;
  if (text->empty()) {
    problems.add(node.at, path + ": must not be empty");
    return false;
  }
  out = *text;
  return true;
}

bool read_count(const Node& node, const std::string& path, uint64_t min, uint64_t max, Problems& problems,
                uint64_t& out) {
  const std::string wanted = "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  const std::string* text = scalar(node, path, wanted, problems);
  if (text == nullptr) return false;
  const auto value = to_number<uint64_t>(*text);
  if (!value || *value < min || *value > max) {
    problems.add(node.at, path + ": must be " + wanted + ", not " + shown(*text));
    return false;
  }
  out = *value;
  return true;
}

bool read_number(const Node& node, const std::string& path, double min, double max, Problems& problems, double& out) {
  const std::string wanted = "a number from " + number_text(min) + " to " + number_text(max);
  const std::string* text = scalar(node, path, wanted, problems);
  if (text == nullptr) return false;
  const auto value = to_number<double>(*text);
  if (!value || !(*value >= min) || !(*value <= max)) {
    problems.add(node.at, path + ": must be " + wanted + ", not " + shown(*text));
    return false;
  }
  out = *value;
  return true;
}

bool read_boolean(const Node& node, const std::string& path, Problems& problems, bool& out) {
  const std::string* text = scalar(node, path, "true or false", problems);
  if (text == nullptr) return false;
  if (*text != "true" && *text != "false") {
    problems.add(node.at, path + ": must be true or false, not " + shown(*text));
    return false;
  }
  out = *text == "true";
  return true;
}

bool read_bytes(const Node& node, const std::string& path, uint64_t min, uint64_t max, Problems& problems,
                uint64_t& out) {
  static constexpr Unit kUnits[] = {
      {"B", 1},    {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0},
      {"kB", 1e3}, {"KB", 1e3},     {"MB", 1e6},        {"GB", 1e9},           {"TB", 1e12}};
  const std::string wanted = "a size from " + size_text(min) + " to " + size_text(max) + " (as in 512MiB, 1GiB)";
  const std::string* text = scalar(node, path, wanted, problems);
  if (text == nullptr) return false;
  const auto value = parse_with_unit(*text, kUnits, 1);
  if (!value || *value < static_cast<double>(min) || *value > static_cast<double>(max)) {
    problems.add(node.at, path + ": must be " + wanted + ", not " + shown(*text));
    return false;
  }
  out = static_cast<uint64_t>(*value);
  return true;
}

bool read_duration_us(const Node& node, const std::string& path, int64_t min, int64_t max, Problems& problems,
                      int64_t& out) {
  static constexpr Unit kUnits[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}};
  const std::string wanted =
      "a duration from " + duration_text(min) + " to " + duration_text(max) + " (as in 50ms, 60s, 5m, 24h)";
  const std::string* text = scalar(node, path, wanted, problems);
  if (text == nullptr) return false;
  const auto value = parse_with_unit(*text, kUnits, 0);
  if (!value || *value < static_cast<double>(min) || *value > static_cast<double>(max)) {
    problems.add(node.at, path + ": must be " + wanted + ", not " + shown(*text));
    return false;
  }
  out = static_cast<int64_t>(*value);
  return true;
}

bool read_choice(const Node& node, const std::string& path, const NameList& names, Problems& problems, size_t& out) {
  const std::string* text = scalar(node, path, join_names(names), problems);
  if (text == nullptr) return false;
  const auto found = std::find(names.begin(), names.end(), *text);
  if (found == names.end()) {
    problems.add(node.at,
                 path + ": must be " + join_names(names) + ", not " + shown(*text) + did_you_mean(*text, names));
    return false;
  }
  out = static_cast<size_t>(found - names.begin());
  return true;
}

MapReader::MapReader(const Node& node, std::string path, Problems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {
  if (is_map()) return;
  problems_.add(node_.at, called() + ": must be a map (key: value), not " + std::string(name_of(node_.kind)));
}

// Whatever is asked for is known, whether it is there or not: finish() tells keys that nobody has asked for.
const Node* MapReader::find(const std::string& key) {
  known_.push_back(key);
  return node_.find(key);
}

const Node* MapReader::require(const std::string& key, std::string_view what) {
  const Node* node = find(key);
  if (node == nullptr && is_map()) problems_.add(node_.at, path_of(key) + ": is missing: " + std::string(what));
  return node;
}

bool MapReader::text(const std::string& key, std::string& out) {
  const Node* node = find(key);
  return node != nullptr && read_text(*node, path_of(key), problems_, out);
}

bool MapReader::count(const std::string& key, uint64_t min, uint64_t max, uint64_t& out) {
  const Node* node = find(key);
  return node != nullptr && read_count(*node, path_of(key), min, max, problems_, out);
}

bool MapReader::count(const std::string& key, uint64_t min, uint64_t max, uint32_t& out) {
  uint64_t wide = 0;
  if (!count(key, min, std::min<uint64_t>(max, std::numeric_limits<uint32_t>::max()), wide)) return false;
  out = static_cast<uint32_t>(wide);
  return true;
}

bool MapReader::number(const std::string& key, double min, double max, double& out) {
  const Node* node = find(key);
  return node != nullptr && read_number(*node, path_of(key), min, max, problems_, out);
}

bool MapReader::bytes(const std::string& key, uint64_t min, uint64_t max, uint64_t& out) {
  const Node* node = find(key);
  return node != nullptr && read_bytes(*node, path_of(key), min, max, problems_, out);
}

bool MapReader::duration_us(const std::string& key, int64_t min, int64_t max, int64_t& out) {
  const Node* node = find(key);
  return node != nullptr && read_duration_us(*node, path_of(key), min, max, problems_, out);
}

std::vector<const Node*> MapReader::list(const std::string& key) {
  std::vector<const Node*> items;
  const Node* node = find(key);
  if (node == nullptr) return items;
  if (node->kind != Node::Kind::kList) {
    problems_.add(node->at, path_of(key) + ": must be a list ([a, b]), not " + std::string(name_of(node->kind)));
    return items;
  }
  for (const Node& item : node->items) items.push_back(&item);
  return items;
}

// A name that stands twice in a list is a mistake of whoever wrote it (two keys, two brokers), not the same as once.
std::vector<const Node*> MapReader::texts(const std::string& key) {
  std::vector<const Node*> good;
  std::vector<std::string> seen;
  size_t index = 0;
  for (const Node* item : list(key)) {
    const std::string path = path_of(key) + "[" + std::to_string(index++) + "]";
    std::string text;
    if (!read_text(*item, path, problems_, text)) continue;
    if (std::find(seen.begin(), seen.end(), text) != seen.end()) {
      problems_.add(item->at, path + ": " + shown(text) + " is there twice");
      continue;
    }
    seen.push_back(text);
    good.push_back(item);
  }
  return good;
}

void MapReader::refuse(const std::string& key, std::string_view why) {
  refused_.push_back(key);
  for (const Node& given : node_.keys) {
    if (given.text == key) problems_.add(given.at, path_of(key) + ": " + std::string(why));
  }
}

// A key that nobody reads would be a setting that does nothing, and its writer would believe that it does.
void MapReader::finish() {
  std::vector<std::string> known = known_;
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (const Node& key : node_.keys) {
    if (problems_.full()) return;
    if (std::binary_search(known.begin(), known.end(), key.text)) continue;
    if (std::find(refused_.begin(), refused_.end(), key.text) != refused_.end()) continue;
    const std::string hint = did_you_mean(key.text, known);
    problems_.add(key.at, (path_.empty() ? "" : path_ + ": ") + "unknown key " + shown(key.text) +
                              (hint.empty() ? "." : hint) + " Allowed: " + join_names(known));
  }
}

}  // namespace freshet::yaml
