// A rule of the JMX exporter is a regular expression over the MBean's full name, made from the parts in the table of
// metrics.h. A scrape reads only the objects that are named: a broker with 10,000 partitions has so many MBeans that a
// scrape of all takes longer than its interval.
#include "fleet/render/jmx.h"

#include <algorithm>

#include "base/assert.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::map;

std::string pattern_of(const Metric& metric) {
  FRESHET_ASSERT(!metric.keys.empty() && !metric.attribute.empty());
  std::string out = std::string(metric.domain) + "<";
  bool is_first = true;
  for (const MbeanKey& key : metric.keys) {
    std::string part = std::string(key.key) + "=" + std::string(key.pattern);
    // One that may be missing comes before others, and takes what would be between it and the next with it.
    if (key.optional) part = "(?:" + part + ", )?";
    if (!is_first) out += ", ";
    out += part;
    is_first = key.optional;
  }
  return (out += "><>") += metric.attribute;
}

// Exact keys stand as they are; the first that is a pattern makes the rest open.
std::string object_of(const Metric& metric) {
  std::string out = std::string(metric.domain) + ":";
  for (const MbeanKey& key : metric.keys) {
    if (!key.label.empty() || key.optional) return out + "*";
    (((out += key.key) += "=") += key.pattern) += ",";
  }
  return out + "*";
}

yaml::Node rule_of(const Metric& metric) {
  yaml::Node out =
      map("pattern", pattern_of(metric), "name", metric.name, "type", metric.counter ? "COUNTER" : "GAUGE");
  yaml::Node labels = map();
  int group = 0;
  for (const MbeanKey& key : metric.keys) {
    // Groups of the pattern are counted from 1, in the order of the keys.
    if (!key.label.empty()) yaml::put(labels, key.label, "$" + std::to_string(++group));
  }
  if (!metric.quantile.empty()) yaml::put(labels, "quantile", metric.quantile);
  if (!labels.keys.empty()) yaml::put(out, "labels", std::move(labels));
  yaml::put(out, "help", metric.help);
  return out;
}

}  // namespace

std::string exporter_rules(Exporter exporter) {
  yaml::Node rules = yaml::list();
  std::vector<std::string> objects;
  for (const Metric& metric : exported_metrics()) {
    if (metric.exporter != exporter) continue;
    rules.items.push_back(rule_of(metric));
    const std::string object = object_of(metric);
    if (std::find(objects.begin(), objects.end(), object) == objects.end()) objects.push_back(object);
  }
  return yaml::write(map("includeObjectNames", yaml::list_of(objects), "rules", std::move(rules)));
}

void render_jmx(const Topology&, const Source& source, Rendering& out) {
  out.files.push_back({"jmx/kafka.yml", comment_header(source) + exporter_rules(Exporter::kKafka)});
  out.files.push_back({"jmx/mirror-maker.yml", comment_header(source) + exporter_rules(Exporter::kMirrorMaker)});
}

}  // namespace freshet::fleet
