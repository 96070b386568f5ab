// The client's half of SCRAM (RFC 5802, RFC 7677) without channel binding, as Kafka's SCRAM-SHA-256 and SCRAM-SHA-512
// have it. A pure conversation: first() is sent, then final() of what was answered, and verify() says whether the
// server knows the password, too.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::cluster::protocol {

enum class ScramHash { kSha256, kSha512 };

class Scram {
 public:
  // A server may make us hash that often; Kafka's default is 4096.
  static constexpr int kIterationsMax = 1'000'000;

  // `nonce`: printable, without a comma, and never the same again. The password is taken as UTF-8 as it is.
  Scram(ScramHash hash, std::string user, std::string password, std::string nonce);

  [[nodiscard]] std::string first() const;
  // Of the server's first message. kInvalid: it is none, or asks for what a server should not.
  [[nodiscard]] Result<std::string> final(std::string_view server_first);
  // Of the server's last message. kInvalid: it refuses, or does not know the password itself. REQUIRES: final() was
  // called.
  [[nodiscard]] Status verify(std::string_view server_final) const;

 private:
  const ScramHash hash_;
  const std::string user_, password_, nonce_;
  std::string server_signature_;
};

// What a broker keeps instead of the password (SaltedPassword of the RFC).
[[nodiscard]] std::string salted_password(ScramHash hash, std::string_view password, std::string_view salt,
                                          int iterations);

}  // namespace freshet::cluster::protocol
