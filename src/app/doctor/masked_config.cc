#include "app/doctor/masked_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "yaml/node.h"
#include "yaml/writer.h"

namespace freshet::app {
namespace {

using yaml::Node;

constexpr std::string_view kHidden = "…";

// Keys of the file whose values are shown, wherever they stand outside of the tenants. What is not here is hidden: a
// key that is added later is a secret until somebody says otherwise.
constexpr std::array<std::string_view, 37> kShown = {"revision",
                                                     "data_dir",
                                                     "roles",
                                                     "listen",
                                                     "cert",
                                                     "connections",
                                                     "connections_per_address",
                                                     "role",
                                                     "kind",
                                                     "partitions",
                                                     "brokers",
                                                     "topic_prefix",
                                                     "memory",
                                                     "standbys",
                                                     "slots",
                                                     "standby_after",
                                                     "to",
                                                     "endpoint",
                                                     "interval",
                                                     "min_pause",
                                                     "keep",
                                                     "concurrency",
                                                     "bandwidth",
                                                     "format",
                                                     "events",
                                                     "changes",
                                                     "deadletters",
                                                     "logs",
                                                     "count",
                                                     "bytes",
                                                     "otlp",
                                                     "sample",
                                                     "indexed",
                                                     "canary",
                                                     "level",
                                                     "min",
                                                     "ca"};
// Properties of librdkafka that say how and not who.
constexpr std::array<std::string_view, 8> kShownProperties = {
    "security.protocol", "sasl.mechanism", "sasl.mechanisms",   "linger.ms",
    "compression.type",  "client.rack",    "socket.timeout.ms", "ssl.endpoint.identification.algorithm"};

template <class List>
bool has(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_number_or_truth(const Node& node) {
  double number = 0;
  const char* const end = node.text.data() + node.text.size();
  const bool is_number = std::from_chars(node.text.data(), end, number).ptr == end && !node.text.empty();
  return !node.quoted && (is_number || node.text == "true" || node.text == "false");
}

// An address with a user in it (scheme://user:password@host) loses the user.
void hide_user(std::string& text) {
  const size_t begin = text.find("://");
  const size_t at = text.rfind('@');
  if (begin != std::string::npos && at != std::string::npos && at > begin)
    text.replace(begin + 3, at - begin - 3, kHidden);
}

// Names of variables are no secrets, and say what to look at.
bool is_variable(const std::string& text) { return text.starts_with("${") && text.find('}') == text.size() - 1; }

enum class Within : uint8_t { kFile, kTenants, kProperties, kHeaders };

void mask(Node& node, std::string_view key, Within within) {
  if (node.kind == Node::Kind::kScalar) {
    const bool shown = within == Within::kFile         ? has(kShown, key)
                       : within == Within::kProperties ? has(kShownProperties, key)
                       : within == Within::kTenants    ? is_number_or_truth(node)
                                                       : false;
    if (is_variable(node.text)) return;
    if (shown) return hide_user(node.text);
    node.text = kHidden;
    node.quoted = true;
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const std::string_view name = node.kind == Node::Kind::kMap ? std::string_view(node.keys[i].text) : key;
    const Within inner = name == "tenants"      ? Within::kTenants
                         : name == "properties" ? Within::kProperties
                         : name == "headers"    ? Within::kHeaders
                                                : within;
    mask(node.items[i], name, within == Within::kTenants ? within : inner);
  }
  if (within != Within::kTenants || node.kind != Node::Kind::kMap) return;
  // Below a tenant's map keys are its own words, too: types of identifiers, names of events.
  constexpr std::array<std::string_view, 4> kOwnWords = {"identifiers_per_type", "on_conflict", "where", "plan"};
  if (has(kOwnWords, key)) node = yaml::text(kHidden);
}

}  // namespace

Result<std::string> masked_config(std::string_view text) {
  yaml::Problems problems("the configuration");
  auto root = yaml::parse(text, {}, problems);
  if (!root) return fail(Code::kInvalid, "the configuration is not YAML");
  mask(*root, "", Within::kFile);
  return yaml::write(*root);
}

}  // namespace freshet::app
