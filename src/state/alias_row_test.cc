#include "state/alias_row.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace freshet::state {
namespace {

Alias random_alias() {
  Alias alias;
  alias.held = *rc::gen::arbitrary<bool>();
  alias.suppressed = *rc::gen::arbitrary<bool>();
  alias.common = *rc::gen::arbitrary<bool>();
  alias.verified = *rc::gen::arbitrary<bool>();
  alias.generation = *rc::gen::inRange<uint32_t>(0, 1000);
  alias.use_time_us = *rc::gen::arbitrary<int64_t>();
  alias.use_message_id = *rc::gen::element<std::string>("", "m1", std::string(200, 'x'));
  alias.claimants = *rc::gen::container<std::vector<uint32_t>>(rc::gen::arbitrary<uint32_t>());
  if (!alias.held) return alias;
  alias.ref = {.id = hash128(*rc::gen::element<std::string>("a", "b", "c")),
               .rank = *rc::gen::inRange<uint32_t>(0, 300),
               .shared_root = *rc::gen::arbitrary<bool>(),
               .kind = *rc::gen::element(v1::ENTITY_KIND_USER, v1::ENTITY_KIND_DEVICE)};
  return alias;
}

RC_GTEST_PROP(AliasRowProperty, TheHolderThatIsReadIsTheOneThatWouldBeDecoded, ()) {
  v1::AliasRow row;
  std::string bytes;
  encode_alias(random_alias(), row, bytes);
  Alias alias;
  v1::AliasRow decoded;
  RC_ASSERT(decoded.ParseFromString(bytes));
  decode_alias(decoded, alias);
  const auto holder = read_holder(bytes);
  RC_ASSERT(holder.has_value());
  RC_ASSERT(holder->held == alias.held && holder->suppressed == alias.suppressed);
  RC_ASSERT(holder->ref.id == alias.ref.id && holder->ref.rank == alias.ref.rank);
  RC_ASSERT(holder->ref.shared_root == alias.ref.shared_root && holder->ref.kind == alias.ref.kind);
}

TEST(AliasRow, DamageIsNoHolder) {
  v1::AliasRow row;
  row.mutable_ref()->set_id_high(7);
  row.set_suppressed(true);
  const std::string bytes = row.SerializeAsString();
  for (size_t size = 1; size < bytes.size(); ++size) {
    v1::AliasRow decoded;
    const bool whole = decoded.ParseFromString(bytes.substr(0, size));
    EXPECT_EQ(read_holder(bytes.substr(0, size)).has_value(), whole) << size;
  }
  EXPECT_FALSE(read_holder("no AliasRow").has_value());
  EXPECT_FALSE(read_holder("").value().held);
}

}  // namespace
}  // namespace freshet::state
