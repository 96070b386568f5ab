// How a broker is spoken to, by the properties that librdkafka has for it, so that one configuration serves both.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet::cluster::protocol {

// Names and values as librdkafka has them; they may have secrets, and are never logged.
using Properties = std::vector<std::pair<std::string, std::string>>;

enum class Mechanism : uint8_t { kNone, kPlain, kScramSha256, kScramSha512 };

struct Security {
  bool tls = false;
  bool check_host = true;  // the certificate must be that host's
  std::string ca_file, cert_file, key_file, key_password;
  Mechanism mechanism = Mechanism::kNone;
  std::string user, password;
};

// From security.protocol, sasl.{mechanism,mechanisms,username,password}, ssl.{ca,certificate,key}.location,
// ssl.key.password and ssl.endpoint.identification.algorithm; what has nothing to do with security is passed over.
// kInvalid: a property of sasl. or ssl. that this client does not have, or a value that none of them has.
[[nodiscard]] Result<Security> security_of(const Properties& properties);

// "SCRAM-SHA-256"; "" of kNone.
[[nodiscard]] std::string name_of(Mechanism mechanism);

}  // namespace freshet::cluster::protocol
