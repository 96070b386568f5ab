// The invariants as code. Each check is about the end of a run only: what happened on the way is
// seen by the shadow (follower.h) and the store (sim_store.h).

#include "checks.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "base/big_endian.h"
#include "base/text.h"
#include "groups.h"
#include "model/home.h"
#include "oracle.h"

namespace freshet::sim {
namespace {

using v1::EntityState;

std::string name_of(const EntityState& e) {
  std::string ids;
  for (const v1::IdentifierUse& i : e.identifiers())
    ids += fmt::format(" {}={}", i.identifier().type(), i.identifier().value());
  return fmt::format("{}{}", text_of(key_of(e.ref())).substr(0, 8), ids);
}

// Invariant 1, and that bad input never stops the line (10).
void check_acknowledged(const End& end, const Promises& promises) {
  std::set<std::string> known;
  for (const v1::Envelope& record : end.records) known.insert(record.tenant() + "/" + record.message_id());
  for (const std::string& id : promises.acknowledged)
    require(known.contains(id), [&] { return fmt::format("message {} was acknowledged and is not in the log", id); });
  for (const Request& request : end.scenario.requests)
    for (const std::string& message : request.rejected) {
      const std::string id = request.tenant + "/" + message;
      require(!known.contains(id), [&] { return fmt::format("message {} names nobody and was accepted", id); });
      require(end.dead_letters.contains(id), [&] { return fmt::format("message {} left no dead letter", id); });
    }
}

// Nothing is left half done: nobody leaves, nobody holds messages, and every redirect ends.
void check_rest(const End& end) {
  for (const auto& [key, e] : end.entities) {
    require(e.status() != EntityState::LEAVING, [&, &e = e] { return name_of(e) + " never stops leaving"; });
    require(e.held().empty() && e.gathered().empty(), [&, &e = e] { return name_of(e) + " still holds messages"; });
    std::set<Key> seen;
    for (Key at = key; end.entities.at(at).status() == EntityState::REDIRECT;) {
      require(seen.insert(at).second, [&, &e = e] { return "the redirects of " + name_of(e) + " form a cycle"; });
      at = key_of(end.entities.at(at).target());
      require(end.entities.contains(at), [&, &e = e] { return "a redirect of " + name_of(e) + " leads nowhere"; });
    }
  }
}

// Invariant 7: what lists an identifier and what its alias leads to are the same, both ways.
void check_agreement(const End& end) {
  std::map<std::string, const EntityState*> listed;  // alias key -> who lists it
  const std::string& hash_key = end.metas.at(0).rules().hash_key();
  for (const auto& [key, e] : end.entities) {
    if (e.status() != EntityState::LIVE) continue;
    for (const v1::IdentifierUse& use : e.identifiers()) {
      const std::string alias(model::alias_key(hash_key, e.tenant(), e.ref().kind(), use.identifier()).view());
      const auto say = [&, &e = e](const std::string& what) {
        return fmt::format("invariant 7: {} lists {}={}, {}", name_of(e), use.identifier().type(),
                           use.identifier().value(), what);
      };
      const auto [at, first] = listed.emplace(alias, &e);
      require(first, [&, &at = at] { return say("and so does " + name_of(*at->second)); });
      const auto row = end.aliases.find(alias);
      require(row != end.aliases.end() && row->second.has_ref(), [&] { return say("which is free or suppressed"); });
      const Key leads = key_of(row->second.ref());
      require(leads == key, [&] { return say("which leads to " + name_of(end.entities.at(leads))); });
    }
  }
  for (const auto& [alias, row] : end.aliases)
    require(!row.has_ref() || listed.contains(alias), [&, &row = row] {
      return fmt::format("invariant 7: an alias leads to {}, which does not list it",
                         name_of(end.entities.at(key_of(row.ref()))));
    });
}

std::set<std::string> user_ids_of(const EntityState& e) {
  std::set<std::string> ids;
  for (const v1::IdentifierUse& i : e.identifiers())
    if (i.identifier().type() == "user_id") ids.insert(i.identifier().value());
  return ids;
}

// Messages that a profile must have counted: those of users.
uint64_t messages_of(const End& end) {
  const auto counts = [](const v1::Envelope& r) { return is_data(r) && !r.user().empty(); };
  return static_cast<uint64_t>(std::count_if(end.records.begin(), end.records.end(), counts));
}

// Invariant 6, where not even order may matter less: nothing is lost, nothing counts twice, and
// everybody has his own.
void check_conservation(const End& end) {
  // Beside those in profiles: of erased persons, and of persons that had too many.
  const uint64_t left_out = end.erased_messages() + end.limited_messages();
  uint64_t messages = left_out;
  std::map<std::string, uint64_t> sent, counted;
  std::set<std::string> marks, found;
  for (const v1::Envelope& record : end.records) {
    if (!is_data(record) || record.user().empty()) continue;
    for (const v1::Event& event : record.events()) ++sent[event.name()];
    for (const v1::AttributeOp& op : record.attributes())
      // Some records leave a mark of their own, so that each can be found and not only counted.
      if (op.name() == "m") marks.insert(record.tenant() + "/" + record.message_id());
  }
  for (const EntityState* e : end.live(v1::ENTITY_KIND_USER)) {
    messages += e->messages();
    uint64_t events = 0;
    for (const v1::NamedStats& named : e->events()) {
      counted[named.name()] += named.stats().count();
      events += named.stats().count();
      const bool own = !named.name().starts_with("U.") || user_ids_of(*e).contains(named.name().substr(2));
      require(own, [&] { return fmt::format("an event {} is in {}", named.name(), name_of(*e)); });
    }
    require(events <= e->messages(), [&] { return name_of(*e) + " has more events than messages"; });
    for (const v1::ElementSet& set : e->sets())
      for (const v1::SetElement& element : set.elements())
        require(set.name() != "m" || found.insert(e->tenant() + "/" + element.value().text()).second,
                [&] { return fmt::format("message {} is in two profiles", element.value().text()); });
  }
  const uint64_t accepted = messages_of(end);
  require(messages == accepted, [&] {
    return fmt::format("conservation: {} messages accepted, {} in profiles, erased or over a limit", accepted,
                       messages);
  });
  for (const auto& [name, count] : counted)
    require(count <= sent[name] && (count == sent[name] || left_out > 0), [&, &name = name, &count = count] {
      return fmt::format("conservation: event {} sent {} times, counted {} times", name, sent[name], count);
    });
  // Marks of erased messages are gone with their profiles; no others may be.
  const uint64_t gone = marks.size() - found.size();
  require(gone <= left_out, [&] {
    return fmt::format("conservation: {} messages are in no profile, {} were erased or over a limit", gone, left_out);
  });
  require(end.limited == end.limited_messages(), [&] {
    return fmt::format("{} messages were over a limit, {} of them are dead letters", end.limited_messages(),
                       end.limited);
  });
}

// The value of the first member of this name, of an event as `events` has it.
std::string_view member_of(std::string_view event, std::string_view name) {
  const std::string before = fmt::format("\"{}\":\"", name);
  const size_t at = event.find(before);
  require(at != std::string_view::npos, [&] { return fmt::format("an event without {}: {}", name, event); });
  event.remove_prefix(at + before.size());
  return event.substr(0, event.find('"'));
}

// Whether a tenant's events were written, from the begin to the end of the run.
enum class Written : uint8_t { kAll, kNone, kSome };
Written written_of(const Scenario& scenario, const std::string& tenant) {
  bool read = false, unread = false;
  const auto look = [&](const std::vector<model::Tenant>& tenants) {
    for (const model::Tenant& one : tenants)
      if (one.name == tenant) (one.rules.events_unread() ? unread : read) = true;
  };
  look(scenario.tenants.at(0));
  for (const RulesChange& change : scenario.rules) look(change.tenants);
  if (!scenario.events_if_read || !unread) return Written::kAll;
  return read ? Written::kSome : Written::kNone;
}

// What others read of `events`: each event once, and those of tenants that nobody reads events of not at all.
void check_events(const End& end) {
  std::map<std::string, uint64_t> written;
  for (uint32_t p = 0; p < end.scenario.partitions; ++p)
    for (const eventlog::RecordView& view : end.log.at({eventlog::Topic::kEvents, p}).records)
      ++written[fmt::format("{}/{}", member_of(view.value, "tenant"), member_of(view.value, "message_id"))];
  // What is erased while it is held, or over a limit, need not be there.
  const bool all_in_profiles = end.erased_messages() + end.limited_messages() == 0;
  for (const v1::Envelope& record : end.records) {
    const std::string message = record.tenant() + "/" + record.message_id();
    const uint64_t count = written.contains(message) ? written.at(message) : 0;
    const auto events = static_cast<uint64_t>(record.events_size());
    require(count <= events,
            [&] { return fmt::format("{} events of {} are written, it has {}", count, message, events); });
    if (!is_data(record) || record.user().empty()) continue;
    const Written how = written_of(end.scenario, record.tenant());
    require(how != Written::kNone || count == 0, [&] { return "nobody reads events, and one is written: " + message; });
    require(how != Written::kAll || !all_in_profiles || count == events,
            [&] { return fmt::format("{} of the {} events of {} are written", count, events, message); });
  }
}

// A shared identifier must never join two persons, and only an explicit merge may put two user_ids
// into one profile.
void check_persons(const End& end) {
  const auto is_unique = [](const v1::Identifier& i) { return i.type() != "anonymous_id"; };
  Groups together, merged;
  for (const v1::Envelope& record : end.records) {
    std::vector<std::string> unique;
    for (const v1::Identifier& i : record.user())
      if (is_unique(i)) unique.push_back(text_of(record.tenant(), i));
    if (record.kind() == v1::Envelope::MERGE) {
      unique.push_back(text_of(record.tenant(), record.other()));
      merged.join(text_of(record.tenant(), record.user(0)), unique.back());
    }
    if (record.kind() == v1::Envelope::UNLINK) continue;
    for (const std::string& one : unique) together.join(one, unique[0]);
  }
  for (const EntityState* e : end.live(v1::ENTITY_KIND_USER)) {
    std::set<std::string> persons, merges;
    for (const v1::IdentifierUse& i : e->identifiers()) {
      if (!is_unique(i.identifier())) continue;
      const std::string id = text_of(e->tenant(), i.identifier());
      persons.insert(together.find(id));
      if (i.identifier().type() == "user_id") merges.insert(merged.find(id));
    }
    require(persons.size() <= 1, [&] { return name_of(*e) + " joins persons by a shared identifier"; });
    require(merges.size() <= 1, [&] { return name_of(*e) + " has two user_ids and no merge asked for it"; });
    require(persons.empty() || !e->ref().shared_root(),
            [&] { return "anonymous " + name_of(*e) + " survived a person"; });
  }
}

// Invariant 8: what can be read is what action has.
void check_documents(const End& end, const Promises& promises) {
  for (const auto& [key, e] : end.entities) {
    if (e.status() != EntityState::LIVE || e.version() == 0) continue;
    const auto at = end.documents.find(key);
    std::string bytes;
    for (const uint64_t word : {key.first, key.second}) append_big_endian(bytes, word);
    // A change that the store refused for good is missing in its document.
    if (promises.poisoned.contains(bytes)) continue;
    require(at != end.documents.end() && !at->second.removed(),
            [&, &e = e] { return name_of(e) + " has no document"; });
    require(at->second.version() == e.version(), [&, &e = e] {
      return fmt::format("{} is at version {}, its document at {}", name_of(e), e.version(), at->second.version());
    });
  }
  for (const auto& [key, document] : end.documents) {
    const auto e = end.entities.find(key);
    require(e != end.entities.end(), [&, &key = key] { return "a document of nobody: " + text_of(key); });
    const bool poisoned = !promises.poisoned.empty();
    require(document.removed() || poisoned || e->second.status() == EntityState::LIVE,
            [&] { return name_of(e->second) + " is not live and has a document"; });
  }
}

// The stream tells of each entering and leaving once, and of a profile in the end what the profile says: of tenants
// whose events were written all the time.
void check_moves(const End& end) {
  std::set<std::string> ids;
  std::map<std::string, std::set<std::string>> told, has;
  for (const AudienceEvent& move : end.moves) {
    const Written how = written_of(end.scenario, move.tenant);
    require(how != Written::kNone, [&] { return "nobody reads events, and a move of an audience is written"; });
    if (how != Written::kAll) continue;
    const auto say = [&](const char* what) { return fmt::format("{} {} {}", move.user, what, move.audience); };
    require(ids.insert(move.message_id).second,
            [&] { return say("says twice under one message id that it moves in"); });
    std::set<std::string>& in = told[move.user];
    if (move.entered) {
      require(in.insert(move.audience).second, [&] { return say("enters again, without having left,"); });
    } else {
      require(in.erase(move.audience) == 1, [&] { return say("leaves, without having entered,"); });
    }
  }
  for (const EntityState* e : end.live(v1::ENTITY_KIND_USER))
    for (const v1::Membership& m : e->audiences()) {
      require(!m.carried(), [&] { return name_of(*e) + " was never judged after a merge"; });
      if (written_of(end.scenario, e->tenant()) == Written::kAll) has[text_of(key_of(e->ref()))].insert(m.name());
    }
  std::erase_if(told, [](const auto& one) { return one.second.empty(); });
  for (const auto* all : {&told, &has})
    for (const auto& [user, in] : *all)
      require(told[user] == has[user], [&, &user = user] {
        return fmt::format("{} is in [{}], the stream says [{}]", user, joined(has[user], " "),
                           joined(told[user], " "));
      });
}

// Who is in an audience is who meets it, by what can be read of him.
void check_audiences(const End& end, const Promises& promises) {
  check_moves(end);
  if (!promises.poisoned.empty()) return;
  for (const EntityState* e : end.live(v1::ENTITY_KIND_USER)) {
    const Profile profile = e->version() == 0 ? Profile() : profile_of(end.documents.at(key_of(e->ref())));
    std::set<std::string> shown;
    for (const auto& [name, value] : profile)
      if (name.starts_with("audience ")) shown.insert(name.substr(9));
    const std::set<std::string> met = audiences_met(profile);
    require(shown == met, [&] {
      return fmt::format("{} is in [{}], and meets [{}]", name_of(*e), joined(shown, " "), joined(met, " "));
    });
  }
}

void require_same(const char* what, const std::vector<Profile>& expected, std::vector<Profile> got) {
  std::sort(got.begin(), got.end());
  if (expected == got) return;
  std::vector<Profile> missing, surplus;
  std::set_difference(expected.begin(), expected.end(), got.begin(), got.end(), std::back_inserter(missing));
  std::set_difference(got.begin(), got.end(), expected.begin(), expected.end(), std::back_inserter(surplus));
  std::string text = fmt::format("convergence: {} {} expected, {} are there", expected.size(), what, got.size());
  for (const Profile& profile : missing) text += "\n    missing:" + describe(profile);
  for (const Profile& profile : surplus) text += "\n    there instead:" + describe(profile);
  throw Violation(text);
}

// Invariant 6: the profiles that can be read are the oracle's, and so are the devices.
void check_convergence(const End& end, const Promises& promises) {
  if (!promises.poisoned.empty()) return;
  std::vector<Profile> users, devices;
  for (const auto& [key, document] : end.documents) {
    if (document.removed()) continue;
    if (end.entities.at(key).ref().kind() == v1::ENTITY_KIND_USER) {
      users.push_back(profile_of(document));
    } else {
      devices.push_back(device_of(document));
    }
  }
  require_same("profiles", expected_profiles(end.records), std::move(users));
  require_same("devices", expected_devices(end.records), std::move(devices));
}

// Users and devices refer to each other as records name them together, through redirects.
void check_attached(const End& end) {
  std::map<std::string, Key> holder;  // kind, tenant and identifier -> who lists it
  const auto text = [](v1::EntityKind kind, const std::string& tenant, const v1::Identifier& i) {
    return fmt::format("{} {} {}={}", static_cast<int>(kind), tenant, i.type(), i.value());
  };
  std::map<Key, std::set<Key>> expected, got;
  for (const auto& [key, e] : end.entities) {
    if (e.status() != EntityState::LIVE) continue;
    for (const v1::IdentifierUse& i : e.identifiers()) holder[text(e.ref().kind(), e.tenant(), i.identifier())] = key;
    for (const v1::EntityRef& ref : e.attached()) got[key].insert(end.survivor(key_of(ref)));
  }
  const auto holder_of = [&](v1::EntityKind kind, const v1::Envelope& record, const v1::Identifier& i) {
    const auto at = holder.find(text(kind, record.tenant(), i));
    require(at != holder.end(), [&] { return fmt::format("{} {} was seen and nobody lists it", i.type(), i.value()); });
    return at->second;
  };
  for (const v1::Envelope& record : end.records) {
    if (record.user().empty() || record.device().empty()) continue;
    const Key user = holder_of(v1::ENTITY_KIND_USER, record, record.user(0));
    const Key device = holder_of(v1::ENTITY_KIND_DEVICE, record, record.device(0));
    expected[user].insert(device);
    expected[device].insert(user);
  }
  for (const auto& [key, others] : expected)
    require(got[key] == others, [&, &key = key, &others = others] {
      return fmt::format("{} refers to {} others, not to the {} it was seen with", name_of(end.entities.at(key)),
                         got[key].size(), others.size());
    });
}

}  // namespace

void check_end(const End& end, const Promises& promises) {
  check_acknowledged(end, promises);
  check_rest(end);
  check_agreement(end);
  check_conservation(end);
  check_persons(end);
  check_events(end);
  check_documents(end, promises);
  check_audiences(end, promises);
  // The rest holds only where order can't matter.
  if (!promises.confluent) return;
  check_convergence(end, promises);
  check_attached(end);
}

}  // namespace freshet::sim
