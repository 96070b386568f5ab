#include "base/secret.h"

#include <gtest/gtest.h>

namespace freshet {
namespace {

// FIPS 180-4's own example: the hash of "abc".
constexpr std::string_view kAbc = "sha256-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(SecretHash, ASecretAndItsHashInAConfigurationAreTheSame) {
  EXPECT_EQ(SecretHash::of_configured(kAbc), SecretHash::of("abc"));
  EXPECT_EQ(SecretHash::of_configured("abc"), SecretHash::of("abc"));
  EXPECT_NE(SecretHash::of("abd"), SecretHash::of("abc"));
}

// Otherwise whoever reads the configuration could send the hash and get in.
TEST(SecretHash, TheHashItselfIsNoKey) { EXPECT_NE(SecretHash::of(kAbc), SecretHash::of_configured(kAbc)); }

TEST(SecretHash, TellsAHashFromASlipOfThePen) {
  EXPECT_TRUE(SecretHash::is_hash(kAbc));
  EXPECT_TRUE(SecretHash::looks_hashed("sha256-12"));
  EXPECT_FALSE(SecretHash::is_hash("sha256-12"));
  EXPECT_FALSE(SecretHash::looks_hashed("k1"));
}

}  // namespace
}  // namespace freshet
