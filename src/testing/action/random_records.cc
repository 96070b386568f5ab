#include "testing/action/random_records.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace freshet::action::testing {
namespace {

Ids pool(int group, bool contended) {
  const std::string g = std::to_string(group), x = contended ? "" : g;
  Ids ids = {{"user_id", "u" + g}, {"phone", "p" + x}, {"email", "e" + x + "a"}, {"email", "e" + x + "b"}};
  for (const char* n : {"w", "x", "y", "z"}) ids.emplace_back("anonymous_id", "a" + x + n);
  return ids;
}

}  // namespace

v1::Envelope random_record(std::mt19937_64& rng, int k, bool contended) {
  Ids of_group = pool(static_cast<int>(rng() % (contended ? 3 : 2)), contended), ids;
  std::shuffle(of_group.begin(), of_group.end(), rng);
  const size_t n = 1 + rng() % 3;
  ids.assign(of_group.begin(), of_group.begin() + static_cast<std::ptrdiff_t>(n));
  v1::Envelope record =
      make_record(fmt::format("m{:03}", k), ids, static_cast<int64_t>(1 + rng() % 12), fmt::format("E{}", k));
  record.set_verified(rng() % 3 == 0);
  if (rng() % 2 == 0) {
    v1::AttributeOp& op = *record.add_attributes();
    op.set_name(rng() % 2 == 0 ? "x" : "y");
    op.set_type(rng() % 3 == 0 ? v1::AttributeOp::UNSET : v1::AttributeOp::SET);
    if (op.type() == v1::AttributeOp::SET) op.mutable_value()->set_integer(static_cast<int64_t>(rng() % 3));
  }
  return record;
}

std::vector<v1::Envelope> confluent_records(std::mt19937_64& rng) {
  std::vector<v1::Envelope> records;
  for (int k = 0; k < 16; ++k) records.push_back(random_record(rng, k, false));
  for (int g = 0; g < 2; ++g) {  // ties a person together
    Ids unique = pool(g, false);
    unique.resize(4);
    records.push_back(make_record(fmt::format("t{}", g), unique, 1, fmt::format("T{}", g)));
  }
  return records;
}

std::vector<std::string> oracle(const std::vector<v1::Envelope>& records) {
  std::map<std::string, std::string> parent;
  const std::function<std::string(const std::string&)> find = [&](const std::string& x) -> std::string {
    const std::string up = parent.try_emplace(x, x).first->second;
    return up == x ? x : find(up);
  };
  const auto key = [](const v1::Identifier& i) { return i.type() + "=" + i.value(); };
  for (const auto& r : records)
    for (const auto& i : r.user()) parent[find(key(i))] = find(key(r.user(0)));
  struct Person {
    std::set<std::string> identifiers;
    std::map<std::string, std::pair<std::pair<int64_t, std::string>, std::string>> attributes;
    std::map<std::string, int64_t> events;
    int64_t first = INT64_MAX, last = 0;
    uint64_t messages = 0;
  };
  std::map<std::string, Person> persons;
  for (const auto& r : records) {
    Person& p = persons[find(key(r.user(0)))];
    for (const auto& i : r.user()) p.identifiers.insert(key(i));
    for (const auto& op : r.attributes()) {
      auto& slot = p.attributes[op.name()];
      const std::pair<int64_t, std::string> use(r.time_us(), r.message_id());
      if (slot.first <= use) slot = {use, op.type() == v1::AttributeOp::SET ? op.value().ShortDebugString() : ""};
    }
    p.events[r.events(0).name()] = r.time_us();
    p.first = std::min(p.first, r.time_us());
    p.last = std::max(p.last, r.time_us());
    ++p.messages;
  }
  std::vector<std::string> profiles;
  for (const auto& [root, p] : persons) {
    std::string text;
    for (const auto& i : p.identifiers) text += i + " ";
    text += "| ";
    for (const auto& [name, slot] : p.attributes)
      if (!slot.second.empty()) text += fmt::format("{}={} ", name, slot.second);
    text += "| ";
    for (const auto& [name, time] : p.events) text += fmt::format("{}=1 {}..{} ", name, time, time);
    profiles.push_back(text + fmt::format("| {}..{} {} messages", p.first, p.last, p.messages));
  }
  std::sort(profiles.begin(), profiles.end());
  return profiles;
}

model::Tenant contended_tenant(uint64_t seed) {
  model::Tenant tenant = model::default_tenant("t");
  if (seed % 2 == 0) tenant.rules.add_conflict_move("email");
  if (seed % 2 == 0) tenant.rules.add_conflict_move("phone");
  if (seed % 3 == 0) model::set_identifier_limit(tenant.rules, "anonymous_id", 2);
  if (seed % 5 == 0) tenant.rules.set_merges_max(2);
  if (seed % 5 == 1) tenant.rules.set_identifiers_max(4);
  if (seed % 5 == 2) tenant.rules.set_claimants_max(2);
  if (seed % 7 == 0) tenant.rules.set_attached_max(1);
  return tenant;
}

v1::Envelope on_some_device(v1::Envelope record, std::mt19937_64& rng) {
  Ids device = {{"device_id", fmt::format("d{}", rng() % 3)}};
  if (rng() % 2 == 0) device.emplace_back("push_token", fmt::format("t{}", rng() % 2));
  if (rng() % 3 == 0) device.emplace_back("gaid", fmt::format("g{}", rng() % 2));
  if (rng() % 4 == 0) device.erase(device.begin());
  return with_device(std::move(record), device);
}

std::optional<v1::Envelope> random_command(std::mt19937_64& rng, int k, const v1::Envelope& record) {
  const std::string u = fmt::format("u{}", rng() % 3), v = fmt::format("u{}", rng() % 3);
  const auto time = static_cast<int64_t>(rng() % 12);
  switch (rng() % 24) {
    case 0:
    case 1:
    case 2:
    case 3: return u == v ? std::nullopt : std::optional(make_merge(fmt::format("x{}", k), u, v, time));
    case 4:
    case 5: return make_erase(fmt::format("z{}", k), "user_id", u, time);
    case 6:
    case 7:
    case 8: {
      const v1::Identifier& last = record.user(record.user_size() - 1);
      return make_unlink(fmt::format("k{}", k), u, {last.type(), last.value()}, time);
    }
    case 9: {
      v1::Envelope erase = with_device(make_record(fmt::format("y{}", k), {}, time), {{"device_id", "d0"}});
      erase.set_kind(v1::Envelope::ERASE);
      return erase;
    }
    default: return std::nullopt;
  }
}

}  // namespace freshet::action::testing
