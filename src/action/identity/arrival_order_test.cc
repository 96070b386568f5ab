// Whatever the order in which records arrive, identifiers and records are in the end with whom the records say, by the
// simplest model of what they say: every small history of some kinds, and random ones, in all orders. What the model
// leaves open is named in docs/identity.md (What depends on order). A test called KnownDifference shows that something
// does depend on it, and fails once it does not.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

using Names = std::set<std::string>;

constexpr std::string_view kMergeWord = "merge";

std::string name_of(const v1::Identifier& i) { return i.type() + "=" + i.value(); }

std::pair<std::string, std::string> identifier_of(const std::string& word) {
  const std::map<char, std::string> types = {{'u', "user_id"},      {'e', "email"},     {'p', "phone"},
                                             {'a', "anonymous_id"}, {'d', "device_id"}, {'t', "push_token"}};
  return {types.at(word[0]), word};
}

// "u1 a1" is a record that names these two, "merge u1 u2" a merge. Each record of a user sets the attribute x to its
// own name, which is that of its event, too.
v1::Envelope record_of(const std::string& text, const std::string& message_id, int64_t time_us) {
  std::istringstream words(text);
  Ids users, devices;
  for (std::string word; words >> word;) {
    if (word == kMergeWord) continue;
    const bool device = word[0] == 'd' || word[0] == 't';
    (device ? devices : users).push_back(identifier_of(word));
  }
  if (text.starts_with(kMergeWord)) return make_merge(message_id, users[0].second, users[1].second, time_us);
  v1::Envelope record = with_device(make_record(message_id, users, time_us, message_id), devices);
  if (!users.empty()) set_attribute(record, "x", message_id);
  return record;
}

// The times are in the order of the texts.
std::vector<v1::Envelope> history_of_texts(const std::vector<std::string>& texts) {
  std::vector<v1::Envelope> records;
  for (const std::string& text : texts) {
    const auto number = static_cast<int64_t>(records.size());
    records.push_back(record_of(text, fmt::format("m{}", number), 1 + number));
  }
  return records;
}

// What is one, by what was tied together.
class Knots {
 public:
  std::string find(const std::string& x) {
    const std::string up = up_.try_emplace(x, x).first->second;
    return up == x ? x : find(up);
  }
  void tie(const std::string& x, const std::string& y) {
    const std::string end = find(y);
    up_[find(x)] = end;
  }

 private:
  std::map<std::string, std::string> up_;
};

// Whose identifiers and records may be in the end. Some types are loose: several persons may use one identifier, and
// who used it last has it. All others make persons. A record that names loose ones alone says that they are one, and
// not whose.
class Whose {
 public:
  Whose(const std::vector<v1::Envelope>& records, v1::EntityKind kind, Names loose_types)
      : kind_(kind), loose_types_(std::move(loose_types)) {
    for (const v1::Envelope& record : records) {
      const auto& named = named_by(record);
      if (named.empty()) continue;
      if (record.kind() == v1::Envelope::MERGE) knots_.tie(name_of(record.other()), name_of(named[0]));
      for (const v1::Identifier& i : named)
        if (is_loose(i) == is_loose(named[0])) knots_.tie(name_of(i), name_of(named[0]));
    }
    for (const v1::Envelope& record : records)
      if (!named_by(record).empty() && !is_loose(named_by(record)[0])) note_uses(record);
  }

  // One, unless no record says whose it is, and it is one with what several persons have used.
  [[nodiscard]] Names of(const v1::Identifier& i) {
    const auto last = last_.find(name_of(i));
    return last != last_.end() ? Names{last->second.second} : near(i);
  }
  [[nodiscard]] Names of(const v1::Envelope& record) { return near(named_by(record)[0]); }

 private:
  [[nodiscard]] const google::protobuf::RepeatedPtrField<v1::Identifier>& named_by(const v1::Envelope& record) const {
    return kind_ == v1::ENTITY_KIND_USER ? record.user() : record.device();
  }
  [[nodiscard]] bool is_loose(const v1::Identifier& i) const { return loose_types_.contains(i.type()); }

  // Those who have used what is one with the identifier; nobody has: it is somebody by itself.
  Names near(const v1::Identifier& i) {
    const std::string knot = knots_.find(name_of(i));
    const auto users = users_.find(knot);
    return users != users_.end() ? users->second : Names{knot};
  }

  void note_uses(const v1::Envelope& record) {
    const std::string person = knots_.find(name_of(named_by(record)[0]));
    for (const v1::Identifier& i : named_by(record)) {
      if (!is_loose(i)) continue;
      auto& last = last_[name_of(i)];
      last = std::max(last, {{record.time_us(), record.message_id()}, person});
      users_[knots_.find(name_of(i))].insert(person);
    }
  }

  const v1::EntityKind kind_;
  const Names loose_types_;
  Knots knots_;
  std::map<std::string, std::pair<std::pair<int64_t, std::string>, std::string>> last_;  // by identifier: use, person
  std::map<std::string, Names> users_;                                                   // by knot
};

// What describe() must say of a profile with these records, behind its identifiers.
std::string contents_of(const std::vector<const v1::Envelope*>& records) {
  std::string attribute, events;
  std::pair<int64_t, std::string> last;
  int64_t first_us = records.empty() ? 0 : records[0]->time_us();
  for (const v1::Envelope* record : records) {
    const std::pair<int64_t, std::string> use(record->time_us(), record->message_id());
    if (use > last && !record->attributes().empty())
      attribute = fmt::format("x={} ", record->attributes(0).value().ShortDebugString());
    last = std::max(last, use);
    first_us = std::min(first_us, record->time_us());
    events += fmt::format("{0}=1 {1}..{1} ", record->message_id(), record->time_us());
  }
  return fmt::format("| {}| {}| {}..{} {} messages", attribute, events, first_us, last.first, records.size());
}

// Whose profile this is, if all that is in it may be in one person's.
std::string owner_of_all(const v1::EntityState& e, const std::vector<const v1::Envelope*>& records, Whose& whose) {
  Names who = whose.of(e.identifiers(0).identifier());
  const auto keep = [&](const Names& others) {
    std::erase_if(who, [&](const std::string& one) { return !others.contains(one); });
  };
  for (const v1::IdentifierUse& i : e.identifiers()) keep(whose.of(i.identifier()));
  for (const v1::Envelope* record : records) keep(whose.of(*record));
  EXPECT_EQ(who.size(), 1u) << describe(e);
  return who.empty() ? std::string() : *who.begin();
}

// The live profiles are one for each person, with what is theirs. Returns how many records they have.
size_t check_whose(TestCluster& c, const std::vector<v1::Envelope>& records, Whose whose, v1::EntityKind kind) {
  Names persons;
  size_t placed = 0;
  for (const v1::EntityState& e : live(c, kind)) {
    std::vector<const v1::Envelope*> here;
    for (const auto& event : e.events())
      for (const v1::Envelope& record : records)
        if (record.message_id() == event.name()) here.push_back(&record);
    if (e.identifiers().empty()) {
      ADD_FAILURE() << "a profile that nothing leads to: " << describe(e);
      continue;
    }
    EXPECT_TRUE(persons.insert(owner_of_all(e, here, whose)).second) << describe(e) << " is not the only one";
    const std::string all = describe(e);
    EXPECT_EQ(all.substr(all.find('|')), contents_of(here)) << all;
    placed += here.size();
  }
  return placed;
}

// Of users' devices: each is one, and it and a user list each other if a record in the user's profile names it.
void check_devices(TestCluster& c, const std::vector<v1::Envelope>& records, Whose whose) {
  Names devices;
  std::map<std::string, Names> listed, expected;  // by id
  for (const v1::EntityKind kind : {v1::ENTITY_KIND_USER, v1::ENTITY_KIND_DEVICE})
    for (const v1::EntityState& e : live(c, kind))
      for (const v1::EntityRef& ref : e.attached()) listed[hex(e.ref())].insert(hex(ref));
  for (const v1::EntityState& e : live(c, v1::ENTITY_KIND_DEVICE))
    EXPECT_TRUE(devices.insert(owner_of_all(e, {}, whose)).second) << describe(e) << " is not the only one";
  for (const v1::Envelope& record : records) {
    if (record.device().empty()) continue;
    const auto owner = owner_of(c, record.device(0).type(), record.device(0).value());
    const std::string device = owner.has_value() ? hex(owner->ref()) : "nobody";
    for (const v1::EntityState& e : live(c)) {
      const auto is_of_record = [&](const auto& event) { return event.name() == record.message_id(); };
      if (std::none_of(e.events().begin(), e.events().end(), is_of_record)) continue;
      expected[hex(e.ref())].insert(device);
      expected[device].insert(hex(e.ref()));
    }
  }
  EXPECT_EQ(listed, expected);
}

size_t count_of_data(const std::vector<v1::Envelope>& records) {
  return static_cast<size_t>(std::count_if(records.begin(), records.end(),
                                           [](const auto& record) { return record.kind() != v1::Envelope::MERGE; }));
}

void in_every_order_as_said(uint32_t partitions, const std::vector<v1::Envelope>& records, const Names& loose_types,
                            const model::Tenant& tenant = model::default_tenant("t")) {
  const v1::EntityKind kind = records[0].user_size() > 0 ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE;
  const Whose whose(records, kind, loose_types), whose_devices(records, v1::ENTITY_KIND_DEVICE, loose_types);
  const auto check = [&](TestCluster& c) {
    EXPECT_EQ(check_whose(c, records, whose, kind), count_of_data(records));
    if (kind == v1::ENTITY_KIND_USER) check_devices(c, records, whose_devices);
  };
  in_every_order(partitions, records, check, tenant);
  if (::testing::Test::HasFailure())
    for (const v1::Envelope& record : records) ADD_FAILURE() << record.ShortDebugString();
}

// Every history of so many records out of these.
void in_every_history(const std::vector<std::string>& menu, size_t length, const Names& loose_types,
                      const model::Tenant& tenant = model::default_tenant("t")) {
  size_t histories = 1;
  for (size_t i = 0; i < length; ++i) histories *= menu.size();
  for (size_t number = 0; number < histories && !::testing::Test::HasFailure(); ++number) {
    std::vector<std::string> texts;
    for (size_t rest = number; texts.size() < length; rest /= menu.size()) texts.push_back(menu[rest % menu.size()]);
    in_every_order_as_said(number % 2 == 0 ? 1U : 3U, history_of_texts(texts), loose_types, tenant);
  }
}

TEST(ArrivalOrder, AnAnonymousIdIsWithTheUserWhoUsedItLast) {
  in_every_history({"u1 a1", "u1 a2", "u2 a1", "u2 a2", "u1 a1 a2", "a1 a2", "a1"}, 3, {"anonymous_id"});
}

TEST(ArrivalOrder, WhatMovesOnConflictIsWithTheUserWhoUsedItLast) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.add_conflict_move("email");
  tenant.rules.add_conflict_move("phone");
  in_every_history({"u1 e1", "u2 e1", "u1 p1", "u2 p1", "e1 p1", "e1"}, 3, {"email", "phone"}, tenant);
}

TEST(ArrivalOrder, APushTokenIsWithTheDeviceThatUsedItLast) {
  in_every_history({"d1 t1", "d2 t1", "d1 t2", "d2 t2", "d1"}, 3, {"push_token"});
}

TEST(ArrivalOrder, UsersAndDevicesListEachOther) {
  in_every_history({"u1 d1 t1", "u2 d1", "u2 d2 t1", "a1 d1", "u1 a1", "u2 a1 d2"}, 3, {"anonymous_id", "push_token"});
}

// Up to three users who have an address each, or two if they merge, and share three anonymous ids.
std::vector<v1::Envelope> random_history(std::mt19937_64& rng, int length) {
  std::vector<v1::Envelope> records;
  for (int k = 0; k < length; ++k) {
    const auto person = 1 + rng() % 3;
    std::string text;
    if (rng() % 3 != 0) text += fmt::format("u{} ", person);
    if (rng() % 3 == 0) text += fmt::format("e{} ", person);
    for (const char* a : {"a1 ", "a2 ", "a3 "})
      if (rng() % 3 == 0) text += a;
    if (text.empty()) text = "a1";
    if (rng() % 8 == 0) text = fmt::format("{} u{} u{}", kMergeWord, person, person % 3 + 1);
    records.push_back(record_of(text, fmt::format("m{}", k), static_cast<int64_t>(1 + rng() % 4)));
  }
  return records;
}

TEST(ArrivalOrder, RandomHistoriesEndAsTheRecordsSay) {
  for (uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    std::mt19937_64 rng(seed);
    const auto partitions = static_cast<uint32_t>(1 + seed % 4);
    in_every_order_as_said(partitions, random_history(rng, seed % 6 == 0 ? 5 : 4), {"anonymous_id"});
  }
}

// An erase counts for what has arrived before it: here that is everything, in whatever order.
TEST(ArrivalOrder, WhoIsErasedInTheEndLeavesTheOthersAsTheyWere) {
  for (uint64_t seed = 100; seed < 130 && !HasFailure(); ++seed) {
    std::mt19937_64 rng(seed);
    const std::vector<v1::Envelope> records = random_history(rng, 4);
    const Whose whose(records, v1::ENTITY_KIND_USER, {"anonymous_id"});
    in_every_order(static_cast<uint32_t>(1 + seed % 4), records, [&](TestCluster& c) {
      in_this_order(c, {make_erase("z", "user_id", "u1", 9)});
      EXPECT_FALSE(owner_of(c, "user_id", "u1").has_value());
      const size_t kept = check_whose(c, records, whose, v1::ENTITY_KIND_USER);
      EXPECT_EQ(kept + c.erased_messages(), count_of_data(records));
    });
  }
}

// ---- what does depend on order ------------------------------------------------------------------------------------

// Who has the identifier in the end, over all orders.
Names owners_over_all_orders(const std::vector<std::string>& texts, const std::string& identifier) {
  Names owners;
  const auto wanted = identifier_of(identifier);
  in_every_order(1, history_of_texts(texts), [&](TestCluster& c) {
    const auto owner = owner_of(c, wanted.first, wanted.second);
    if (!owner.has_value()) {
      ADD_FAILURE() << "nobody has " << identifier;
      return;
    }
    for (const auto& i : owner->identifiers())
      if (i.identifier().type() == "user_id" || i.identifier().type() == "device_id")
        owners.insert(i.identifier().value());
  });
  return owners;
}

// No user is ever seen with a2, and two with a1, with which it is one: the profile of both goes to who comes first.
TEST(ArrivalOrder, KnownDifferenceAnIdentifierTiedToWhatTwoHaveUsed) {
  EXPECT_EQ(owners_over_all_orders({"u1 a1", "a1 a2", "u2 a1"}, "a2"), (Names{"u1", "u2"}));
  EXPECT_EQ(owners_over_all_orders({"u1 a1", "a1 a2", "u2 a1"}, "a1"), Names{"u2"});
}

// The token goes to who has it by then, and that the app is there again must be known of that device.
TEST(ArrivalOrder, KnownDifferenceAPushTokenThatComesAlone) {
  EXPECT_EQ(owners_over_all_orders({"d1 t1", "d2 t1", "t1"}, "t1"), (Names{"d1", "d2"}));
}

// Whatever an anonymous id did by itself is in the profile of one of those who have used it.
TEST(ArrivalOrder, KnownDifferenceWhoseProfileHasWhatAnAnonymousIdDid) {
  Names users;
  in_every_order(1, history_of_texts({"u1 a1", "u2 a1", "a1"}), [&](TestCluster& c) {
    for (const v1::EntityState& e : live(c))
      for (const auto& event : e.events())
        if (event.name() == "m2") users.insert(lists(e, "user_id", "u1") ? "u1" : "u2");
  });
  EXPECT_EQ(users, (Names{"u1", "u2"}));
}

}  // namespace
}  // namespace freshet::action::testing
