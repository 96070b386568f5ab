// Devices as records say they must be, and whether each can be reached by push. What joins devices is any identifier
// but a push token: that is of whoever used it last.
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "end.h"
#include "groups.h"
#include "oracle.h"
#include "wishes.h"

namespace freshet::sim {
namespace {

bool is_token(const v1::Identifier& i) { return i.type() == "push_token"; }

// The one that says which device it is: the workloads name one with every token.
std::optional<std::string> device_in(const v1::Envelope& record) {
  for (const v1::Identifier& i : record.device())
    if (!is_token(i)) return text_of(record.tenant(), i);
  return std::nullopt;
}

struct Device {
  std::map<std::string, std::set<std::string>> identifiers;
  std::map<std::string, Use> tokens;  // that it has, and when it used them last
  std::optional<Use> uninstalled;
  Wishes wishes;

  void add(const v1::Envelope& record) {
    const Use use(record.time_us(), record.message_id());
    for (const v1::AttributeOp& op : record.device_attributes())
      if (op.type() == v1::AttributeOp::SET) wishes.attribute(op.name(), op.value().boolean(), use);
    for (const v1::Event& event : record.events()) {
      const Use at(event.time_us(), record.message_id());
      if (tells_of_uninstall(event.name())) uninstalled = std::max(uninstalled.value_or(at), at);
      // What a person wants is the person's; of a record without one it is the device's.
      if (record.user().empty()) wishes.event(event.name(), at);
    }
  }
  void add_push(Profile& out) const {
    const auto last = std::max_element(tokens.begin(), tokens.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (last == tokens.end()) return;
    const bool gone = uninstalled && *uninstalled >= last->second;
    const bool* const wanted = wishes.of("push");
    const bool unwanted = wanted != nullptr && !*wanted;
    out["push value"] = "'" + last->first + "'";
    out["push state"] = gone || unwanted ? "'invalid'" : "'valid'";
    if (gone || unwanted) out["push reason"] = gone ? "'uninstalled'" : "'opted_out'";
  }
  [[nodiscard]] Profile profile() const {
    Profile out;
    std::map<std::string, std::set<std::string>> all = identifiers;
    for (const auto& [token, use] : tokens) all["push_token"].insert("'" + token + "'");
    for (const auto& [type, values] : all) out["identifier " + type] = fmt::format("[{}]", joined(values, " "));
    wishes.add_to(out);
    add_push(out);
    return out;
  }
};

// A token, and who used it last.
struct LastUse {
  Use use;
  std::string device;
};

}  // namespace

std::vector<Profile> expected_devices(const std::vector<v1::Envelope>& records) {
  Groups groups;
  for (const v1::Envelope& record : records)
    if (const auto first = device_in(record))
      for (const v1::Identifier& i : record.device())
        if (!is_token(i)) groups.join(text_of(record.tenant(), i), *first);
  std::map<std::string, Device> devices;
  std::map<std::string, std::map<std::string, Use>> used;  // of each device: its tokens
  std::map<std::string, LastUse> last;                     // of each token
  for (const v1::Envelope& record : records) {
    const auto first = device_in(record);
    if (!first || !is_data(record)) continue;
    const std::string& name = groups.find(*first);
    Device& device = devices[name];
    device.add(record);
    const Use use(record.time_us(), record.message_id());
    for (const v1::Identifier& i : record.device()) {
      if (!is_token(i)) {
        device.identifiers[i.type()].insert("'" + i.value() + "'");
        continue;
      }
      Use& own = used[name][i.value()];
      own = std::max(own, use);
      LastUse& of_all = last[text_of(record.tenant(), i)];
      if (of_all.use <= use) of_all = {use, name};
    }
  }
  for (auto& [name, tokens] : used)
    for (const auto& [token, use] : tokens) {
      v1::Identifier i;
      i.set_type("push_token");
      i.set_value(token);
      if (last.at(text_of(name.substr(0, name.find(' ')), i)).device == name) devices[name].tokens[token] = use;
    }
  std::vector<Profile> profiles;
  for (const auto& [name, device] : devices) profiles.push_back(device.profile());
  std::sort(profiles.begin(), profiles.end());
  return profiles;
}

}  // namespace freshet::sim
