// All workloads, as one class with a table of what they differ in.

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "end.h"
#include "groups.h"
#include "oracle.h"
#include "people.h"
#include "testing/audiences.h"
#include "wishes.h"
#include "workload.h"

namespace freshet::sim {
namespace {

// A day before the clock's beginning.
constexpr int64_t kBaseTimeMs = 1'749'900'000'000;

using Check = void (*)(const End&);

v1::ComputedRule computed(const char* name, v1::ComputedRule::Op op, const char* property) {
  v1::ComputedRule rule;
  rule.set_name(name);
  rule.set_op(op);
  rule.set_event("Buy");
  rule.set_property(property);
  return rule;
}

// Of attributes and of what is computed, one of each kind of test. What they are is said a second time in oracle.cc.
void add_audiences(v1::TenantRules& rules) {
  using Rule = v1::ComputedRule;
  v1::Value yes, no;
  yes.set_boolean(true);
  no.set_boolean(false);
  testing::add_audience(rules, "big", "computed.lifetime_value", Rule::GE, 500);
  testing::add_audience(rules, "city1", "city", Rule::EQ, "c1");
  testing::add_audience(rules, "quiet", "computed.purchases", Rule::EXISTS, no);
  testing::add_audience(rules, "quiet", "p", Rule::GE, 2);
  testing::add_audience(rules, "choosy", "q", Rule::NE, 1);
  testing::add_audience(rules, "choosy", "r", Rule::EXISTS, yes);
}

model::Tenant make_tenant(const std::string& name) {
  model::Tenant tenant = model::default_tenant(name);
  tenant.write_keys = {write_key_of(name)};
  tenant.server_keys = {server_key_of(name)};
  *tenant.rules.add_computed() = computed("purchases", v1::ComputedRule::COUNT, "");
  *tenant.rules.add_computed() = computed("lifetime_value", v1::ComputedRule::SUM, "total");
  tenant.rules.add_enrich("city");
  tenant.rules.set_events_unread(name == "b");
  tenant.rules.set_session_gap_s(2);  // Events lie whole seconds apart.
  add_audiences(tenant.rules);
  return tenant;
}

// Another revision of the same rules: other ranks of e-mail and phone, other enrichment, other readers of events.
std::vector<model::Tenant> revised(std::vector<model::Tenant> tenants, bool other_ranks) {
  for (model::Tenant& tenant : tenants) {
    tenant.rules.add_enrich("p");
    tenant.rules.set_events_unread(!tenant.rules.events_unread());
    if (other_ranks) tenant.rules.mutable_user_priority()->SwapElements(1, 2);
  }
  return tenants;
}

// What the workloads differ in.
struct Plan {
  const char* name;
  const char* text;
  bool confluent;
  Habits habits;
  void (*rules)(v1::TenantRules&) = nullptr;
  Check check = nullptr;
  bool rated = false;
  bool other_audiences = false;  // other rules have another audience
  bool two_priorities = false;   // for sure there are nodes and partitions that rank e-mail and phone differently
  uint32_t partitions_min = 1;
};

class PeopleWorkload final : public Workload {
 public:
  explicit PeopleWorkload(const Plan& plan) : plan_(plan) {}
  std::string_view name() const override { return plan_.name; }
  std::string_view text() const override { return plan_.text; }
  bool confluent() const override { return plan_.confluent; }

  void setup(Dice& dice, const Size& size, Scenario& scenario) const override {
    static const std::vector<uint32_t> kPartitions = {1, 2, 3, 5, 8};
    scenario.partitions = std::max(plan_.partitions_min, dice.pick(kPartitions));
    if (size.partitions != 0) scenario.partitions = size.partitions;
    scenario.ingest_nodes = plan_.two_priorities ? 2 : 1 + static_cast<uint32_t>(dice.roll(2));
    std::vector<model::Tenant> tenants = {make_tenant("a")};
    if (dice.one_in(4)) tenants.push_back(make_tenant("b"));
    for (model::Tenant& tenant : tenants) {
      if (plan_.confluent) model::set_identifier_limit(tenant.rules, "default", 50);
      if (plan_.rules != nullptr) plan_.rules(tenant.rules);
      if (plan_.habits.spelled > 0) tenant.phones.default_country = kCountry;
      if (plan_.rated) tenant.rate = {200 + dice.roll(1'000), 1 + dice.roll(30)};
    }
    scenario.rated = plan_.rated;
    scenario.events_if_read = scenario.partitions % 2 == 1;
    // A node may know newer rules than action does.
    for (uint32_t node = 0; node < scenario.ingest_nodes; ++node)  // one may know newer rules than action
      scenario.tenants.push_back(node > 0 && (plan_.two_priorities || dice.one_in(2)) ? revised(tenants, true)
                                                                                      : tenants);
  }

  void start(Dice& dice, const Size& size, Scenario& scenario) const override {
    const size_t tenants = scenario.tenants[0].size();
    for (const model::Tenant& tenant : scenario.tenants[0]) send(dice, size.records / tenants, tenant.name, scenario);
    dice.shuffle(scenario.requests);
    for (size_t changes = plan_.two_priorities ? 1 : dice.roll(4); changes > 0; --changes) {
      const bool ingest_too = !plan_.two_priorities && dice.one_in(3);
      scenario.rules.push_back(
          {dice.roll(scenario.requests.size() + 1), revised(scenario.tenants[0], !ingest_too), ingest_too});
      if (!plan_.other_audiences) continue;
      for (model::Tenant& tenant : scenario.rules.back().tenants)
        testing::add_audience(tenant.rules, kLateAudience, "s", v1::ComputedRule::GE, static_cast<int64_t>(changes));
    }
    std::sort(scenario.rules.begin(), scenario.rules.end(),
              [](const RulesChange& a, const RulesChange& b) { return a.after_request < b.after_request; });
  }

  void check(const End& end) const override {
    if (plan_.check != nullptr) plan_.check(end);
  }

 private:
  void send(Dice& dice, size_t records, const std::string& tenant, Scenario& scenario) const {
    // Few records are of few people, so that they meet often enough.
    Habits habits = plan_.habits;
    habits.people = std::max<uint32_t>(
        habits.circle, std::min(habits.people, static_cast<uint32_t>(records / 5)) / habits.circle * habits.circle);
    if (habits.merge > 0) habits.people = std::max(habits.people, habits.merge_circle);
    People people(habits, dice, kBaseTimeMs);
    std::vector<Item> items;
    // Ties make the end of a confluent workload certain: whatever came before, these records
    // connect.
    if (plan_.confluent || plan_.habits.stranger > 0) items = people.ties();
    while (items.size() < records) items.push_back(people.next());
    if (!plan_.confluent && dice.one_in(2)) {
      // The order is about that of time; else any order.
      for (size_t i = 8; i < items.size(); ++i)  // about in order
        std::swap(items[i], items[i - dice.roll(8)]);
    } else {
      dice.shuffle(items);
    }
    // A storm: merges and other commands come together.
    if (dice.one_in(2))  // a storm: all merges and other commands come together
      std::stable_partition(items.begin() + static_cast<std::ptrdiff_t>(items.size() / 4), items.end(),
                            [](const Item& item) { return !item.command.empty(); });
    for (size_t first = 0; first < items.size();) {
      size_t count = std::min(items.size() - first, 1 + dice.roll(12));
      const auto begin = items.begin() + static_cast<std::ptrdiff_t>(first);
      const auto other = std::find_if(begin, begin + static_cast<std::ptrdiff_t>(count),
                                      [&](const Item& item) { return item.stranger != begin->stranger; });
      count = static_cast<size_t>(other - begin);
      Request& request = scenario.requests.emplace_back(
          make_request(static_cast<uint32_t>(dice.roll(scenario.ingest_nodes)), tenant, {begin, other}));
      const bool needs_server_key =
          std::any_of(begin, other, [](const Item& item) { return item.vouched || !item.command.empty(); });
      request.by_server = needs_server_key || (!begin->stranger && dice.one_in(2));
      first += count;
    }
  }

  const Plan plan_;
};

// ---- what only some of them promise -------------------------------------------------------------------------------

// However many people use one tablet, each stays one person.
void everybody_stays_alone(const End& end) {
  for (const v1::EntityState* e : end.live(v1::ENTITY_KIND_USER)) {
    const auto user_ids = std::count_if(e->identifiers().begin(), e->identifiers().end(),
                                        [](const auto& i) { return i.identifier().type() == "user_id"; });
    require(user_ids <= 1, "two people who share a tablet became one");
  }
}

// A tablet is with whoever used it last, whatever it and others sent without saying of whom, and in whichever order all
// of it arrived.
void tablets_are_with_their_last_users(const End& end) {
  everybody_stays_alone(end);
  std::map<std::string, std::pair<Use, std::string>> last;  // by tablet: when, and by whom
  for (const v1::Envelope& record : end.records) {
    if (!is_data(record) || record.user().empty() || record.user(0).type() != "user_id") continue;
    const std::string user = text_of(record.tenant(), record.user(0));
    for (int i = 1; i < record.user_size(); ++i) {
      auto& of = last[text_of(record.tenant(), record.user(i))];
      of = std::max(of, {Use(record.time_us(), record.message_id()), user});
    }
  }
  for (const v1::EntityState* e : end.live(v1::ENTITY_KIND_USER)) {
    std::set<std::string> listed;
    for (const v1::IdentifierUse& i : e->identifiers()) listed.insert(text_of(e->tenant(), i.identifier()));
    for (const std::string& one : listed) {
      const auto found = last.find(one);
      require(found == last.end() || listed.contains(found->second.second),
              [&] { return one + " is not with " + found->second.second + ", who used it last"; });
    }
  }
}

// Each device is one in the end, whatever it was first seen by, and has nobody else's identifiers.
void devices_are_whole(const End& end) {
  std::set<std::string> seen;
  for (const v1::EntityState* e : end.live(v1::ENTITY_KIND_DEVICE)) {
    std::set<std::string> numbers;
    for (const v1::IdentifierUse& i : e->identifiers()) numbers.insert(i.identifier().value().substr(1));
    require(numbers.size() == 1, "a device has identifiers of two, or none");
    require(seen.insert(e->tenant() + "/" + *numbers.begin()).second, "a device became two");
  }
}

void limits_are_kept(const End& end) {
  for (const v1::EntityState* e : end.live(v1::ENTITY_KIND_USER)) {
    std::map<std::string, size_t> counts;
    for (const v1::IdentifierUse& i : e->identifiers()) ++counts[i.identifier().type()];
    for (const auto& [type, count] : counts) require(count <= 2, "a profile has more than two of " + type);
    for (const v1::ElementSet& set : e->sets()) require(set.elements_size() <= 3, "a set is over its limit");
  }
}

// Whoever was erased and never released is nobody any more.
void erased_stay_away(const End& end) {
  std::set<std::string> erased, released;
  for (const v1::Envelope& record : end.records) {
    if (record.user().empty() || record.user(0).type() != "user_id") continue;
    const std::string id = record.tenant() + "/" + record.user(0).value();
    if (record.kind() == v1::Envelope::ERASE) erased.insert(id);
    if (record.kind() == v1::Envelope::UNSUPPRESS) released.insert(id);
  }
  for (const v1::EntityState* e : end.live(v1::ENTITY_KIND_USER))
    for (const v1::IdentifierUse& i : e->identifiers()) {
      const std::string id = e->tenant() + "/" + i.identifier().value();
      if (i.identifier().type() != "user_id" || released.contains(id)) continue;
      require(!erased.contains(id), [&] { return "user_id " + id + " was erased and has a profile"; });
    }
}

// Whatever strangers claim, and whoever comes first: what a server key says of one person only is that person's.
void strangers_take_nothing(const End& end) {
  std::map<std::string, const v1::EntityState*> owner;
  for (const v1::EntityState* e : end.live(v1::ENTITY_KIND_USER))
    for (const v1::IdentifierUse& i : e->identifiers())
      owner[e->tenant() + " " + i.identifier().type() + "=" + i.identifier().value()] = e;
  for (const v1::Envelope& record : end.records) {
    if (!record.verified() || record.user().empty() || record.user(0).type() != "user_id") continue;
    const auto key = [&](const v1::Identifier& i) { return record.tenant() + " " + i.type() + "=" + i.value(); };
    for (const v1::Identifier& i : record.user())
      require(i.type() == "anonymous_id" || owner[key(i)] == owner[key(record.user(0))],
              [&] { return key(i) + " is not with " + key(record.user(0)) + ", as a server key says"; });
  }
  for (const auto& [alias, row] : end.aliases) require(!row.common(), "claims of a day made an identifier common");
}

// Of a person who has only a user_id, so that it is certain in which order its records came.
void persons_have_limits(const End& end) {
  std::map<std::string, uint64_t> got;
  for (const v1::EntityState* e : end.live(v1::ENTITY_KIND_USER))
    got[e->tenant() + "/" + e->identifiers(0).identifier().value()] = e->messages();
  for (const auto& [person, messages] : messages_within(end.scenario.tenants[0][0].rules.person_limits(), end.records))
    require(got[person] == messages, [&, &person = person, &messages = messages] {
      return fmt::format("{} has {} messages, the oracle says {}", person, got[person], messages);
    });
}

void few_events(v1::TenantRules& rules) {
  rules.mutable_person_limits()->set_per_minute(4);
  rules.mutable_person_limits()->set_per_hour(20);
  rules.mutable_person_limits()->set_per_day(60);
}

void few_claimants(v1::TenantRules& rules) {
  model::set_identifier_limit(rules, "default", 50);
  rules.set_claimants_max(4);
}

void tight_limits(v1::TenantRules& rules) {
  model::set_identifier_limit(rules, "default", 2);
  rules.set_set_elements_max(3);
}

void three_devices(v1::TenantRules& rules) { model::set_identifier_limit(rules, "anonymous_id", 3); }

std::vector<Plan> confluent_plans() {
  return {
      {.name = "graphs",
       .text = "random identity graphs: people seen by any of their identifiers, tied together at some time",
       .confluent = true,
       .habits = {}},
      {.name = "first_events",
       .text = "many people whose first events arrive at once, by several identifiers",
       .confluent = true,
       .habits = {.people = 60, .identifiers_max = 2, .has_user_id = 200, .attribute = 100, .set = 50}},
      {.name = "two_keys",
       .text = "people known by e-mail or phone, whose order of rank differs between nodes and changes in mid-stream",
       .confluent = true,
       .habits = {.people = 100, .emails = 1, .anonymous = 0, .identifiers_max = 2, .has_user_id = 0, .attribute = 100},
       .two_priorities = true,
       .partitions_min = 3},
      {.name = "attributes",
       .text = "attributes and sets written out of order, many at the same time, while profiles join",
       .confluent = true,
       .habits = {.people = 8, .event = 100, .attribute = 800, .set = 600, .times = 8}},
      {.name = "hot_users", .text = "one person has nine of ten records", .confluent = true, .habits = {.hot = 900}},
      {.name = "devices",
       .text = "people on their own and the family's devices, known by several identifiers: references between the two",
       .confluent = true,
       .habits = {.people = 18, .device_identifiers_max = 3, .event = 400, .device = 700, .times = 20},
       .check = devices_are_whole},
      {.name = "merge_storm",
       .text = "explicit merges of people while their updates arrive",
       .confluent = true,
       .habits = {.people = 64, .emails = 1, .anonymous = 1, .merge = 400, .merge_circle = 32},
       .partitions_min = 5},
  };
}

// Devices that several people use.
std::vector<Plan> plans_of_tablets() {
  return {
      {.name = "logins",
       .text = "people log in and out on a few devices",
       .confluent = false,
       .habits =
           {.people = 12, .circle = 3, .emails = 0, .phones = 0, .anonymous = 4, .has_user_id = 600, .marked = 500},
       .rules = three_devices,
       .check = everybody_stays_alone},
      {.name = "tablets",
       .text = "everybody uses the same tablets; e-mail and phone are their own",
       .confluent = false,
       .habits =
           {.people = 12, .circle = 12, .emails = 0, .phones = 0, .anonymous = 3, .has_user_id = 800, .marked = 300},
       .check = tablets_are_with_their_last_users},
  };
}

std::vector<Plan> contended_plans() {
  return {
      {.name = "shared",
       .text = "e-mails, phones and devices that several people claim: refusals and moves",
       .confluent = false,
       .habits = {.people = 90, .circle = 3, .anonymous = 4, .has_user_id = 100, .marked = 300, .times = 12},
       .rules = three_devices},
      {.name = "merges",
       .text = "explicit merges, also of people who share identifiers, and many unlinks",
       .confluent = false,
       .habits = {.people = 90,
                  .circle = 3,
                  .anonymous = 4,
                  .has_user_id = 100,
                  .marked = 300,
                  .merge = 40,
                  .unlink = 250,
                  .merge_circle = 3,
                  .times = 12},
       .rules = three_devices},
      {.name = "erases",
       .text = "people are erased and released again while their events still arrive",
       .confluent = false,
       .habits = {.people = 18,
                  .circle = 3,
                  .anonymous = 4,
                  .marked = 500,
                  .merge = 30,
                  .erase = 40,
                  .unsuppress = 20,
                  .merge_circle = 3},
       .rules = three_devices,
       .check = erased_stay_away},
      {.name = "limits",
       .text = "more identifiers and elements than the limits allow",
       .confluent = false,
       .habits = {.people = 12, .circle = 2, .emails = 4, .phones = 3, .anonymous = 5, .set = 600},
       .rules = tight_limits,
       .check = limits_are_kept},
      {.name = "everything",
       .text = "a few people, and all of it at once",
       .confluent = false,
       .habits = {.people = 60,
                  .circle = 3,
                  .anonymous = 4,
                  .has_user_id = 100,
                  .marked = 300,
                  .merge = 60,
                  .erase = 50,
                  .unlink = 80,
                  .unsuppress = 20,
                  .merge_circle = 3,
                  .times = 12},
       .rules = three_devices,
       .check = erased_stay_away},
  };
}

std::vector<Plan> plans_of_strangers() {
  return {
      {.name = "strangers",
       .text = "made-up persons claim, by the key of web pages, what a server key says is somebody's",
       .confluent = false,
       .habits = {.people = 8, .anonymous = 1, .has_user_id = 300, .stranger = 400},
       .rules = few_claimants,
       .check = strangers_take_nothing},
  };
}

// Those that have seeds of their own (run.cc).
std::vector<Plan> later_plans() {
  return {{.name = "audiences",
           .text = "people enter and leave audiences, are merged meanwhile, and audiences change",
           .confluent = true,
           .habits = {.people = 24,
                      .emails = 1,
                      .anonymous = 2,
                      .has_user_id = 600,
                      .event = 500,
                      .buy = 300,
                      .attribute = 800,
                      .merge = 60,
                      .merge_circle = 4},
           .other_audiences = true},
          {.name = "floods",
           .text = "a few people send more events than each may, and some of all is set aside",
           .confluent = false,
           .habits = {.people = 12,
                      .emails = 0,
                      .phones = 0,
                      .anonymous = 0,
                      .identifiers_max = 1,
                      .has_user_id = 1000,
                      .hot = 500,
                      .marked = 300,
                      .blocked = 0},
           .rules = few_events,
           .check = persons_have_limits},
          {.name = "tokens",
           .text = "push tokens that go from device to device, apps that are removed, messages that are wanted or not",
           .confluent = true,
           .habits = {.people = 18,
                      .device_identifiers_max = 3,
                      .event = 200,
                      .attribute = 200,
                      .device = 800,
                      .token = 700,
                      .lone_device = 400,
                      .reach = 300}},
          {.name = "phones",
           .text = "people known by phone alone, whose numbers are written in every way",
           .confluent = true,
           .habits = {.emails = 0, .phones = 2, .anonymous = 1, .has_user_id = 150, .spelled = 700}},
          {.name = "rates",
           .text = "tenants send above their rates: most goes through overflow, whose drains die and change hands",
           .confluent = true,
           .habits = {},
           .rated = true}};
}

}  // namespace

const std::vector<std::unique_ptr<Workload>>& workloads() {
  static const std::vector<std::unique_ptr<Workload>> all = [] {
    std::vector<std::unique_ptr<Workload>> made;
    for (const auto& plans :
         {confluent_plans(), plans_of_tablets(), contended_plans(), plans_of_strangers(), later_plans()})
      for (const Plan& plan : plans) made.push_back(std::make_unique<PeopleWorkload>(plan));
    return made;
  }();
  return all;
}

const Workload* find_workload(std::string_view name) {
  for (const auto& workload : workloads())
    if (workload->name() == name) return workload.get();
  return nullptr;
}

}  // namespace freshet::sim
