#include "cluster/protocol/security.h"

#include <gtest/gtest.h>

namespace freshet::cluster::protocol {
namespace {

std::string refusal(const Properties& properties) {
  const auto security = security_of(properties);
  return security ? "accepted" : security.error().message;
}

TEST(Security, LibrdkafkasProperties) {
  const auto security = security_of({{"linger.ms", "5"},
                                     {"security.protocol", "SASL_SSL"},
                                     {"sasl.mechanisms", "SCRAM-SHA-512"},
                                     {"sasl.username", "u"},
                                     {"sasl.password", "p"},
                                     {"ssl.ca.location", "ca.pem"}});
  ASSERT_TRUE(security.has_value()) << security.error().message;
  EXPECT_TRUE(security->tls && security->check_host);
  EXPECT_EQ(security->mechanism, Mechanism::kScramSha512);
  EXPECT_EQ(security->user + security->password + security->ca_file, "upca.pem");
  // As librdkafka: without a protocol of SASL its other properties do nothing.
  EXPECT_EQ(security_of({{"sasl.mechanism", "PLAIN"}})->mechanism, Mechanism::kNone);
  EXPECT_FALSE(security_of({})->tls);
}

TEST(Security, WhatIsNotSpokenIsTold) {
  EXPECT_EQ(refusal({{"security.protocol", "tls"}}),
            "security.protocol: must be plaintext, ssl, sasl_plaintext or sasl_ssl, not \"tls\"");
  EXPECT_EQ(refusal({{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "GSSAPI"}}),
            "sasl.mechanism: \"GSSAPI\" is not spoken here; PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are");
  EXPECT_EQ(refusal({{"security.protocol", "sasl_ssl"}}),
            "security.protocol is one of SASL, so sasl.mechanism must say which");
  EXPECT_EQ(refusal({{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "PLAIN"}}),
            "security.protocol is one of SASL, so sasl.username and sasl.password must be set");
  EXPECT_EQ(refusal({{"ssl.certificate.location", "c.pem"}}),
            "ssl.certificate.location and ssl.key.location go together: one is missing");
  // A secret is not repeated.
  EXPECT_EQ(refusal({{"ssl.key.pem", "hunter2"}}).find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace freshet::cluster::protocol
