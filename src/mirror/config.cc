#include "mirror/config.h"

#include <algorithm>

#include "base/pattern.h"
#include "cluster/topic_name.h"
#include "mirror/fields.h"
#include "yaml/field_reader.h"
#include "yaml/file.h"

namespace freshet::mirror {
namespace {

// What can't be said by the shape of one value.
void check_whole(const Config& config, const yaml::Node& root, yaml::Problems& problems) {
  if (!config.source.name.empty() && config.source.name == config.target.name)
    problems.add(root.place_of({"target", "name"}),
                 "target.name: is the source's, too: records would be taken for ones that come back");
  for (const End* end : {&config.source, &config.target}) {
    const bool is_source = end == &config.source;
    if (const Status fine = cluster::check_properties(end->at.properties); !fine)
      problems.add(root.place_of({is_source ? "source" : "target", "properties"}),
                   (is_source ? "source" : "target") + std::string(".properties: ") + fine.error().message);
  }
  for (const TopicRule& rule : config.topics) {
    const auto stars = std::count(rule.to.begin(), rule.to.end(), '*');
    if (stars > 1 || (stars == 1 && rule.match.find('*') == std::string::npos))
      problems.add(root.place_of({"topics"}),
                   "topics: to: \"" + rule.to + "\" must have one `*` at most, and `match` one");
    if (stars == 0 && !rule.to.empty() && rule.match.find('*') != std::string::npos)
      problems.add(root.place_of({"topics"}), "topics: to: \"" + rule.to + "\" would put all topics of \"" +
                                                  rule.match + "\" into one: it must have a `*`, too");
  }
}

}  // namespace

const yaml::TextRule kMirrorName = {"^[A-Za-z0-9._-]{1,150}$", "letters, digits, `.`, `_` and `-`, up to 150",
                                    cluster::is_name_in_topics};
const yaml::TextRule kTopicPattern = {
    "^[A-Za-z0-9._*-]{1,249}$", "a topic's name, in which `*` stands for any text", [](std::string_view text) {
      return !text.empty() && text.size() <= 249 &&
             std::all_of(text.begin(), text.end(), [](char c) { return c == '*' || cluster::is_topic_byte(c); });
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
  if (config.prefix.empty()) config.prefix = "freshet.mirror." + config.name;
  set_instance(config, config.instance);
  return config;
}

void set_instance(Config& config, const std::string& instance) {
  config.instance = instance;
  config.source.at.client_id = config.target.at.client_id = config.prefix + "." + instance;
}

std::optional<Config> load_config(const std::string& path, const yaml::Environment& environment,
                                  yaml::Problems& problems) {
  const auto text = yaml::read_file(path, "the configuration of a mirror", problems);
  return text ? parse_config(*text, environment, problems) : std::nullopt;
}

std::string progress_topic(const Config& config, std::string_view source_topic) {
  return config.prefix + ".progress." + std::string(source_topic);
}

std::optional<std::string> source_of_progress(const Config& config, std::string_view topic) {
  const std::string begin = config.prefix + ".progress.";
  if (!topic.starts_with(begin)) return std::nullopt;
  return std::string(topic.substr(begin.size()));
}

std::string letters_topic(const Config& config) { return config.prefix + ".deadletters"; }
std::string heartbeat_topic(const Config& config) { return config.prefix + ".heartbeats"; }
std::string group_of(const Config& config) { return config.prefix; }
std::string transactional_id_of(const Config& config) { return config.prefix + "." + config.instance; }

// Neither Kafka's own topics nor those of mirrors are anybody's records.
std::optional<Chosen> choose(const Config& config, std::string_view topic) {
  if (topic.starts_with("__") || topic.starts_with("freshet.mirror.") || topic.starts_with(config.prefix + "."))
    return std::nullopt;
  for (const std::string& pattern : config.exclude)
    if (fits_pattern(pattern, topic)) return std::nullopt;
  for (const TopicRule& rule : config.topics) {
    const auto star = match_pattern(rule.match, topic);
    if (!star) continue;
    Chosen chosen{&rule, rule.to.empty() ? std::string(topic) : rule.to};
    if (const size_t at = chosen.to.find('*'); at != std::string::npos) chosen.to.replace(at, 1, *star);
    return chosen;
  }
  return std::nullopt;
}

}  // namespace freshet::mirror
