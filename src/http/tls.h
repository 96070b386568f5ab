// TLS as both ends of ours speak it: for the server and client of HTTP here, and for connections to Kafka's brokers.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace freshet::http {

// TLS 1.2 and 1.3, with forward secrecy and authenticated ciphers only (RFC 9325, section 4.2), no renegotiation.
// kInvalid: a file can't be used, and why.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> server_tls(const std::string& cert_file,
                                                                            const std::string& key_file);

// When the certificate of a server_tls() ends, in seconds since 1970.
[[nodiscard]] int64_t certificate_ends_s(boost::asio::ssl::context& context);

// Trusts the authorities of this PEM file, or without one those of the system (and of SSL_CERT_FILE). kInvalid: the
// file can't be used.
[[nodiscard]] Result<std::shared_ptr<boost::asio::ssl::context>> client_tls(const std::string& ca_file);
// For a client that has to say who it is: its certificate and key (PEM; the password may be empty). kInvalid: a file
// can't be used, and why.
[[nodiscard]] Status show_certificate(boost::asio::ssl::context& context, const std::string& cert_file,
                                      const std::string& key_file, const std::string& key_password);

}  // namespace freshet::http
