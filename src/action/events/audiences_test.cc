#include "action/events/audiences.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "action/control.h"
#include "action/events/attributes.h"
#include "model/entity_ref.h"
#include "testing/audiences.h"

namespace freshet::action {
namespace {

using freshet::testing::add_audience;
using Rule = v1::ComputedRule;

// Rules as a partition has them.
class Given {
 public:
  explicit Given(const v1::TenantRules& rules, uint32_t logic_version = kLogicVersion) {
    v1::Control control;
    control.set_revision(1);
    control.set_logic_version(logic_version);
    *control.add_tenants() = rules;
    (void)adopt_rules(meta_, control, 5);
    rules_ = Rules::compile(meta_);
  }
  [[nodiscard]] const Tenant& tenant() const { return *rules_->find("t"); }

 private:
  v1::PartitionMeta meta_;
  std::unique_ptr<Rules> rules_;
};

v1::TenantRules rules() {
  v1::TenantRules out;
  out.set_name("t");
  Rule& computed = *out.add_computed();
  computed.set_name("orders");
  computed.set_op(Rule::COUNT);
  computed.set_event("Order");
  add_audience(out, "pune", "city", Rule::EQ, "Pune");
  add_audience(out, "buyers", "computed.orders", Rule::GE, 2);
  return out;
}

v1::EntityState person() {
  v1::EntityState user;
  user.set_tenant("t");
  model::to_proto({.id = hash128("u"), .rank = 0, .shared_root = false, .kind = v1::ENTITY_KIND_USER},
                  *user.mutable_ref());
  return user;
}

// A record that sets a city ("": unsets it) and has so many orders; what came of it as "+pune -buyers".
std::string apply(v1::EntityState& user, const Tenant& tenant, const char* city, int orders, int64_t at_us) {
  v1::Envelope record;
  record.set_message_id("m" + std::to_string(at_us));
  record.set_time_us(at_us);
  if (city != nullptr) {
    v1::AttributeOp& op = *record.add_attributes();
    op.set_type(*city == '\0' ? v1::AttributeOp::UNSET : v1::AttributeOp::SET);
    op.set_name("city");
    op.mutable_value()->set_text(city);
  }
  for (int i = 0; i < orders; ++i) {
    v1::Event& event = *record.add_events();
    event.set_name("Order");
    event.set_time_us(at_us);
  }
  Touched touched;
  PropertyReader properties;
  apply_record(user, record, tenant, properties, touched);
  std::string out;
  for (const AudienceMove& move : judge_audiences(user, tenant, at_us, touched))
    out += (out.empty() ? "" : " ") + std::string(move.entered ? "+" : "-") + move.audience;
  user.set_version(user.version() + 1);
  return out;
}

TEST(Audiences, AreEnteredAndLeftOnce) {
  const Given given(rules());
  v1::EntityState user = person();
  EXPECT_EQ(apply(user, given.tenant(), nullptr, 1, 10), "");
  EXPECT_EQ(apply(user, given.tenant(), "Pune", 1, 20), "+buyers +pune");
  EXPECT_EQ(apply(user, given.tenant(), "Pune", 1, 30), "");
  EXPECT_EQ(audience_value(user, "pune")->time_us(), 20);
  EXPECT_EQ(apply(user, given.tenant(), "Oslo", 0, 40), "-pune");
  EXPECT_FALSE(audience_value(user, "pune"));
  EXPECT_EQ(apply(user, given.tenant(), "Pune", 0, 35), "") << "earlier than what is there";
  EXPECT_EQ(apply(user, given.tenant(), "", 0, 50), "");
  EXPECT_EQ(apply(user, given.tenant(), "Pune", 0, 60), "+pune");
  EXPECT_EQ(audience_value(user, "pune")->time_us(), 60);
}

TEST(Audiences, OtherRulesJudgeWithTheNextChange) {
  v1::TenantRules changed = rules();
  const Given before(changed);
  v1::EntityState user = person();
  EXPECT_EQ(apply(user, before.tenant(), "Pune", 2, 10), "+buyers +pune");
  changed.mutable_audiences()->DeleteSubrange(0, 1);
  add_audience(changed, "all", "city", Rule::NE, "");
  const Given after(changed);
  EXPECT_EQ(apply(user, after.tenant(), nullptr, 0, 20), "+all -pune") << "whatever the change is about";
  changed.mutable_computed(0)->set_event("Other");
  const Given other_sum(changed);
  EXPECT_EQ(apply(user, other_sum.tenant(), nullptr, 0, 30), "-buyers") << "what is computed anew is not there yet";
  changed.clear_audiences();
  const Given none(changed);
  EXPECT_EQ(apply(user, none.tenant(), nullptr, 0, 40), "-all");
  EXPECT_EQ(user.audiences_judged(), 0u);
}

TEST(Audiences, AnOlderLogicJudgesNobody) {
  const Given given(rules(), kLogicOfAudiences - 1);
  v1::EntityState user = person();
  EXPECT_EQ(apply(user, given.tenant(), "Pune", 2, 10), "");
  EXPECT_EQ(user.audiences_size(), 0);
}

TEST(Audiences, AreReadByWhatTheyName) {
  const Given given(rules());
  const Audiences& audiences = given.tenant().audiences;
  ASSERT_EQ(audiences.all().size(), 2u);
  EXPECT_EQ(*audiences.reading(v1::ATTRIBUTES, "city"), std::vector<size_t>{1});
  EXPECT_EQ(*audiences.reading(v1::COMPUTED, "orders"), std::vector<size_t>{0});
  EXPECT_EQ(audiences.reading(v1::ATTRIBUTES, "orders"), nullptr);
  EXPECT_EQ(audiences.reading(v1::EVENTS, "city"), nullptr);
}

TEST(Audiences, AMergedProfileIsJudgedWhole) {
  const Given given(rules());
  v1::EntityState loser = person(), survivor = person();
  EXPECT_EQ(apply(loser, given.tenant(), "Pune", 1, 10), "+pune");
  EXPECT_EQ(apply(survivor, given.tenant(), nullptr, 1, 20), "");
  survivor.add_absorbing();
  absorb_attributes(survivor, loser, 100);
  absorb_computed(survivor, loser, given.tenant());
  absorb_audiences(survivor, loser, given.tenant());
  EXPECT_FALSE(audience_value(survivor, "pune")) << "it is not judged yet";
  Touched touched;
  touched.add(v1::ATTRIBUTES, "city");
  EXPECT_TRUE(judge_audiences(survivor, given.tenant(), 30, touched).empty()) << "more is to come";
  survivor.clear_absorbing();
  touched.clear();
  touched.add(v1::MERGED_FROM, "00");
  const auto moves = judge_audiences(survivor, given.tenant(), 40, touched);
  ASSERT_EQ(moves.size(), 2u);
  EXPECT_EQ(moves[0].audience, "buyers");
  EXPECT_EQ(moves[0].reason, MoveReason::kMerge);
  EXPECT_EQ(moves[1].reason, MoveReason::kMoved);
  EXPECT_EQ(moves[1].since_us, 10) << "the person has been in it since then";
  EXPECT_EQ(leave_audiences(loser, MoveReason::kMerge).size(), 1u);
  EXPECT_EQ(loser.audiences_size(), 0);
}

// Only what is touched is judged, and yet who is in an audience is always who meets it.
RC_GTEST_PROP(Audiences, MembersAreThoseWhoMeetIt, (const std::vector<uint8_t>& steps)) {
  const Given given(rules());
  v1::EntityState user = person();
  const char* const cities[] = {nullptr, "", "Pune", "Oslo"};
  std::set<std::string> in;
  int64_t at_us = 100;
  for (const uint8_t step : steps) {
    at_us += step % 3;
    const std::string moves = apply(user, given.tenant(), cities[step % 4], step / 4 % 2, at_us);
    for (size_t at = 0; at < moves.size(); at = moves.find(' ', at) + 1) {
      const std::string name = moves.substr(at + 1, moves.find(' ', at) - at - 1);
      const bool is_new = moves[at] == '+' ? in.insert(name).second : in.erase(name) == 1;
      RC_ASSERT(is_new);
      if (moves.find(' ', at) == std::string::npos) break;
    }
    const auto city = visible_attribute(user, "city");
    uint64_t orders = 0;
    for (const v1::NamedStats& named : user.events()) orders += named.stats().count();
    RC_ASSERT(in.contains("pune") == (city.has_value() && city->text() == "Pune"));
    RC_ASSERT(in.contains("buyers") == (orders >= 2));
    RC_ASSERT(in.size() == static_cast<size_t>(user.audiences_size()));
  }
}

}  // namespace
}  // namespace freshet::action
