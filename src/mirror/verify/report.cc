// The verdict for people, and for programs.
#include <fmt/core.h>

#include "base/json_writer.h"
#include "mirror/verify/verify.h"

namespace freshet::mirror {
namespace {

const char* name_of_verdict(const Compared& compared) {
  if (compared.different > 0) return "DIFFERENT";
  return compared.untold > 0 ? "CAN'T TELL" : "the same";
}

std::string text_of_topic(const TopicVerdict& topic) {
  const std::string name = topic.topic == topic.to ? topic.topic : topic.topic + " -> " + topic.to;
  if (!topic.skipped.empty()) return fmt::format("{}: NOT COMPARED: {}\n", name, topic.skipped);
  const Compared& compared = topic.compared;
  const std::string before =
      topic.verified_before > 0 ? fmt::format(" ({} of them verified before)", topic.verified_before) : "";
  std::string out =
      fmt::format("{}: {}, {} records promised{}, {} in the target, {} {}, {} set aside, {} offsets behind\n", name,
                  name_of_verdict(compared), compared.source, before, compared.target, compared.units,
                  compared.units == 1 ? "unit of order" : "units of order", topic.set_aside, topic.behind);
  for (size_t b = 0; b < compared.buckets.size(); ++b) {
    const Bucket& bucket = compared.buckets[b];
    if (bucket.different > 0)
      out += fmt::format("  range {}: {} of {} units differ; {} records promised, {} in the target\n", b,
                         bucket.different, bucket.units, bucket.source, bucket.target);
  }
  if (compared.untold > 0)
    out += fmt::format(
        "  {} units have records beside those promised: the source has deleted some, and whether these are they can't "
        "be told; --from compares from a time on\n",
        compared.untold);
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
  json.member("unordered", compared.unordered).member("untold", compared.untold);
  json.member("set_aside", topic.set_aside).member("behind", topic.behind);
  json.member("verified_before", topic.verified_before);
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

std::string verdict_of_other(const Verdict& verdict) {
  for (const TopicVerdict& topic : verdict.topics)
    if (!topic.skipped.empty() || topic.compared.different > 0)
      return "The target differs: consumers must not switch.\n";
  return "Nothing that was compared differs, and not all of it could be: consumers should not switch on this.\n";
}

}  // namespace

std::string verdict_text(const Verdict& verdict) {
  std::string out;
  for (const TopicVerdict& topic : verdict.topics) out += text_of_topic(topic);
  if (!verdict.same()) return out + verdict_of_other(verdict);
  if (verdict.set_aside() > 0)
    out += fmt::format(
        "{} records were set aside: they are in {}, and not in their topics. Whoever switches does without them, or "
        "writes them there.\n",
        verdict.set_aside(), verdict.letters);
  if (verdict.behind() > 0)
    return out + "What was promised is there: consumers may switch; the rest is being mirrored.\n";
  if (verdict.set_aside() > 0) return out + "All else of the source is there, once and in order.\n";
  return out + "All of the source is there, once and in order: consumers and producers may switch.\n";
}

std::string verdict_json(const Verdict& verdict) {
  std::string out;
  {
    JsonWriter json(out);
    json.begin_object().member("same", verdict.same()).member("complete", verdict.complete());
    json.member("set_aside", verdict.set_aside());
    json.key("topics").array(verdict.topics, write_topic).end_object();
  }
  return out;
}

}  // namespace freshet::mirror
