// Golden files of the Protobuf formats: what a released version wrote must be read for ever, and what we write today
// must be what the file says (state and outputs are compared byte for byte after a replay). FRESHET_UPDATE_GOLDEN=1
// writes files that do not exist yet; it never changes one.
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/event.pb.h"
#include "freshet/v1/overflow.pb.h"
#include "freshet/v1/state.pb.h"
#include "model/entity_ref.h"
#include "model/tenant.h"
#include "testing/project_path.h"

namespace freshet::model {
namespace {

std::string path_of(const std::string& name) { return project_path("tests/golden/v1/" + name); }

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// NAME.hex holds the bytes, NAME.txt what they mean.
template <class Message>
void expect_golden(const std::string& name, const Message& message) {
  const std::string hex = path_of(name + ".hex"), txt = path_of(name + ".txt");
  std::string meaning;
  google::protobuf::TextFormat::PrintToString(message, &meaning);
  if (std::getenv("FRESHET_UPDATE_GOLDEN") != nullptr && !std::filesystem::exists(hex)) {
    std::ofstream(hex) << to_hex(message.SerializeAsString()) << "\n";
    std::ofstream(txt) << meaning;
  }
  std::string stored = read(hex);
  ASSERT_FALSE(stored.empty()) << hex << " is missing";
  stored.pop_back();
  Message decoded;
  ASSERT_TRUE(decoded.ParseFromString(from_hex(stored))) << hex;
  std::string decoded_meaning;
  google::protobuf::TextFormat::PrintToString(decoded, &decoded_meaning);
  EXPECT_EQ(decoded_meaning, read(txt)) << "an old record means something else now";
  EXPECT_EQ(to_hex(message.SerializeAsString()), stored) << "the same record is written differently now";
}

EntityRef ref(const char* name, v1::EntityKind kind) {
  return {.id = hash128(name), .rank = 1, .shared_root = true, .kind = kind};
}

void fill(v1::Identifier& i, const char* type, const char* value) {
  i.set_type(type);
  i.set_value(value);
}

void fill(v1::Use& use, int64_t time, const char* id) {
  use.set_time_us(time);
  use.set_message_id(id);
}

v1::Envelope record() {
  v1::Envelope e;
  e.set_tenant("acme");
  e.set_source("segment");
  e.set_message_id("m1");
  e.set_kind(v1::Envelope::TRACK);
  fill(*e.add_user(), "user_id", "u1");
  fill(*e.add_device(), "device_id", "d1");
  v1::AttributeOp& op = *e.add_attributes();
  op.set_type(v1::AttributeOp::SET);
  op.set_name("city");
  op.mutable_value()->set_text("Pune");
  v1::AttributeOp& set = *e.add_attributes();
  set.set_type(v1::AttributeOp::ADD_TO_SET);
  set.set_name("tags");
  set.add_elements()->set_text("x");
  v1::Event& event = *e.add_events();
  event.set_name("Order Completed");
  event.set_properties(R"({"total":12.5})");
  event.set_time_us(1'767'323'045'678'000);
  e.set_time_us(1'767'323'045'678'000);
  e.set_received_at_us(1'767'323'046'000'000);
  e.set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  e.set_ledger("import:1");
  return e;
}

TEST(FormatsTest, Envelope) { expect_golden("envelope", record()); }

TEST(FormatsTest, VerifiedEnvelope) {
  v1::Envelope e = record();
  e.set_verified(true);
  expect_golden("envelope_verified", e);
}

TEST(FormatsTest, LoopMessageThatTurnsDown) {
  v1::Envelope e;
  e.set_tenant("acme");
  e.set_kind(v1::Envelope::LOOP);
  v1::Loop& loop = *e.mutable_loop();
  loop.set_type(v1::Loop::UNLINK);
  to_proto(ref("claimant", v1::ENTITY_KIND_USER), *loop.mutable_to());
  to_proto(ref("holder", v1::ENTITY_KIND_USER), *loop.mutable_other());
  fill(*loop.mutable_identifier(), "email", "a@b.c");
  fill(*loop.mutable_use(), 5, "m1");
  loop.mutable_use()->set_verified(true);
  loop.set_verified(true);
  loop.set_outranked(true);
  expect_golden("loop_unlink", e);
}

TEST(FormatsTest, LoopMessage) {
  v1::Envelope e;
  e.set_tenant("acme");
  e.set_kind(v1::Envelope::LOOP);
  v1::Loop& loop = *e.mutable_loop();
  loop.set_type(v1::Loop::ABSORB);
  to_proto(ref("survivor", v1::ENTITY_KIND_USER), *loop.mutable_to());
  to_proto(ref("loser", v1::ENTITY_KIND_USER), *loop.mutable_ref());
  fill(*loop.mutable_cause()->mutable_identifier(), "email", "a@b.c");
  loop.mutable_chunk()->set_first_seen_us(7);
  loop.set_last(true);
  loop.set_received_at_us(9);
  expect_golden("loop", e);
}

TEST(FormatsTest, Control) {
  v1::Envelope e;
  e.set_kind(v1::Envelope::CONTROL);
  v1::Control& control = *e.mutable_control();
  control.set_revision(3);
  control.set_logic_version(1);
  control.set_hash_key("0123456789abcdef");
  *control.add_tenants() = default_tenant("acme").rules;
  v1::ComputedRule& rule = *control.mutable_tenants(0)->add_computed();
  rule.set_name("lifetime_value");
  rule.set_op(v1::ComputedRule::SUM);
  rule.set_property("total");
  rule.set_event("Order Completed");
  control.set_partitions(16);
  expect_golden("control", e);
}

TEST(FormatsTest, EntityState) {
  v1::EntityState s;
  to_proto(ref("me", v1::ENTITY_KIND_USER), *s.mutable_ref());
  s.set_tenant("acme");
  s.set_status(v1::EntityState::LEAVING);
  to_proto(ref("other", v1::ENTITY_KIND_USER), *s.mutable_target());
  s.set_version(17);
  v1::IdentifierUse& i = *s.add_identifiers();
  fill(*i.mutable_identifier(), "user_id", "u1");
  fill(*i.mutable_use(), 5, "m1");
  v1::Register& r = *s.add_attributes();
  r.set_name("city");
  r.mutable_value()->set_text("Pune");
  fill(*r.mutable_use(), 5, "m1");
  v1::ElementSet& set = *s.add_sets();
  set.set_name("tags");
  v1::SetElement& element = *set.add_elements();
  element.mutable_value()->set_integer(-1);
  element.set_removed(true);
  fill(*element.mutable_use(), 6, "m2");
  v1::NamedStats& stats = *s.add_events();
  stats.set_name("Order Completed");
  stats.mutable_stats()->set_count(3);
  stats.mutable_stats()->set_first_us(1);
  stats.mutable_stats()->set_last_us(2);
  v1::Computed& c = *s.add_computed();
  c.set_name("lifetime_value");
  c.set_definition(99);
  c.set_count(2);
  c.set_sum_low(12'500'000'000);
  c.set_since_us(4);
  s.set_first_seen_us(1);
  s.set_last_seen_us(2);
  to_proto(ref("device", v1::ENTITY_KIND_DEVICE), *s.add_attached());
  to_proto(ref("merged", v1::ENTITY_KIND_USER), *s.add_merged());
  fill(*s.add_refused(), "email", "a@b.c");
  s.add_held()->set_type(v1::Loop::REVIVE);
  s.set_messages(3);
  fill(*s.mutable_listed_first(), "user_id", "u1");
  fill(*s.mutable_listed_first_use(), 8, "x1");
  s.set_refused_revision(1);
  expect_golden("entity_state", s);
}

// What issue 4 added: the history, work in steps, references of devices.
TEST(FormatsTest, EntityStateInSteps) {
  v1::EntityState s;
  to_proto(ref("me", v1::ENTITY_KIND_USER), *s.mutable_ref());
  s.set_status(v1::EntityState::LEAVING);
  v1::HistoryEntry& made = *s.add_history();
  made.set_what(v1::HistoryEntry::CREATED);
  fill(*made.mutable_identifier(), "anonymous_id", "a1");
  fill(*made.mutable_use(), 5, "m1");
  made.set_received_at_us(6);
  v1::HistoryEntry& refused = *s.add_history();
  refused.set_what(v1::HistoryEntry::REFUSED);
  to_proto(ref("other", v1::ENTITY_KIND_USER), *refused.mutable_other());
  refused.set_reason("user_id_limit");
  s.add_absorbing()->set_type(v1::Loop::ABSORB);
  s.mutable_departure()->set_sent(1000);
  fill(*s.mutable_departure()->mutable_cause()->mutable_identifier(), "email", "a@b.c");
  fill(*s.mutable_departure()->mutable_use(), 7, "m2");
  s.set_winding_up(true);
  s.set_stepping(true);
  v1::KnownAs& known = *s.add_known_as();
  known.set_id_high(1);
  known.set_id_low(2);
  to_proto(ref("device", v1::ENTITY_KIND_DEVICE), *known.mutable_ref());
  expect_golden("entity_state_steps", s);
}

TEST(FormatsTest, EntityStateOfWhatWasDone) {
  v1::EntityState s;
  to_proto(ref("me", v1::ENTITY_KIND_DEVICE), *s.mutable_ref());
  v1::Session& session = *s.mutable_sessions()->add_recent();
  session.set_start_us(5);
  session.set_last_us(9);
  session.set_events(2);
  s.mutable_sessions()->set_before(3);
  s.mutable_sessions()->set_before_us(70);
  v1::Register& push = *s.add_subscriptions();
  push.set_name("push");
  push.mutable_value()->set_boolean(false);
  fill(*push.mutable_use(), 5, "m1");
  fill(*s.mutable_uninstalled(), 6, "m2");
  fill(*s.add_refused_verified(), "email", "a@b.c");
  expect_golden("entity_state_activity", s);
}

TEST(FormatsTest, EntityInAudiences) {
  v1::EntityState s;
  to_proto(ref("root", v1::ENTITY_KIND_USER), *s.mutable_ref());
  v1::Membership& vip = *s.add_audiences();
  vip.set_name("vip");
  vip.set_since_us(1'767'323'046'000'000);
  v1::Membership& carried = *s.add_audiences();
  carried.set_name("wake");
  carried.set_since_us(5);
  carried.set_carried(true);
  s.set_audiences_judged(0x0123456789abcdef);
  expect_golden("entity_state_audiences", s);
}

TEST(FormatsTest, ControlWithAudiences) {
  v1::Envelope e;
  v1::TenantRules& rules = *e.mutable_control()->add_tenants();
  rules.set_name("acme");
  v1::AudienceRule& vip = *rules.add_audiences();
  vip.set_name("vip");
  v1::ComputedRule::Filter& filter = *vip.add_where();
  filter.set_property("computed.lifetime_value");
  filter.set_test(v1::ComputedRule::GE);
  filter.mutable_value()->set_integer(1000);
  expect_golden("control_audiences", e);
}

TEST(FormatsTest, DevicePartThatSaysTheAppIsGone) {
  v1::Envelope e = record();
  e.set_kind(v1::Envelope::DEVICE);
  e.set_uninstalled_us(1'767'323'046'000'000);
  expect_golden("envelope_uninstalled", e);
}

TEST(FormatsTest, ControlWithASessionGap) {
  v1::Envelope e;
  v1::TenantRules& rules = *e.mutable_control()->add_tenants();
  rules.set_name("acme");
  rules.set_session_gap_s(900);
  expect_golden("control_sessions", e);
}

TEST(FormatsTest, ControlThatSaysWhoReadsEvents) {
  v1::Envelope e;
  e.mutable_control()->set_events_if_read(true);
  v1::TenantRules& rules = *e.mutable_control()->add_tenants();
  rules.set_name("acme");
  rules.set_events_unread(true);
  expect_golden("control_events", e);
}

TEST(FormatsTest, LoopMessageBetweenUsersAndDevices) {
  v1::Envelope e;
  e.set_tenant("acme");
  e.set_kind(v1::Envelope::LOOP);
  v1::Loop& loop = *e.mutable_loop();
  loop.set_type(v1::Loop::ATTACH);
  to_proto(ref("user", v1::ENTITY_KIND_USER), *loop.mutable_to());
  to_proto(ref("device", v1::ENTITY_KIND_DEVICE), *loop.mutable_ref());
  to_proto(ref("older device", v1::ENTITY_KIND_DEVICE), *loop.mutable_other());
  to_proto(ref("older user", v1::ENTITY_KIND_USER), *loop.mutable_addressed());
  loop.set_reason("common");
  expect_golden("loop_attach", e);
}

TEST(FormatsTest, AliasRowOfACommonIdentifier) {
  v1::AliasRow row;
  row.add_claimants(0x01020304);
  row.add_claimants(0x05060708);
  row.set_common(true);
  expect_golden("alias_row_common", row);
}

TEST(FormatsTest, AliasRowOfAContestedIdentifier) {
  v1::AliasRow row;
  to_proto(ref("me", v1::ENTITY_KIND_USER), *row.mutable_ref());
  row.add_claimants(0x01020304);
  row.set_verified(true);
  row.add_verified_claimants(0x01020304);
  row.add_claim_days(20'000);
  row.add_claim_days(20'001);
  expect_golden("alias_row_contested", row);
}

TEST(FormatsTest, OverflowProgress) {
  v1::OverflowProgress progress;
  progress.add_lanes()->set_tenant("acme");
  progress.mutable_lanes(0)->set_next(123'456);
  progress.add_lanes()->set_tenant("other");
  progress.mutable_lanes(1)->set_backfill(true);
  progress.mutable_lanes(1)->set_next(7);
  expect_golden("overflow_progress", progress);
}

TEST(FormatsTest, ControlWithCaps) {
  v1::Envelope e;
  e.set_kind(v1::Envelope::CONTROL);
  v1::TenantRules& rules = *e.mutable_control()->add_tenants();
  rules = default_tenant("acme").rules;
  rules.set_merges_max(100);
  rules.set_identifiers_max(200);
  rules.set_claimants_max(50);
  expect_golden("control_caps", e);
}

TEST(FormatsTest, AliasRow) {
  v1::AliasRow row;
  to_proto(ref("me", v1::ENTITY_KIND_USER), *row.mutable_ref());
  fill(*row.mutable_use(), 5, "m1");
  row.set_generation(2);
  row.set_suppressed(true);
  expect_golden("alias_row", row);
}

TEST(FormatsTest, PartitionMeta) {
  v1::PartitionMeta meta;
  meta.set_format(1);
  meta.set_next_offset(1000);
  meta.set_highest_received_at_us(1'767'323'046'000'000);
  meta.set_jump_count(1);
  meta.set_jump_lowest_us(2);
  meta.mutable_rules()->set_revision(3);
  v1::ComputedSince& since = *meta.add_computed_since();
  since.set_tenant("acme");
  since.set_name("lifetime_value");
  since.set_definition(99);
  since.set_since_us(4);
  meta.set_erased_messages(5);
  expect_golden("partition_meta", meta);
}

TEST(FormatsTest, DeadLetter) {
  v1::DeadLetter letter;
  letter.set_id("00064779f0f5a1800123456789abcdef");
  letter.set_tenant("acme");
  letter.set_source("segment");
  letter.set_code("missing_identifier");
  letter.set_reason("no userId and no anonymousId");
  letter.set_body(R"({"type":"track"})");
  letter.set_body_type(v1::DeadLetter::JSON_ITEM);
  letter.set_endpoint("/v1/batch");
  letter.set_received_at_us(1'767'323'046'000'000);
  letter.set_line(3);
  expect_golden("dead_letter", letter);
}

TEST(FormatsTest, SchemaChange) {
  v1::SchemaChange change;
  change.set_tenant("acme");
  change.set_subject(v1::SchemaChange::EVENT_ATTRIBUTE);
  change.set_of("Order Completed");
  change.set_name("total");
  change.set_type("number");
  change.set_at_us(1);
  expect_golden("schema_change", change);
}

TEST(FormatsTest, SchemaWidening) {
  v1::SchemaChange change;
  change.set_tenant("acme");
  change.set_subject(v1::SchemaChange::USER_ATTRIBUTE);
  change.set_name("age");
  change.set_type("string");
  change.set_at_us(1);
  change.set_widens(true);
  expect_golden("schema_widening", change);
}

TEST(FormatsTest, SchemaRemoval) {
  v1::SchemaChange change;
  change.set_tenant("acme");
  change.set_removes(v1::SchemaChange::EVENT_ATTRIBUTE);
  change.set_of("Order Completed");
  change.set_name("total");
  change.set_at_us(1);
  expect_golden("schema_removal", change);
}

TEST(FormatsTest, Agreement) {
  v1::SchemaChange change;
  change.mutable_agreement()->set_hash_key("0123456789abcdef");
  change.mutable_agreement()->set_revision(3);
  change.mutable_agreement()->set_rules("00ff");
  expect_golden("agreement", change);
}

TEST(FormatsTest, AgreementMove) {
  v1::SchemaChange change;
  change.mutable_agreement()->set_partitions(6);
  v1::Move& move = *change.mutable_agreement()->mutable_move();
  move.set_step(v1::Move::AWAITED);
  move.set_prefix("freshet.");
  move.set_imports_next(9);
  change.set_copied_next(7);
  expect_golden("agreement_move", change);
}

TEST(FormatsTest, TenantsChange) {
  v1::SchemaChange change;
  change.mutable_agreement()->set_revision(4);
  change.mutable_agreement()->set_rules("api:00112233445566778899aabbccddeeff");
  v1::TenantsChange& tenants = *change.mutable_tenants();
  tenants.set_revision(4);
  tenants.set_by_api(true);
  tenants.set_at_us(1'767'323'046'000'000);
  v1::TenantsChange::Part& part = *tenants.add_parts();
  part.set_tenant("acme");
  part.set_what(v1::TenantsChange::Part::SETTINGS);
  part.set_document("enrich:\n  - email\n");
  expect_golden("tenants_change", change);
  change.Clear();
  change.mutable_tenants()->set_revision(4);
  change.mutable_tenants()->set_published(true);
  expect_golden("tenants_published", change);
  v1::Envelope e;
  e.set_kind(v1::Envelope::CONTROL);
  v1::Control& control = *e.mutable_control();
  control.set_revision(4);
  control.set_logic_version(3);
  control.set_changes_only(true);
  *control.add_tenants() = default_tenant("acme").rules;
  control.mutable_tenants(0)->set_revision(4);
  expect_golden("control_changes", e);
}

TEST(FormatsTest, EnrichedEvent) {
  v1::EnrichedEvent event;
  event.set_message_id("m1");
  event.set_tenant("acme");
  event.set_user("00112233445566778899aabbccddeeff");
  event.set_event("Order Completed");
  event.set_properties(R"({"total":12.5})");
  event.set_time_us(1);
  event.set_received_at_us(2);
  event.set_source("segment");
  v1::Register& r = *event.add_enriched();
  r.set_name("city");
  r.mutable_value()->set_text("Pune");
  expect_golden("enriched_event", event);
}

// What issue 5 added.
TEST(FormatsTest, WhatBelongsToATrace) {
  v1::EnrichedEvent event;
  event.set_message_id("m1");
  event.set_event("Order Completed");
  event.set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  expect_golden("enriched_event_traced", event);
  v1::Change change;
  change.set_tenant("acme");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id("0123456789abcdef");
  change.set_version(3);
  change.set_received_at_us(9);
  change.set_trace_parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  expect_golden("change_traced", change);
}

}  // namespace
}  // namespace freshet::model
