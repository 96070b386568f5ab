#include "action/events/profile.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <optional>

#include "action/control.h"
#include "action/events/attributes.h"
#include "model/document.h"
#include "model/tenant.h"

namespace freshet::action {
namespace {

v1::ComputedRule rule(const std::string& name, v1::ComputedRule::Op op, const std::string& property = {}) {
  v1::ComputedRule r;
  r.set_name(name);
  r.set_op(op);
  r.set_property(property);
  r.set_event("Order Completed");
  return r;
}

// Rules as a partition compiles them.
std::unique_ptr<const Rules> make_rules(uint32_t logic_version = kLogicVersion) {
  v1::Control control;
  control.set_logic_version(logic_version);
  control.set_revision(1);
  control.set_hash_key(std::string(16, 'k'));
  v1::TenantRules& tenant = *control.add_tenants();
  tenant = model::default_tenant("t").rules;
  *tenant.add_computed() = rule("purchases", v1::ComputedRule::COUNT);
  *tenant.add_computed() = rule("lifetime_value", v1::ComputedRule::SUM, "total");
  *tenant.add_computed() = rule("largest", v1::ComputedRule::MAX, "total");
  *tenant.add_computed() = rule("first_shop", v1::ComputedRule::FIRST, "shop");
  *tenant.add_computed() = rule("shops", v1::ComputedRule::UNIQUE, "shop");
  v1::ComputedRule big = rule("big", v1::ComputedRule::COUNT);
  auto& filter = *big.add_where();
  filter.set_property("total");
  filter.set_test(v1::ComputedRule::GT);
  filter.mutable_value()->set_integer(10);
  *tenant.add_computed() = big;
  v1::PartitionMeta meta;
  adopt_rules(meta, control, 77);
  return Rules::compile(meta);
}

v1::Envelope order(int n, int64_t time, const std::string& properties) {
  v1::Envelope record;
  record.set_tenant("t");
  record.set_message_id(fmt::format("m{:04}", n));
  record.set_time_us(time);
  v1::Event& event = *record.add_events();
  event.set_name("Order Completed");
  event.set_properties(properties);
  event.set_time_us(time);
  return record;
}

std::string document_of(v1::EntityState& entity, const Tenant& tenant) {
  Touched touched;
  touched.all();
  v1::Change change;
  change.set_version(1);
  touched.describe(entity, tenant, change);
  v1::Document document;
  model::apply_change(document, change);
  return document.ShortDebugString();
}

std::string computed(v1::EntityState& entity, const Tenant& tenant, const std::string& name) {
  for (const v1::Computed& c : entity.computed())
    if (c.name() == name) {
      const auto value = computed_value(c, *tenant.find_computed(name));
      return value ? value->ShortDebugString() : "-";
    }
  return "-";
}

TEST(ProfileTest, ComputesWhatIsDeclared) {
  const auto rules = make_rules();
  const Tenant& tenant = *rules->find("t");
  PropertyReader properties;
  Touched touched;
  v1::EntityState e;
  apply_record(e, order(1, 20, R"({"total":0.1,"shop":"B"})"), tenant, properties, touched);
  apply_record(e, order(2, 10, R"({"total":"0.2","shop":"A"})"), tenant, properties, touched);
  apply_record(e, order(3, 30, R"({"total":12,"shop":"B","x":{"y":[1]}})"), tenant, properties, touched);
  apply_record(e, order(4, 40, R"({"total":null})"), tenant, properties, touched);
  EXPECT_EQ(computed(e, tenant, "purchases"), "integer: 4");
  EXPECT_EQ(computed(e, tenant, "lifetime_value"), "decimal: \"12.3\"");
  EXPECT_EQ(computed(e, tenant, "first_shop"), "text: \"A\"");
  EXPECT_EQ(computed(e, tenant, "shops"), "list { values { text: \"A\" } values { text: \"B\" } }");
  EXPECT_EQ(computed(e, tenant, "big"), "integer: 1");
  EXPECT_EQ(e.first_seen_us(), 10);
  EXPECT_EQ(e.last_seen_us(), 40);
}

// Card and parcel numbers are sent as numbers. By the logic before, they were rounded, or hid the other properties.
TEST(ProfileTest, ComputedAttributesKeepTheDigitsOfWholeNumbers) {
  for (const bool keep : {true, false}) {
    const auto rules = make_rules(keep ? 2 : 1);
    const Tenant& tenant = *rules->find("t");
    PropertyReader properties;
    Touched touched;
    v1::EntityState e;
    apply_record(e, order(1, 20, R"({"total":18446744073709551615,"shop":18446744073709551614})"), tenant, properties,
                 touched);
    apply_record(e, order(2, 30, R"({"total":5,"x":[{"y":1}],"shop":123456789012345678901234567890,"\u0061":1})"),
                 tenant, properties, touched);
    EXPECT_EQ(computed(e, tenant, "first_shop"),
              keep ? "decimal: \"18446744073709551614\"" : "number: 1.8446744073709552e+19");
    EXPECT_EQ(computed(e, tenant, "lifetime_value"),
              keep ? "decimal: \"18446744073709551620\"" : "decimal: \"18446744073709551616\"");
    if (!keep) continue;
    EXPECT_EQ(
        computed(e, tenant, "shops"),
        "list { values { decimal: \"18446744073709551614\" } values { decimal: \"123456789012345678901234567890\" } }");
  }
}

TEST(ProfileTest, RulesSayByWhichLogicTheyArePublished) {
  for (const uint32_t version : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
    v1::PartitionMeta meta;
    meta.mutable_rules()->set_logic_version(version);
    meta.mutable_rules()->add_tenants()->set_name("t");
    EXPECT_EQ(Rules::compile(meta)->find("t")->keeps_digits, version >= 2) << version;
    EXPECT_EQ(Rules::compile(meta)->find("t")->knows_verified, version >= 4) << version;
    EXPECT_EQ(Rules::compile(meta)->find("t")->knows_activity, version >= 5) << version;
    EXPECT_EQ(Rules::compile(meta)->find("t")->knows_short_words, version >= 8) << version;
    EXPECT_EQ(Rules::compile(meta)->find("t")->keeps_devices, version >= 5) << version;
    EXPECT_EQ(Rules::compile(meta)->find("t")->knows_absence, version >= 6) << version;
    EXPECT_EQ(Rules::compile(meta)->find("t")->claims_again, version >= 6) << version;
    EXPECT_EQ(Rules::compile(meta)->find("t")->knows_whose, version >= 8) << version;
  }
  EXPECT_GE(kLogicVersion, 8u);
}

// docs/configuration.md: `where: {coupon: {exists: false}}` counts the events without one.
TEST(ProfileTest, ATestOfAbsencePassesWhereNothingIs) {
  for (const uint32_t version : {5u, 6u}) {
    v1::Control control;
    control.set_logic_version(version);
    control.set_revision(1);
    control.set_hash_key(std::string(16, 'k'));
    v1::TenantRules& published = *control.add_tenants();
    published = model::default_tenant("t").rules;
    v1::ComputedRule without = rule("without_coupon", v1::ComputedRule::COUNT);
    v1::ComputedRule::Filter& filter = *without.add_where();
    filter.set_property("coupon");
    filter.set_test(v1::ComputedRule::EXISTS);
    filter.mutable_value()->set_boolean(false);
    *published.add_computed() = without;
    v1::PartitionMeta meta;
    ASSERT_TRUE(adopt_rules(meta, control, 0));
    const auto rules = Rules::compile(meta);
    const Tenant& tenant = *rules->find("t");
    PropertyReader properties;
    Touched touched;
    v1::EntityState e;
    apply_record(e, order(1, 1, R"({"total":1})"), tenant, properties, touched);
    apply_record(e, order(2, 2, R"({"total":1,"coupon":"c"})"), tenant, properties, touched);
    apply_record(e, order(3, 3, R"({"total":2})"), tenant, properties, touched);
    EXPECT_EQ(computed(e, tenant, "without_coupon"), version >= 6 ? "integer: 2" : "integer: 1") << version;
  }
}

// IDENTITY cases 12 and 13: what a merge must not change.
TEST(ProfileTest, MergedProfilesAreAsIfTheyHadBeenOne) {
  const auto rules = make_rules();
  const Tenant& tenant = *rules->find("t");
  rc::check("any split, any order", [&] {
    PropertyReader properties;
    Touched touched;
    v1::EntityState whole, left, right;
    const int n = *rc::gen::inRange(1, 12);
    for (int i = 0; i < n; ++i) {
      const v1::Envelope record = order(
          i, *rc::gen::inRange<int64_t>(1, 9),
          fmt::format(R"({{"total":{},"shop":"s{}"}})", 0.1 * *rc::gen::inRange(0, 300), *rc::gen::inRange(0, 3)));
      apply_record(whole, record, tenant, properties, touched);
      apply_record(*rc::gen::arbitrary<bool>() ? left : right, record, tenant, properties, touched);
    }
    absorb_profile(left, right, tenant);
    RC_ASSERT(document_of(whole, tenant) == document_of(left, tenant));
    RC_ASSERT(whole.messages() == left.messages());
  });
}

TEST(ProfileTest, ChangesAddUpToTheWholeDocument) {
  const auto rules = make_rules();
  const Tenant& tenant = *rules->find("t");
  PropertyReader properties;
  Touched touched;
  v1::EntityState e;
  v1::Document document;
  for (int i = 0; i < 30; ++i) {
    v1::Envelope record = order(i, 1 + i * 7 % 11, fmt::format(R"({{"total":{}}})", i));
    v1::AttributeOp& op = *record.add_attributes();
    op.set_name(i % 2 == 0 ? "city" : "plan");
    op.set_type(i % 5 == 4 ? v1::AttributeOp::UNSET : v1::AttributeOp::SET);
    if (op.type() == v1::AttributeOp::SET) op.mutable_value()->set_integer(i);
    touched.clear();
    apply_record(e, record, tenant, properties, touched);
    v1::Change change;
    change.set_version(static_cast<uint64_t>(i + 1));
    touched.describe(e, tenant, change);
    ASSERT_TRUE(model::apply_change(document, change));
  }
  document.set_version(1);
  EXPECT_EQ(document.ShortDebugString(), document_of(e, tenant));
}

TEST(ProfileTest, EnrichedEventIsOneJsonObject) {
  const auto rules = make_rules();
  const Tenant* tenant = rules->find("t");
  v1::EntityState e;
  v1::Envelope record = order(1, 1'767'323'045'678'000, R"({"total":12.5})");
  record.set_received_at_us(1'767'323'046'000'000);
  record.set_source("segment");
  EXPECT_EQ(
      enriched_event_json(e, "ab", "", record, record.events(0), *tenant),
      R"({"message_id":"m0001","tenant":"t","user":"ab","event":"Order Completed","properties":{"total":12.5},)"
      R"("timestamp":"2026-01-02T03:04:05.678Z","received_at":"2026-01-02T03:04:06.000Z","source":"segment","enriched":{}})");
}

// Elements of sets are said alone where they can be; whatever there was before, the document is that of the state.
v1::AttributeOp random_op() {
  v1::AttributeOp op;
  op.set_name(*rc::gen::element<std::string>("a", "b"));
  const auto any = [] {
    v1::Value value;
    const int n = *rc::gen::inRange(0, 3);
    switch (*rc::gen::inRange(0, 3)) {
      case 0: value.set_integer(n); break;
      case 1: value.set_number(n); break;
      default: value.set_text(std::string(1, static_cast<char>('x' + n)));
    }
    return value;
  };
  switch (*rc::gen::inRange(0, 8)) {
    case 0: op.set_type(v1::AttributeOp::UNSET); return op;
    case 1: *op.mutable_value() = any(); return op.set_type(v1::AttributeOp::SET), op;
    case 2:
      for (int i = *rc::gen::inRange(0, 3); i > 0; --i) *op.mutable_value()->mutable_list()->add_values() = any();
      return op.set_type(v1::AttributeOp::SET), op;
    default: break;
  }
  op.set_type(*rc::gen::inRange(0, 3) == 0 ? v1::AttributeOp::REMOVE_FROM_SET : v1::AttributeOp::ADD_TO_SET);
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) *op.add_elements() = any();
  return op;
}

TEST(ProfileTest, ChangesOfSetsAddUpToTheWholeDocument) {
  const auto rules = make_rules();
  const Tenant& tenant = *rules->find("t");
  rc::check("one after the other, and folded", [&] {
    PropertyReader properties;
    Touched touched;
    v1::EntityState e;
    v1::Document document, folded;
    std::optional<v1::Change> all;
    for (int i = 1; i < 12; ++i) {
      v1::Envelope record;
      record.set_message_id("m" + std::to_string(i));
      record.set_time_us(*rc::gen::inRange<int64_t>(1, 9));
      for (int n = *rc::gen::inRange(1, 4); n > 0; --n) *record.add_attributes() = random_op();
      touched.clear();
      apply_record(e, record, tenant, properties, touched);
      v1::Change change;
      change.set_version(static_cast<uint64_t>(i));
      touched.describe(e, tenant, change);
      RC_ASSERT(model::apply_change(document, change));
      if (all) {
        model::fold_change(*all, std::move(change));
      } else {
        all = std::move(change);
      }
    }
    RC_ASSERT(model::apply_change(folded, *all));
    RC_ASSERT(folded.ShortDebugString() == document.ShortDebugString());
    document.set_version(1);
    RC_ASSERT(document.ShortDebugString() == document_of(e, tenant));
  });
}

TEST(ProfileTest, AnElementOfALargeSetIsSaidAlone) {
  const auto rules = make_rules();
  v1::EntityState e;
  PropertyReader properties;
  Touched touched;
  v1::Envelope record;
  v1::AttributeOp& op = *record.add_attributes();
  op.set_type(v1::AttributeOp::ADD_TO_SET);
  op.set_name("tags");
  for (int i = 0; i < 900; ++i) op.add_elements()->set_integer(i);
  record.set_time_us(1);
  apply_record(e, record, *rules->find("t"), properties, touched);
  op.clear_elements();
  op.add_elements()->set_text("x");
  record.set_message_id("m");
  touched.clear();
  apply_record(e, record, *rules->find("t"), properties, touched);
  v1::Change change;
  touched.describe(e, *rules->find("t"), change);
  ASSERT_EQ(change.ops_size(), 1);
  EXPECT_EQ(change.ops(0).type(), v1::ChangeOp::ADD_TO_SET);
  EXPECT_EQ(change.ops(0).value().list().values_size(), 1);
}

// ---- bounded work --------------------------------------------------------------------------------------------------
// Were these done by looking through what is there for each part, they would take minutes.

TEST(ProfileTest, NotesAHundredThousandPartsOnce) {
  const auto rules = make_rules();
  v1::EntityState entity;
  Touched touched;
  for (int round = 0; round < 2; ++round)
    for (int i = 99'999; i >= 0; --i) touched.add(v1::ATTRIBUTES, "attribute " + std::to_string(i));
  v1::Change change;
  touched.describe(entity, *rules->find("t"), change);
  ASSERT_EQ(change.ops_size(), 100'000);
  EXPECT_LT(change.ops(0).name(), change.ops(1).name());
  touched.clear();
  EXPECT_FALSE(touched.any());
}

TEST(ProfileTest, ShowsALongListWithAsManyElementsAdded) {
  constexpr int kMany = 30'000;
  v1::EntityState entity;
  v1::Value list;
  for (int i = 0; i < kMany; ++i) list.mutable_list()->add_values()->set_integer(2 * i);
  v1::Use use;
  use.set_time_us(1);
  write_register(entity, "a", &list, use);
  use.set_time_us(2);
  for (int i = 0; i < kMany; ++i) {
    v1::Value element;
    element.set_integer(3 * i);
    write_element(entity, "a", element, i % 2 == 1, use, kMany);
  }
  // Of the even multiples of three, which are added, those below 2 * kMany were in the list already; the odd ones are
  // removed, and are in no list of even numbers.
  const std::optional<v1::Value> shown = visible_attribute(entity, "a");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->list().values_size(), kMany + kMany / 2 - kMany / 3);
  EXPECT_EQ(shown->list().values(kMany).integer(), 2 * kMany);
}

TEST(ProfileTest, UnsetsByManyPatternsWhatHasManyNames) {
  const auto rules = make_rules();
  v1::EntityState entity;
  PropertyReader properties;
  v1::Envelope record;
  record.set_message_id("m1");
  record.set_time_us(1);
  for (int i = 0; i < 256; ++i) {
    v1::AttributeOp& op = *record.add_attributes();
    op.set_type(v1::AttributeOp::SET);
    op.set_name("K" + std::to_string(i));
    op.mutable_value()->set_boolean(true);
  }
  Touched touched;
  apply_record(entity, record, *rules->find("t"), properties, touched);
  record.clear_attributes();
  record.set_message_id("m2");
  record.set_time_us(2);
  for (const char* pattern : {"k1", "K", "k"}) {
    v1::AttributeOp& op = *record.add_attributes();
    op.set_type(v1::AttributeOp::UNSET_MATCHING);
    op.set_match(v1::AttributeOp::PREFIX);
    op.set_name(pattern);
    op.set_ignore_case(*pattern == 'k' && pattern[1] == '1');
  }
  touched.clear();
  apply_record(entity, record, *rules->find("t"), properties, touched);
  v1::Change change;
  touched.describe(entity, *rules->find("t"), change);
  EXPECT_EQ(change.ops_size(), 257) << "256 names and last_seen, each once";
}

}  // namespace
}  // namespace freshet::action
