// Profiles computed the obvious way. Whatever is clever in the product is plain here: union-find by
// text, the last write by comparing all of them, sums in whole cents.

#include "oracle.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "base/text.h"
#include "end.h"
#include "groups.h"
#include "wishes.h"

namespace freshet::sim {
namespace {

constexpr int64_t kSessionGapUs = 2'000'000;  // of all tenants (workloads.cc)

// Values as text, in which equal values are equal texts; a set has no order.
std::string text_of_value(const v1::Value& value) {
  std::set<std::string> elements;
  switch (value.kind_case()) {
    case v1::Value::kText: return "'" + value.text() + "'";
    case v1::Value::kInteger: return std::to_string(value.integer());
    case v1::Value::kNumber: return fmt::format("{}", value.number());
    case v1::Value::kTimeUs: return std::to_string(value.time_us());
    case v1::Value::kDecimal: return value.decimal();
    case v1::Value::kStats:
      return fmt::format("{} times, {}..{}", value.stats().count(), value.stats().first_us(), value.stats().last_us());
    case v1::Value::kList:
      for (const v1::Value& element : value.list().values())
        if (!elements.insert(text_of_value(element)).second) return "a list with an element twice";
      return fmt::format("[{}]", joined(elements, " "));
    default: return "nothing";
  }
}

// An attribute: the last whole write, and what later ones did to its elements.
struct Attribute {
  std::optional<Use> base_use;
  std::optional<v1::Value> base;
  std::map<std::string, std::pair<Use, bool>> elements;  // text -> last operation, whether it removes

  void write(const Use& use, const v1::Value* value) {
    if (base_use && *base_use > use) return;
    base_use = use;
    base = value != nullptr ? std::optional(*value) : std::nullopt;
  }
  void change(const Use& use, const v1::Value& element, bool removes) {
    auto& [last, removed] = elements[text_of_value(element)];
    if (last > use) return;
    last = use;
    removed = removes;
  }
  [[nodiscard]] std::optional<std::string> text() const {
    std::set<std::string> visible;
    bool changed = false;
    const bool is_list = base && base->kind_case() == v1::Value::kList;
    if (is_list)
      for (const v1::Value& element : base->list().values()) visible.insert(text_of_value(element));
    for (const auto& [element, operation] : elements) {
      // What was done to an element before the last whole write has no effect any more.
      if (base_use && operation.first <= *base_use) continue;
      changed = true;
      if (operation.second) {
        visible.erase(element);
      } else {
        visible.insert(element);
      }
    }
    if (!changed) return base ? std::optional(text_of_value(*base)) : std::nullopt;
    if (visible.empty() && !is_list) return std::nullopt;
    return fmt::format("[{}]", joined(visible, " "));
  }
};

// The total of an event in hundredths, from text such as "12.50": exact, as the product must be.
int64_t cents_of(const std::string& json) {
  const size_t at = json.find("\"total\":") + 8;
  int64_t cents = 0;
  int digits = -1;  // behind the point
  for (size_t i = at; i < json.size() && (json[i] == '.' || (json[i] >= '0' && json[i] <= '9')); ++i) {
    if (json[i] == '.') {
      digits = 0;
    } else {
      cents = cents * 10 + (json[i] - '0');
      if (digits >= 0) ++digits;
    }
  }
  for (digits = std::max(digits, 0); digits < 2; ++digits) cents *= 10;
  return cents;
}

std::string text_of_cents(int64_t cents) {
  std::string text = fmt::format("{}.{:02}", cents / 100, cents % 100);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

struct Person {
  std::map<std::string, std::set<std::string>> identifiers;
  std::map<std::string, Attribute> attributes;
  std::map<std::string, std::tuple<uint64_t, int64_t, int64_t>> events;
  int64_t cents = 0;
  uint64_t buys = 0;
  int64_t first_seen = 0, last_seen = 0;
  bool seen = false;
  std::vector<int64_t> active;  // when events were
  Wishes wishes;

  void see(int64_t time) {
    first_seen = seen ? std::min(first_seen, time) : time;
    last_seen = seen ? std::max(last_seen, time) : time;
    seen = true;
  }
  void add(const v1::Envelope& record) {
    const Use use(record.time_us(), record.message_id());
    for (const v1::AttributeOp& op : record.attributes()) {
      Attribute& attribute = attributes[op.name()];
      if (op.type() == v1::AttributeOp::SET) attribute.write(use, &op.value());
      if (op.type() == v1::AttributeOp::SET) wishes.attribute(op.name(), op.value().boolean(), use);
      if (op.type() == v1::AttributeOp::UNSET) attribute.write(use, nullptr);
      for (const v1::Value& element : op.elements())
        attribute.change(use, element, op.type() == v1::AttributeOp::REMOVE_FROM_SET);
    }
    see(record.time_us());
    for (const v1::Event& event : record.events()) {
      auto& [count, first, last] = events[event.name()];
      first = count == 0 ? event.time_us() : std::min(first, event.time_us());
      last = std::max(last, event.time_us());
      ++count;
      see(event.time_us());
      active.push_back(event.time_us());
      wishes.event(event.name(), {event.time_us(), record.message_id()});
      if (event.name() != "Buy") continue;
      ++buys;
      cents += cents_of(event.properties());
    }
  }
  void add_sessions(Profile& out) const {
    std::vector<int64_t> times = active;
    std::sort(times.begin(), times.end());
    int64_t count = 0, begin = 0, in_current = 0, all_us = 0;
    for (size_t i = 0; i < times.size(); ++i) {
      const bool starts = i == 0 || times[i] - times[i - 1] > kSessionGapUs;
      begin = starts ? times[i] : begin;
      in_current = starts ? 1 : in_current + 1;
      count += starts ? 1 : 0;
      all_us += starts ? 0 : times[i] - times[i - 1];
    }
    if (count == 0) return;
    out["session count"] = std::to_string(count);
    out["session current"] = fmt::format("{} times, {}..{}", in_current, begin, times.back());
    out["session seconds"] = std::to_string(all_us / 1'000'000);
  }
  [[nodiscard]] Profile profile() const {
    Profile out;
    add_sessions(out);
    wishes.add_to(out);
    for (const auto& [type, values] : identifiers) {
      std::set<std::string> quoted;
      for (const std::string& value : values) quoted.insert("'" + value + "'");
      out["identifier " + type] = fmt::format("[{}]", joined(quoted, " "));
    }
    for (const auto& [name, attribute] : attributes)
      if (const auto text = attribute.text()) out["attribute " + name] = *text;
    for (const auto& [name, stats] : events)
      out["event " + name] =
          fmt::format("{} times, {}..{}", std::get<0>(stats), std::get<1>(stats), std::get<2>(stats));
    if (buys > 0) {
      out["computed purchases"] = std::to_string(buys);
      out["computed lifetime_value"] = text_of_cents(cents);
    }
    if (seen) {
      out["first seen"] = std::to_string(first_seen);
      out["last seen"] = std::to_string(last_seen);
    }
    for (const std::string& audience : audiences_met(out)) out["audience " + audience] = "in";
    return out;
  }
};

}  // namespace

// The tests of workloads.cc, read off the texts.
std::set<std::string> audiences_met(const Profile& profile) {
  const auto text = [&](const char* name) {
    const auto at = profile.find(name);
    return at == profile.end() ? std::string() : at->second;
  };
  const auto at_least = [&](const char* name, double least) {
    const std::string value = text(name);
    return !value.empty() && value[0] != '\'' && value[0] != '[' && std::stod(value) >= least;
  };
  std::set<std::string> in;
  if (at_least("computed lifetime_value", 500)) in.insert("big");
  if (text("attribute city") == "'c1'") in.insert("city1");
  if (text("computed purchases").empty() && at_least("attribute p", 2)) in.insert("quiet");
  if (text("attribute q") != "1" && !text("attribute r").empty()) in.insert("choosy");
  return in;
}

// First it is found who is one person, from all records, then each record is given to its person.
std::vector<Profile> expected_profiles(const std::vector<v1::Envelope>& records) {
  Groups persons;
  for (const v1::Envelope& record : records) {
    if (record.user().empty()) continue;
    const std::string first = text_of(record.tenant(), record.user(0));
    for (const v1::Identifier& i : record.user()) persons.join(text_of(record.tenant(), i), first);
    if (record.kind() == v1::Envelope::MERGE) persons.join(text_of(record.tenant(), record.other()), first);
  }
  std::map<std::string, Person> people;
  for (const v1::Envelope& record : records) {
    if (record.user().empty()) continue;
    Person& person = people[persons.find(text_of(record.tenant(), record.user(0)))];
    for (const v1::Identifier& i : record.user()) person.identifiers[i.type()].insert(value_of(i));
    if (record.kind() == v1::Envelope::MERGE)
      person.identifiers[record.other().type()].insert(value_of(record.other()));
    if (is_data(record)) person.add(record);
  }
  std::vector<Profile> profiles;
  for (const auto& [root, person] : people) profiles.push_back(person.profile());
  std::sort(profiles.begin(), profiles.end());
  return profiles;
}

// All events that were taken are kept, and counted anew for each one that comes: those of the minute, hour or day that
// is the latest by now.
std::map<std::string, uint64_t> messages_within(const v1::PersonLimits& limits,
                                                const std::vector<v1::Envelope>& records) {
  struct Taken {
    uint64_t messages = 0;
    std::vector<int64_t> seconds;  // of events, when they were received, none before the latest
  };
  const std::pair<int64_t, uint32_t> spans[] = {
      {60, limits.per_minute()}, {3600, limits.per_hour()}, {86'400, limits.per_day()}};
  std::map<std::string, Taken> all;
  for (const v1::Envelope& record : records) {
    if (!is_data(record) || record.user().empty()) continue;
    Taken& taken = all[record.tenant() + "/" + record.user(0).value()];
    int64_t second = record.received_at_us() / 1'000'000;
    if (!taken.seconds.empty()) second = std::max(second, taken.seconds.back());
    const bool fits = std::all_of(std::begin(spans), std::end(spans), [&](const auto& span) {
      const auto within = std::count_if(taken.seconds.begin(), taken.seconds.end(),
                                        [&](int64_t s) { return s / span.first == second / span.first; });
      return span.second == 0 || within < static_cast<int64_t>(span.second);
    });
    if (!fits && record.events_size() > 0) continue;
    ++taken.messages;
    taken.seconds.insert(taken.seconds.end(), static_cast<size_t>(record.events_size()), second);
  }
  std::map<std::string, uint64_t> messages;
  for (const auto& [person, taken] : all) messages[person] = taken.messages;
  return messages;
}

Profile profile_of(const v1::Document& document) {
  Profile profile;
  for (const v1::Field& field : document.fields()) {
    std::string name;
    switch (field.section()) {
      case v1::IDENTIFIERS: name = "identifier " + field.name(); break;
      case v1::ATTRIBUTES: name = "attribute " + field.name(); break;
      case v1::EVENTS: name = "event " + field.name(); break;
      case v1::COMPUTED: name = "computed " + field.name(); break;
      case v1::SESSIONS: name = "session " + field.name(); break;
      case v1::SUBSCRIPTIONS: name = "subscription " + field.name(); break;
      case v1::AUDIENCES:  // Since when depends on the order of arrival.
        if (field.name() != kLateAudience) profile["audience " + field.name()] = "in";
        continue;
      case v1::FIRST_SEEN: name = "first seen"; break;
      case v1::LAST_SEEN: name = "last seen"; break;
      default: continue;  // references follow merges lazily; checks.cc looks at them
    }
    profile[name] = text_of_value(field.value());
  }
  return profile;
}

Profile device_of(const v1::Document& document) {
  Profile device;
  for (const v1::Field& field : document.fields()) {
    const std::string value = text_of_value(field.value());
    if (field.section() == v1::IDENTIFIERS) device["identifier " + field.name()] = value;
    if (field.section() == v1::SUBSCRIPTIONS) device["subscription " + field.name()] = value;
    if (field.section() == v1::PUSH_TOKEN) device["push " + field.name()] = value;
  }
  return device;
}

std::string describe(const Profile& profile) {
  std::string text;
  for (const auto& [name, value] : profile) text += fmt::format("\n      {}: {}", name, value);
  return text;
}

}  // namespace freshet::sim
