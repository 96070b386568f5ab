// A key says where its row is at home, whatever the number of partitions.
#include "model/home.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model/entity_ref.h"
#include "model/identifier.h"
#include "testing/identifier.h"

namespace freshet::model {
namespace {

using testing::make;

RC_GTEST_PROP(HomeTest, KeysLiveWhereTheirIdentifierDoes,
              (const std::string& value, uint8_t more, uint8_t generation)) {
  const v1::Identifier i = make("email", value);
  const uint32_t partitions = more + 1u;
  const v1::EntityKind kind = v1::ENTITY_KIND_USER;
  const uint32_t home = home_of("t", kind, i, partitions);
  RC_ASSERT(partition_of(alias_key("0123456789abcdef", "t", kind, i), partitions) == home);
  RC_ASSERT(partition_of(entity_id("t", kind, i, generation), partitions) == home);
}

RC_GTEST_PROP(HomeTest, TheRestOfTheHashStays, (const std::string& text, uint32_t home)) {
  const Hash128 hash = hash128(text), with = with_home(hash, home);
  RC_ASSERT(home_in(with) == home);
  RC_ASSERT(with.view().substr(0, 12) == hash.view().substr(0, 12));
}

// Stored: never changed.
TEST(HomeTest, Bytes) {
  const Hash128 zero;
  EXPECT_EQ(with_home(zero, 0x12345678u).hex(), "00000000000000000000000012345678");
  EXPECT_EQ(murmur2("t" + std::string(1, '\0') + "u" + std::string(1, '\0') + "a" + std::string(1, '\0') + "x"),
            home_in(entity_id("t", v1::ENTITY_KIND_USER, make("a", "x"), 0)));
}

}  // namespace
}  // namespace freshet::model
