// The verdict for people, and for programs.
#include <fmt/format.h>

#include "base/json_writer.h"
#include "mirror/verify/verify.h"

namespace freshet::mirror {
namespace {

std::string text_of_topic(const TopicVerdict& topic) {
  const std::string name = topic.topic == topic.to ? topic.topic : topic.topic + " -> " + topic.to;
  if (!topic.skipped.empty()) return fmt::format("{}: NOT COMPARED: {}\n", name, topic.skipped);
  const Compared& compared = topic.compared;
  std::string out =
      fmt::format("{}: {}, {} records promised, {} in the target, {} {}, {} set aside, {} offsets behind\n", name,
                  compared.same() ? "the same" : "DIFFERENT", compared.source, compared.target, compared.units,
                  compared.units == 1 ? "unit of order" : "units of order", topic.set_aside, topic.behind);
  for (size_t b = 0; b < compared.buckets.size(); ++b) {
    const Bucket& bucket = compared.buckets[b];
    if (bucket.different > 0)
      out += fmt::format("  range {}: {} of {} units differ; {} records promised, {} in the target\n", b,
                         bucket.different, bucket.units, bucket.source, bucket.target);
  }
  for (const Difference& one : topic.differences)
    out += fmt::format("  {}{}: {}\n", name_of(one.wrong), one.key.empty() ? "" : " (key " + one.key + ")", one.text);
  for (const std::string& note : topic.notes) out += fmt::format("  note: {}\n", note);
  return out;
}

void write_topic(JsonWriter& json, const TopicVerdict& topic) {
  const Compared& compared = topic.compared;
  json.begin_object().member("topic", topic.topic).member("to", topic.to);
  json.member("same", topic.skipped.empty() && compared.same()).member("skipped", topic.skipped);
  json.member("promised", compared.source).member("in_target", compared.target).member("units", compared.units);
  json.member("different", compared.different).member("passed_over", compared.passed_over);
  json.member("unordered", compared.unordered);
  json.member("set_aside", topic.set_aside).member("behind", topic.behind);
  json.key("ranges").begin_array();
  for (size_t b = 0; b < compared.buckets.size(); ++b) {
    const Bucket& bucket = compared.buckets[b];
    if (bucket.different == 0) continue;
    json.begin_object().member("range", b).member("units", bucket.units).member("different", bucket.different);
    json.member("promised", bucket.source).member("in_target", bucket.target).end_object();
  }
  json.end_array().key("differences").array(topic.differences, [](JsonWriter& inner, const Difference& one) {
    inner.begin_object().member("kind", name_of(one.wrong)).member("key", one.key);
    inner.member("text", one.text).end_object();
  });
  json.key("notes").array(topic.notes).end_object();
}

}  // namespace

std::string verdict_text(const Verdict& verdict) {
  std::string out;
  for (const TopicVerdict& topic : verdict.topics) out += text_of_topic(topic);
  if (!verdict.same()) return out + "The target differs: consumers must not switch.\n";
  if (!verdict.complete())
    return out + "What was promised is there: consumers may switch; the rest is being mirrored.\n";
  return out + "All of the source is there, once and in order: consumers and producers may switch.\n";
}

std::string verdict_json(const Verdict& verdict) {
  std::string out;
  {
    JsonWriter json(out);
    json.begin_object().member("same", verdict.same()).member("complete", verdict.complete());
    json.key("topics").array(verdict.topics, write_topic).end_object();
  }
  return out;
}

}  // namespace freshet::mirror
