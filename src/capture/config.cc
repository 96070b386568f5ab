#include "capture/config.h"

#include <algorithm>

#include "base/hash.h"
#include "capture/fields.h"
#include "cluster/topic_name.h"
#include "yaml/field_reader.h"
#include "yaml/file.h"

namespace freshet::capture {
namespace {

using cluster::is_topic_byte;

// What can't be said by the shape of one value.
void check_whole(const Config& config, const yaml::Node& root, yaml::Problems& problems) {
  const auto& collections = config.source.collections;
  const bool one = collections.size() == 1 && collections[0].find('*') == std::string::npos;
  if (!one && config.topic.find('*') == std::string::npos && !config.topic.empty())
    problems.add(root.place_of({"topic"}),
                 "topic: would have the documents of several collections, whose ids may be the same: it must have a "
                 "`*`, which stands for the collection");
  if (const Status fine = cluster::check_properties(config.target.properties); !fine)
    problems.add(root.place_of({"target", "properties"}), "target.properties: " + fine.error().message);
}

}  // namespace

const yaml::TextRule kCaptureName = {"^[A-Za-z0-9._-]{1,150}$", "letters, digits, `.`, `_` and `-`, up to 150",
                                     cluster::is_name_in_topics};
const yaml::TextRule kCapturedTopic = {
    "^[A-Za-z0-9._*-]{1,249}$", "a topic's name, with one `*` at most", [](std::string_view text) {
      return !text.empty() && text.size() <= 249 && std::count(text.begin(), text.end(), '*') <= 1 &&
             std::all_of(text.begin(), text.end(), [](char c) { return c == '*' || is_topic_byte(c); });
    }};
const yaml::TextRule kDatabaseName = {
    R"(^[^/\\. "$*<>:|?]{1,63}$)", "the name of a database", [](std::string_view text) {
      return !text.empty() && text.size() <= 63 && text.find_first_of("/\\. \"$*<>:|?") == std::string_view::npos;
    }};

std::optional<Config> parse_config(std::string_view text, const yaml::Environment& environment,
                                   yaml::Problems& problems) {
  yaml::ParseOptions options;
  options.environment = environment;
  const auto root = yaml::parse(text, options, problems);
  if (!root) return std::nullopt;
  Config config;
  yaml::FieldReader reader(*root, "", problems);
  describe(reader, config);
  reader.finish();
  check_whole(config, *root, problems);
  if (!problems.empty()) return std::nullopt;
  if (config.prefix.empty()) config.prefix = "freshet.capture." + config.name;
  config.target.client_id = config.prefix;
  return config;
}

std::optional<Config> load_config(const std::string& path, const yaml::Environment& environment,
                                  yaml::Problems& problems) {
  const auto text = yaml::read_file(path, "the configuration of a capture", problems);
  return text ? parse_config(*text, environment, problems) : std::nullopt;
}

// Of what is no character of a topic's name: its two hexadecimal digits behind an underscore.
std::string topic_of(const Config& config, std::string_view collection) {
  std::string name;
  for (const char c : collection) {
    if (is_topic_byte(c)) name += c;
    if (!is_topic_byte(c)) name += "_" + to_hex({&c, 1});
  }
  std::string out = config.topic;
  if (const size_t star = out.find('*'); star != std::string::npos) out.replace(star, 1, name);
  return out;
}

std::string position_topic(const Config& config) { return config.prefix + ".position"; }
std::string letters_topic(const Config& config) { return config.prefix + ".deadletters"; }

}  // namespace freshet::capture
