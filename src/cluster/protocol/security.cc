#include "cluster/protocol/security.h"

#include <fmt/core.h>

#include <optional>

#include "base/text.h"

namespace freshet::cluster::protocol {
namespace {

Result<Mechanism> mechanism_of(const std::string& name) {
  for (const Mechanism mechanism : {Mechanism::kPlain, Mechanism::kScramSha256, Mechanism::kScramSha512})
    if (name == name_of(mechanism)) return mechanism;
  return fail(Code::kInvalid, fmt::format("sasl.mechanism: \"{}\" is not spoken here; PLAIN, SCRAM-SHA-256 and "
                                          "SCRAM-SHA-512 are",
                                          name));
}

// The text that a property without a meaning of its own goes to.
std::string* place_of(Security& security, const std::string& name) {
  if (name == "sasl.username") return &security.user;
  if (name == "sasl.password") return &security.password;
  if (name == "ssl.ca.location") return &security.ca_file;
  if (name == "ssl.certificate.location") return &security.cert_file;
  if (name == "ssl.key.location") return &security.key_file;
  if (name == "ssl.key.password") return &security.key_password;
  return nullptr;
}

Status check_whole(const Security& security, bool is_sasl) {
  if (is_sasl && security.mechanism == Mechanism::kNone)
    return fail(Code::kInvalid, "security.protocol is one of SASL, so sasl.mechanism must say which");
  if (is_sasl && security.user.empty())
    return fail(Code::kInvalid, "security.protocol is one of SASL, so sasl.username and sasl.password must be set");
  if (security.cert_file.empty() != security.key_file.empty())
    return fail(Code::kInvalid, "ssl.certificate.location and ssl.key.location go together: one is missing");
  return {};
}

}  // namespace

std::string name_of(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::kNone: return "";
    case Mechanism::kPlain: return "PLAIN";
    case Mechanism::kScramSha256: return "SCRAM-SHA-256";
    case Mechanism::kScramSha512: return "SCRAM-SHA-512";
  }
  return "";
}

Result<Security> security_of(const Properties& properties) {
  Security security;
  std::string protocol = "plaintext";
  std::optional<std::string> mechanism;
  for (const auto& [name, value] : properties) {
    if (std::string* const place = place_of(security, name); place != nullptr) {
      *place = value;
    } else if (name == "security.protocol") {
      protocol = lower_case(value);
    } else if (name == "sasl.mechanism" || name == "sasl.mechanisms") {
      mechanism = value;
    } else if (name == "ssl.endpoint.identification.algorithm") {
      if (value != "https" && value != "none")
        return fail(Code::kInvalid, fmt::format("{}: must be https or none, not \"{}\"", name, value));
      security.check_host = value == "https";
    } else if (name.starts_with("ssl.") || name.starts_with("sasl.")) {
      return fail(Code::kInvalid,
                  fmt::format("{} is not known to the protocol client; those of files (ssl.*.location), "
                              "sasl.mechanism, sasl.username and sasl.password are",
                              name));
    }
  }
  if (protocol != "plaintext" && protocol != "ssl" && protocol != "sasl_plaintext" && protocol != "sasl_ssl")
    return fail(Code::kInvalid,
                fmt::format("security.protocol: must be plaintext, ssl, sasl_plaintext or sasl_ssl, not "
                            "\"{}\"",
                            protocol));
  security.tls = protocol.ends_with("ssl");
  const bool is_sasl = protocol.starts_with("sasl");
  if (is_sasl && mechanism) {
    FRESHET_ASSIGN(security.mechanism, mechanism_of(*mechanism));
  }
  FRESHET_TRY(check_whole(security, is_sasl));
  return security;
}

}  // namespace freshet::cluster::protocol
