// Devices: entities of their own, many to many with users.
#include <fmt/core.h>

#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

constexpr v1::EntityKind kDevice = v1::ENTITY_KIND_DEVICE;

v1::Envelope seen(const std::string& id, const std::string& user, const Ids& device, int64_t time_us) {
  return with_device(make_record(id, {{"user_id", user}}, time_us, "E"), device);
}

v1::Envelope device_record(const std::string& id, const Ids& device, int64_t time_us) {
  v1::Envelope record = with_device(make_record(id, {}, time_us), device);
  record.set_kind(v1::Envelope::DEVICE);
  return record;
}

void set_device_attribute(v1::Envelope& record, const std::string& name, bool value) {
  v1::AttributeOp& op = *record.add_device_attributes();
  op.set_type(v1::AttributeOp::SET);
  op.set_name(name);
  op.mutable_value()->set_boolean(value);
}

bool refers_to(TestCluster& c, const std::pair<std::string, std::string>& from,
               const std::pair<std::string, std::string>& to) {
  const auto a = owner_of(c, from.first, from.second), b = owner_of(c, to.first, to.second);
  if (!a || !b) return false;
  for (const v1::EntityRef& ref : a->attached())
    if (hex(ref) == hex(b->ref())) return true;
  return false;
}

class Devices : public IdentityCases {};
INSTANTIATE_TEST_SUITE_P(Partitions, Devices, ::testing::Values(1, 2, 5, 16));

TEST_P(Devices, UsersAndDevicesAreManyToMany) {
  in_every_order(GetParam(),
                 {seen("m1", "u1", {{"device_id", "d1"}}, 1), seen("m2", "u1", {{"device_id", "d2"}}, 2),
                  seen("m3", "u2", {{"device_id", "d1"}}, 3), seen("m4", "u1", {{"device_id", "d1"}}, 4)},
                 [](TestCluster& c) {
                   for (const auto& [user, device, linked] :
                        {std::tuple("u1", "d1", true), {"u1", "d2", true}, {"u2", "d1", true}, {"u2", "d2", false}}) {
                     EXPECT_EQ(refers_to(c, {"user_id", user}, {"device_id", device}), linked) << user << device;
                     EXPECT_EQ(refers_to(c, {"device_id", device}, {"user_id", user}), linked) << user << device;
                   }
                   EXPECT_EQ(messages_of(c), 4u) << "a user's record does not count for its device too";
                 });
}

TEST_P(Devices, OfOneAdvertisingIdTheyAreOneDevice) {
  in_every_order(GetParam(),
                 {seen("m1", "u1", {{"device_id", "d1"}}, 1), seen("m2", "u2", {{"device_id", "d2"}}, 2),
                  seen("m3", "u1", {{"device_id", "d1"}, {"gaid", "g"}}, 3),
                  device_record("m4", {{"device_id", "d2"}, {"gaid", "g"}}, 4), seen("m5", "u3", {{"gaid", "g"}}, 5)},
                 [](TestCluster& c) {
                   const auto all = live(c, kDevice);
                   ASSERT_EQ(all.size(), 1u);
                   EXPECT_EQ(describe(all[0]), "device_id=d1 device_id=d2 gaid=g | | | 1..5 1 messages");
                   EXPECT_EQ(all[0].attached_size(), 3);
                   for (const char* user : {"u1", "u2", "u3"}) {
                     const auto owner = owner_of(c, "user_id", user);
                     ASSERT_EQ(owner->attached_size(), 1) << user;
                     EXPECT_EQ(hex(owner->attached(0)), hex(all[0].ref()));
                   }
                 });
}

// After a merge of devices the events name the one that is left, by whichever of its identifiers they came.
TEST_P(Devices, EventsNameTheDeviceThatIsLeft) {
  TestCluster c(GetParam(), 1);
  in_this_order(c, {seen("m1", "u", {{"device_id", "d1"}}, 1), seen("m2", "u", {{"device_id", "d2"}}, 2),
                    device_record("m3", {{"device_id", "d1"}, {"gaid", "g"}}, 3),
                    device_record("m4", {{"device_id", "d2"}, {"gaid", "g"}}, 4)});
  const std::string id = "\"device\":\"" + hex(owner_of(c, "gaid", "g")->ref()) + "\"";
  in_this_order(c, {seen("m5", "u", {{"device_id", "d1"}}, 5), seen("m6", "u", {{"device_id", "d2"}}, 6),
                    seen("m7", "u", {{"gaid", "g"}}, 7)});
  ASSERT_EQ(c.events().size(), 5u);
  EXPECT_NE(c.events()[2].find(id), std::string::npos) << c.events()[2];
  EXPECT_NE(c.events()[3].find(id), std::string::npos) << c.events()[3];
  in_this_order(c, {seen("m8", "u", {{"gaid", "g"}}, 8)});
  EXPECT_NE(c.events()[5].find(id), std::string::npos) << "the device has told the user: " << c.events()[5];
}

TEST_P(Devices, APushTokenGoesToItsLastUser) {
  in_every_order(
      GetParam(),
      {device_record("m1", {{"device_id", "d1"}, {"push_token", "t"}}, 1),
       device_record("m2", {{"device_id", "d2"}, {"push_token", "t"}}, 2),
       device_record("m3", {{"device_id", "d3"}, {"push_token", "t"}}, 3), seen("m4", "u", {{"device_id", "d2"}}, 4)},
      [](TestCluster& c) {
        ASSERT_EQ(live(c, kDevice).size(), 3u);
        EXPECT_TRUE(lists(*owner_of(c, "push_token", "t"), "device_id", "d3"));
      });
}

// A device that lost its token to another one of the same user is the user's all the same.
TEST_P(Devices, ATokenThatMovesLeavesBothDevicesToTheirUser) {
  TestCluster c(GetParam(), 12);
  in_this_order(c, {seen("m1", "u", {{"device_id", "d2"}, {"push_token", "t"}}, 1),
                    seen("m2", "u", {{"push_token", "t"}}, 2),  // The user learns whose it is,
                    seen("m3", "u", {{"device_id", "d1"}, {"push_token", "t"}}, 3),
                    seen("m4", "u", {{"push_token", "t"}}, 4)});  // and that it is another one's.
  EXPECT_TRUE(lists(*owner_of(c, "push_token", "t"), "device_id", "d1"));
  EXPECT_EQ(owner_of(c, "user_id", "u")->attached_size(), 2);
  in_this_order(c, {make_erase("z", "user_id", "u", 5)});
  EXPECT_TRUE(live(c, kDevice).empty()) << "they were nobody else's";
}

// What a token alone has made becomes the device that is then seen with it.
TEST_P(Devices, ATokenAloneJoinsTheDeviceSeenWithIt) {
  in_every_order(GetParam(),
                 {device_record("m1", {{"push_token", "t"}}, 1),
                  device_record("m2", {{"device_id", "d"}, {"push_token", "t"}}, 2)},
                 [](TestCluster& c) {
                   ASSERT_EQ(live(c, kDevice).size(), 1u);
                   EXPECT_EQ(live(c, kDevice)[0].messages(), 2u);
                 });
}

TEST_P(Devices, AnOptOutStaysWithTheDeviceWhenItsTokenMoves) {
  v1::Envelope out = device_record("m1", {{"device_id", "d1"}, {"push_token", "t"}}, 2);
  v1::Envelope in = device_record("m2", {{"device_id", "d1"}}, 1);
  set_device_attribute(out, "push_opt_out", true);
  set_device_attribute(in, "push_opt_out", false);
  in_every_order(GetParam(),
                 {out, in, device_record("m3", {{"device_id", "d2"}, {"push_token", "t"}}, 3),
                  device_record("m4", {{"device_id", "d1"}, {"gaid", "g"}}, 4),
                  device_record("m5", {{"device_id", "d3"}, {"gaid", "g"}}, 5)},
                 [](TestCluster& c) {
                   EXPECT_EQ(describe(*owner_of(c, "gaid", "g")),
                             "device_id=d1 device_id=d3 gaid=g | push_opt_out=boolean: true | | 1..5 4 messages");
                   EXPECT_EQ(describe(*owner_of(c, "device_id", "d2")),
                             "device_id=d2 push_token=t | | | 3..3 1 messages");
                 });
}

TEST_P(Devices, AMergeOfUsersLeavesOneUserOnTheDevice) {
  in_every_order(GetParam(),
                 {with_device(make_record("m1", {{"anonymous_id", "a"}}, 1, "E"), {{"device_id", "d"}}),
                  with_device(make_record("m2", {{"user_id", "u"}}, 2, "E"), {{"device_id", "d"}}),
                  make_record("m3", {{"user_id", "u"}, {"anonymous_id", "a"}}, 3, "E"),
                  with_device(make_record("m4", {{"anonymous_id", "a"}}, 4, "E"), {{"device_id", "d2"}})},
                 [](TestCluster& c) {
                   ASSERT_EQ(live(c).size(), 1u);
                   EXPECT_EQ(live(c)[0].attached_size(), 2);
                   for (const auto& device : live(c, kDevice)) {
                     ASSERT_EQ(device.attached_size(), 1) << describe(device);
                     EXPECT_EQ(hex(device.attached(0)), hex(live(c)[0].ref()));
                   }
                 });
}

TEST_P(Devices, AnErasedDeviceIsForgottenUntilToldOtherwise) {
  TestCluster c(GetParam(), 1);
  v1::Envelope erase = device_record("x", {{"device_id", "d"}}, 3);
  erase.set_kind(v1::Envelope::ERASE);
  v1::Envelope again = erase;
  again.set_kind(v1::Envelope::UNSUPPRESS);
  again.set_message_id("y");
  in_this_order(
      c, {seen("m1", "u", {{"device_id", "d"}, {"push_token", "t"}}, 1), device_record("m2", {{"device_id", "d"}}, 2)});
  const std::string first = hex(owner_of(c, "device_id", "d")->ref());
  in_this_order(c, {erase, seen("m3", "u", {{"device_id", "d"}}, 4), device_record("m4", {{"device_id", "d"}}, 5)});
  EXPECT_TRUE(live(c, kDevice).empty());
  EXPECT_EQ(owner_of(c, "user_id", "u")->attached_size(), 0) << "the user has forgotten it";
  EXPECT_EQ(owner_of(c, "user_id", "u")->messages(), 2u) << "the user's records are the user's";
  EXPECT_EQ(c.erased_messages(), 2u) << "records of the device alone";
  in_this_order(c, {again, seen("m5", "u", {{"device_id", "d"}}, 6), seen("m6", "u", {{"device_id", "d"}}, 7)});
  const std::string second = hex(owner_of(c, "device_id", "d")->ref());
  EXPECT_NE(second, first);
  EXPECT_NE(c.events().back().find(second), std::string::npos) << c.events().back();
}

TEST_P(Devices, AnErasedUserLeavesItsDevices) {
  TestCluster c(GetParam(), 1);
  in_this_order(c, {seen("m1", "u1", {{"device_id", "d"}}, 1), seen("m2", "u2", {{"device_id", "d"}}, 2),
                    make_erase("x", "user_id", "u1", 3), seen("m3", "u1", {{"device_id", "d"}}, 4)});
  EXPECT_EQ(owner_of(c, "device_id", "d")->attached_size(), 1);
  EXPECT_TRUE(refers_to(c, {"device_id", "d"}, {"user_id", "u2"}));
}

TEST_P(Devices, AnErasedUserTakesAlongADeviceThatNobodyElseUses) {
  TestCluster c(GetParam(), 1);
  in_this_order(c, {seen("m1", "u1", {{"device_id", "own"}}, 1), seen("m2", "u1", {{"device_id", "shared"}}, 1),
                    seen("m3", "u2", {{"device_id", "shared"}}, 2), device_record("m4", {{"device_id", "own"}}, 3)});
  const std::string first = hex(owner_of(c, "device_id", "own")->ref());
  in_this_order(c, {make_erase("x", "user_id", "u1", 4)});
  EXPECT_FALSE(owner_of(c, "device_id", "own"));
  EXPECT_EQ(owner_of(c, "device_id", "shared")->attached_size(), 1);
  EXPECT_EQ(c.erased_messages(), 3u);
  // Whoever has it next is somebody new.
  in_this_order(c, {seen("m5", "u3", {{"device_id", "own"}}, 5)});
  EXPECT_NE(hex(owner_of(c, "device_id", "own")->ref()), first);
}

TEST_P(Devices, AnErasureIsToldWithHashesOnly) {
  TestCluster c(GetParam(), 1);
  in_this_order(c, {seen("m1", "u1", {{"device_id", "own"}}, 1), make_erase("x1", "user_id", "u1", 2),
                    make_erase("x2", "user_id", "u1", 3), make_erase("x3", "user_id", "nobody-yet", 4)});
  std::map<std::string, v1::ErasureNotice> by_request;
  for (const std::string& bytes : c.notices()) {
    EXPECT_EQ(bytes.find("nobody-yet"), std::string::npos);
    EXPECT_EQ(bytes.find("own"), std::string::npos);
    v1::DeadLetter letter;
    v1::ErasureNotice notice;
    ASSERT_TRUE(letter.ParseFromString(bytes) && notice.ParseFromString(letter.body()));
    by_request[notice.message_id()] = notice;
  }
  ASSERT_EQ(by_request.size(), 4u) << "the device's has no request";
  EXPECT_EQ(by_request["x1"].id().size(), 16u);
  EXPECT_EQ(by_request["x1"].suppressed_size(), 1);
  EXPECT_EQ(by_request[""].kind(), v1::ENTITY_KIND_DEVICE);
  EXPECT_EQ(by_request[""].freed_size(), 1);
  EXPECT_EQ(by_request["x2"].suppressed(0), by_request["x1"].suppressed(0)) << "asked again: done already";
  EXPECT_TRUE(by_request["x3"].id().empty());
}

TEST_P(Devices, MergeAndUnlinkByRecord) {
  v1::Envelope merge = device_record("x", {{"device_id", "d1"}}, 3);
  merge.set_kind(v1::Envelope::MERGE);
  merge.mutable_other()->set_type("device_id");
  merge.mutable_other()->set_value("d2");
  in_every_order(GetParam(),
                 {seen("m1", "u1", {{"device_id", "d1"}}, 1), seen("m2", "u2", {{"device_id", "d2"}}, 2), merge},
                 [](TestCluster& c) {
                   ASSERT_EQ(live(c, kDevice).size(), 1u);
                   EXPECT_EQ(live(c, kDevice)[0].attached_size(), 2);
                 });
  v1::Envelope unlink = merge;
  unlink.set_kind(v1::Envelope::UNLINK);
  unlink.set_message_id("k");
  TestCluster c(GetParam(), 2);
  in_this_order(c, {seen("m1", "u1", {{"device_id", "d1"}}, 1), seen("m2", "u2", {{"device_id", "d2"}}, 2), merge,
                    unlink, device_record("m3", {{"device_id", "d2"}}, 4)});
  EXPECT_EQ(live(c, kDevice).size(), 2u);
  EXPECT_EQ(owner_of(c, "device_id", "d2")->messages(), 1u);
}

TEST_P(Devices, AMergeHeedsTheCapOfReferences) {
  model::Tenant tenant = model::default_tenant("t");
  tenant.rules.set_attached_max(2);
  std::vector<v1::Envelope> records;
  for (int i = 1; i <= 3; ++i)
    records.push_back(
        seen(fmt::format("m{}", i), fmt::format("u{}", i), {{"device_id", fmt::format("d{}", i % 2)}}, i));
  for (int i = 0; i < 2; ++i)
    records.push_back(
        device_record(fmt::format("g{}", i), {{"device_id", fmt::format("d{}", i)}, {"gaid", "g"}}, 5 + i));
  in_every_order(
      GetParam(), records,
      [](TestCluster& c) {
        ASSERT_EQ(live(c, kDevice).size(), 1u);
        EXPECT_EQ(live(c, kDevice)[0].attached_size(), 2);
        EXPECT_EQ(live(c, kDevice)[0].messages(), 2u);
      },
      tenant);
}

}  // namespace
}  // namespace freshet::action::testing
