// The conversations of RFC 5802 and RFC 7677, and servers that lie.
#include "cluster/protocol/scram.h"

#include <gtest/gtest.h>

namespace freshet::cluster::protocol {
namespace {

// RFC 7677, section 3.
Scram rfc_7677() { return {ScramHash::kSha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO"}; }
constexpr const char* kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

TEST(Scram, TheConversationOfTheStandard) {
  Scram scram = rfc_7677();
  EXPECT_EQ(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  const auto final = scram.final(kServerFirst);
  ASSERT_TRUE(final.has_value()) << final.error().message;
  EXPECT_EQ(*final,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_TRUE(scram.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").has_value());
}

TEST(Scram, AServerThatDoesNotKnowThePassword) {
  Scram scram = rfc_7677();
  ASSERT_TRUE(scram.final(kServerFirst).has_value());
  for (const char* last : {"", "v=", "v=AAAA", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8="})
    EXPECT_EQ(scram.verify(last).error().message,
              "SCRAM: the broker does not know the password itself: it is somebody else");
  EXPECT_EQ(scram.verify("e=other-error").error().message, "SCRAM: the broker refuses: other-error");
}

TEST(Scram, AServerThatLies) {
  const auto told = [](const std::string& first) {
    Scram scram = rfc_7677();
    return scram.final(first).error().message;
  };
  EXPECT_EQ(told("r=somebody,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), "SCRAM: the broker answers to somebody else's nonce");
  // It must add to the nonce.
  EXPECT_EQ(told("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
            "SCRAM: the broker answers to somebody else's nonce");
  EXPECT_EQ(told("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000"),
            "SCRAM: the broker asks for 2000000000 iterations; 1 to 1000000 are done");
  for (const char* first : {"", "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=1", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=many", "s,i,r"})
    EXPECT_EQ(told(first), "SCRAM: the broker's first answer has no nonce, salt and iterations");
}

TEST(Scram, NamesWithCommas) { EXPECT_EQ(Scram(ScramHash::kSha512, "a,b=c", "p", "n").first(), "n,,n=a=2Cb=3Dc,r=n"); }

}  // namespace
}  // namespace freshet::cluster::protocol
