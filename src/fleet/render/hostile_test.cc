// Text that means something to whoever reads what is rendered: quotes, comments, templates of Jinja, Go, HCL and
// shells. Whatever a file of a fleet says in its free text, each rendered file is parsed by its own grammar and has the
// shape that it has with a plain word in that place; where it had the word, it has the text, and nothing evaluates it.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/json_writer.h"
#include "fleet/render/targets.h"
#include "fleet/topology_yaml.h"

namespace freshet::fleet {
namespace {

constexpr std::string_view kWord = "plainword";

// '@' stands for the text, quoted as JSON has it, which is YAML, too.
constexpr std::string_view kFleetOfText =
    "fleet: f\n"
    "dns_zone: kafka.example\n"
    "regions: [{name: r, zones: [a, b, c]}]\n"
    "clusters:\n"
    "  - {name: metal, owner: @, description: @, settings: {client.quota.callback.class: @}}\n"
    "  - {name: pods, platform: strimzi, owner: @, description: @}\n"
    "topics:\n"
    "  - {name: t, cluster: metal, partitions: 3, owner: @, description: @, messages_per_second: 10}\n"
    "  - {name: u, cluster: pods, partitions: 3, owner: @, description: @}\n"
    "mirrors: [{name: m, from: metal, to: pods, topics: [t], owner: @}]\n"
    "services: [{name: s, owner: @, instances: 2, consumes: [{cluster: metal, topics: [t], group: @}]}]\n"
    "alert_routes: [{severity: warn, slack: @, owner: @}, {severity: critical, pagerduty: @}]\n";

std::optional<Topology> fleet_with(const std::string& text) {
  std::string quoted, out;
  JsonWriter(quoted).value(text);
  for (const char c : kFleetOfText) {
    if (c == '@') {
      out += quoted;
    } else {
      out += c;
    }
  }
  yaml::Problems problems("fleet.yaml");
  return parse_topology(out, problems);
}

Rendering rendered_with(const Topology& topology) {
  auto out = render(topology, {"fleet.yaml", std::string(32, '0')}, {});
  EXPECT_TRUE(out) << (out ? "" : out.error().message);
  return out ? *std::move(out) : Rendering{};
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// As Alertmanager's templates and those of Prometheus want it: an action that writes the braces.
std::string go_text(const std::string& text) { return replaced(text, "{{", "{{ \"{{\" }}"); }

// The documents of a file. Ansible's tag for text that it must not evaluate is none of YAML's.
std::vector<std::string> documents_of(const std::string& bytes) {
  std::vector<std::string> out(1);
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t end = std::min(bytes.find('\n', at), bytes.size() - 1) + 1;
    std::string line = bytes.substr(at, end - at);
    at = end;
    if (line == "---\n") {
      out.emplace_back();
    } else {
      constexpr std::string_view kTag = ": !unsafe ";
      const size_t tag = line.find(kTag);  // behind the first quote it is the text's own
      if (tag < line.find('"')) line.replace(tag, kTag.size(), ": ");
      out.back() += line;
    }
  }
  return out;
}

// "": both have the same shape, and the text stands where the word stood.
std::string compare_text(const std::string& plain, const std::string& is, const std::string& text) {
  if (plain.find(kWord) == std::string::npos) return plain == is ? "" : plain + " became " + is;
  // What is made a name of is made of letters; what stands whole stands as it is, or as Go's templates want it.
  if (plain != kWord || is == text || is == go_text(text)) return "";
  return is + " stands where " + text + " should";
}

std::string compare_nodes(const yaml::Node& plain, const yaml::Node& is, const std::string& text) {
  if (plain.kind != is.kind || plain.items.size() != is.items.size() || plain.keys.size() != is.keys.size())
    return fmt::format("line {}: another shape", is.at.line);
  if (plain.kind == yaml::Node::Kind::kScalar) return compare_text(plain.text, is.text, text);
  for (size_t i = 0; i < plain.keys.size(); ++i)
    if (std::string wrong = compare_text(plain.keys[i].text, is.keys[i].text, text); !wrong.empty()) return wrong;
  for (size_t i = 0; i < plain.items.size(); ++i)
    if (std::string wrong = compare_nodes(plain.items[i], is.items[i], text); !wrong.empty()) return wrong;
  return "";
}

std::string compare_yaml(const File& plain, const File& is, const std::string& text) {
  const std::vector<std::string> before = documents_of(plain.bytes), now = documents_of(is.bytes);
  if (before.size() != now.size()) return "another number of documents";
  for (size_t i = 0; i < now.size(); ++i) {
    yaml::Problems problems(is.path);
    const auto left = yaml::parse(before[i], {}, problems);
    const auto right = yaml::parse(now[i], {}, problems);
    if (!problems.empty()) return problems.text();
    if (left.has_value() != right.has_value()) return "a document became empty";
    if (!left) continue;
    if (std::string wrong = compare_nodes(*left, *right, text); !wrong.empty()) return wrong;
  }
  return "";
}

// HCL without what stands in quotes; nullopt: an expression would begin in one, or it does not end.
std::optional<std::string> skeleton_of_hcl(const std::string& bytes) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const auto next = [&](size_t n) { return i + n < bytes.size() ? bytes[i + n] : '\0'; };
    if (!quoted) {
      out += c;
      // A comment ends with its line, whatever quotes it has.
      if (c == '#') {
        const size_t end = std::min(bytes.find('\n', i), bytes.size());
        out.append(bytes, i + 1, end - i - 1);
        i = end - 1;
      }
      quoted = c == '"';
    } else if (c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = false;
      out += c;
    } else if (c == '\n') {
      return std::nullopt;
    } else if ((c == '$' || c == '%') && next(1) == c && next(2) == '{') {
      i += 2;
    } else if ((c == '$' || c == '%') && next(1) == '{') {
      return std::nullopt;
    }
  }
  return quoted ? std::nullopt : std::optional(out);
}

std::string compare_files(const File& plain, const File& is, const std::string& text) {
  const auto ends_with = [&](std::string_view end) { return is.path.ends_with(end); };
  if (ends_with(".yml") || ends_with(".yaml") || ends_with(".json")) return compare_yaml(plain, is, text);
  // Files that have nothing of the fleet's are the same.
  if (plain.bytes == is.bytes) return "";
  if (ends_with(".hcl")) {
    const auto before = skeleton_of_hcl(plain.bytes), now = skeleton_of_hcl(is.bytes);
    if (!now) return "HCL evaluates what stands in quotes";
    return before == now ? "" : "another shape";
  }
  const auto lines = [](const std::string& bytes) { return std::count(bytes.begin(), bytes.end(), '\n'); };
  return lines(plain.bytes) == lines(is.bytes) ? "" : "another number of lines";
}

void check_text(const std::string& text) {
  const auto hostile = fleet_with(text);
  if (!hostile) return;  // refused with line and column, which is right, too
  static const Rendering plain = rendered_with(*fleet_with(std::string(kWord)));
  const Rendering is = rendered_with(*hostile);
  ASSERT_EQ(plain.files.size(), is.files.size()) << text;
  for (size_t i = 0; i < is.files.size(); ++i) {
    EXPECT_EQ(plain.files[i].path, is.files[i].path) << text;
    EXPECT_EQ(compare_files(plain.files[i], is.files[i], text), "") << is.files[i].path << " with " << text;
  }
}

TEST(Hostile, WhatIsKnownToMeanSomethingStaysText) {
  for (const char* text : {"{{ lookup('pipe','id') }}",
                           "{% raw %}{{ x }}{% endraw %}",
                           "{# c #}",
                           "${file(\"/etc/passwd\")}",
                           "%{ if true }",
                           "a: b # c",
                           "'\"\\",
                           "$(id)`id`",
                           "- x",
                           "!unsafe y",
                           "&a *a",
                           "\"} or vector(1) #",
                           "no",
                           "1e3",
                           "ünï ☃",
                           "{{{{",
                           "}}{{",
                           "|",
                           "> x",
                           "[a, b",
                           "{a: b",
                           "%YAML 1.2",
                           "?",
                           "---",
                           "null",
                           "0x1f",
                           "$$",
                           "%%{",
                           "*/ x"})
    check_text(text);
}

RC_GTEST_PROP(Hostile, AnyTextIsRenderedAsText, ()) {
  const auto parts = *rc::gen::resize(
      8, rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
             "{{", "}}", "{%", "%}", "{#", "#}", "${", "%{", "}", "\"", "'", "\\", "#", ": ", "- ", "`", "$(", ")",
             "!unsafe ", "&", "*", "|", ">", "[", "]", "ä", "☃", " ", "a", "no", "~", "$", "%", ",", "//", "=")));
  std::string text;
  for (const std::string& part : parts) text += part;
  check_text(text);
  RC_ASSERT(!::testing::Test::HasFailure());
}

}  // namespace
}  // namespace freshet::fleet
