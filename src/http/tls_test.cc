#include "http/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <boost/asio/ssl.hpp>
#include <filesystem>
#include <fstream>
#include <memory>

#include "http/client.h"
#include "telemetry/metrics.h"
#include "testing/socket.h"

namespace freshet::http {
namespace {

namespace ssl = boost::asio::ssl;
using ::testing::HasSubstr;

using File = std::unique_ptr<FILE, int (*)(FILE*)>;
using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

// A key and a certificate that signs itself, for these names ("DNS:localhost,IP:127.0.0.1").
void write_certificate(const std::string& cert_path, const std::string& key_path, const char* names,
                       const char* kind = "EC") {
  const Key key(std::string_view(kind) == "RSA" ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> cert(X509_new(), X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
  ASSERT_NE(extension, nullptr);
  X509_add_ext(cert.get(), extension, -1);
  X509_EXTENSION_free(extension);
  ASSERT_GT(X509_sign(cert.get(), key.get(), EVP_sha256()), 0);
  const File cert_file(std::fopen(cert_path.c_str(), "w"), std::fclose);
  ASSERT_EQ(PEM_write_X509(cert_file.get(), cert.get()), 1);
  const File key_file(std::fopen(key_path.c_str(), "w"), std::fclose);
  ASSERT_EQ(PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
}

class Tls : public ::testing::Test {
 protected:
  void SetUp() override {
    options_ = test_options();
    options_.name = "tls_test";
    options_.tls_cert = ::testing::TempDir() + "/freshet_tls_test_cert.pem";
    options_.tls_key = ::testing::TempDir() + "/freshet_tls_test_key.pem";
    write_certificate(options_.tls_cert, options_.tls_key, "IP:127.0.0.1");
  }

  // What a client that takes anything agrees on with the server, or "" if nothing. `limit` restricts the client.
  static std::string handshake(uint16_t port, const std::function<void(SSL_CTX*)>& limit) {
    boost::asio::io_context io;
    ssl::context context(ssl::context::tls_client);
    SSL_CTX_set_security_level(context.native_handle(), 0);
    limit(context.native_handle());
    ssl::stream<boost::asio::ip::tcp::socket> stream(io, context);
    stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), port});
    boost::system::error_code error;
    stream.handshake(ssl::stream_base::client, error);
    return error ? "" : SSL_get_cipher_name(stream.native_handle());
  }

  [[nodiscard]] Result<Response> get(uint16_t port, const std::string& ca) const {
    auto client = Client::connect("https://127.0.0.1:" + std::to_string(port), {.timeout_s = 10, .ca_file = ca});
    if (!client) return tl::unexpected<Error>(client.error());
    Request request;
    request.method = "GET";
    request.path = "/";
    return (*client)->send(request);
  }

  ServerOptions options_;
};

TEST_F(Tls, ServesAndEndsCleanly) {
  const auto server = start_echo(options_);
  boost::asio::io_context io;
  ssl::context context(ssl::context::tls_client);
  ssl::stream<boost::asio::ip::tcp::socket> stream(io, context);
  stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), server->port()});
  stream.handshake(ssl::stream_base::client);
  const std::string body(100'000, 't');
  const std::string request = "POST /s HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body +
                              "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  boost::asio::write(stream, boost::asio::buffer(request));
  std::string answer;
  boost::system::error_code error;
  boost::asio::read(stream, boost::asio::dynamic_buffer(answer), error);
  EXPECT_EQ(error, boost::asio::error::eof);  // not truncated
  EXPECT_THAT(answer, HasSubstr("POST /s? [" + body + "]"));
  EXPECT_THAT(answer, ::testing::EndsWith("GET /last? []"));
}

TEST_F(Tls, PlainRequestsAndSilenceCostOnlyTheirConnection) {
  options_.request_timeout_s = 1;
  const auto server = start_echo(options_);
  TestSocket plain(server->port());
  TestSocket silent(server->port());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(plain.read_all().find("200"), std::string::npos);
  EXPECT_EQ(silent.read_all(), "");
}

TEST_F(Tls, TakesNoOldVersions) {
  const auto server = start_echo(options_);
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string cipher = handshake(server->port(), [version](SSL_CTX* context) {
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
    });
    EXPECT_EQ(!cipher.empty(), version >= TLS1_2_VERSION) << version << " " << cipher;
  }
}

// With a certificate of each kind, since the ciphers of TLS 1.2 belong to one.
TEST_F(Tls, TakesOnlyAuthenticatedCiphersWithForwardSecrecy) {
  for (const char* kind : {"EC", "RSA"}) {
    write_certificate(options_.tls_cert, options_.tls_key, "IP:127.0.0.1", kind);
    const auto server = start_echo(options_);
    const auto cipher_of = [&](const std::string& list) {
      return handshake(server->port(), [&](SSL_CTX* context) {
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
        ASSERT_EQ(SSL_CTX_set_cipher_list(context, list.c_str()), 1) << list;
      });
    };
    EXPECT_THAT(cipher_of("ALL:@SECLEVEL=0"), AllOf(::testing::StartsWith("ECDHE-"), HasSubstr("GCM"))) << kind;
    EXPECT_THAT(cipher_of("CHACHA20"), HasSubstr("CHACHA20")) << kind;
    for (const char* weak : {"kRSA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "DHE",
                             "aNULL", "eNULL", "SHA1", "PSK"})
      EXPECT_EQ(cipher_of(weak), "") << kind << " " << weak;
  }
}

TEST_F(Tls, DoesNotRenegotiate) {
  const auto server = start_echo(options_);
  boost::asio::io_context io;
  ssl::context context(ssl::context::tls_client);
  SSL_CTX_set_max_proto_version(context.native_handle(), TLS1_2_VERSION);
  ssl::stream<boost::asio::ip::tcp::socket> stream(io, context);
  stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), server->port()});
  stream.handshake(ssl::stream_base::client);
  ASSERT_EQ(SSL_renegotiate(stream.native_handle()), 1);
  boost::system::error_code error;
  stream.handshake(ssl::stream_base::client, error);
  EXPECT_TRUE(error);
}

// Whether a client of this version that comes back goes on with its session of before.
bool comes_back(uint16_t port, int version) {
  using Session = std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)>;
  ssl::context context(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), version);
  SSL_CTX_set_max_proto_version(context.native_handle(), version);
  Session session(nullptr, SSL_SESSION_free);
  bool resumed = false;
  for (int i = 0; i < 2; ++i) {
    boost::asio::io_context io;
    ssl::stream<boost::asio::ip::tcp::socket> stream(io, context);
    stream.next_layer().connect({boost::asio::ip::address_v4::loopback(), port});
    if (session) SSL_set_session(stream.native_handle(), session.get());
    stream.handshake(ssl::stream_base::client);
    // A ticket of TLS 1.3 comes with the first answer.
    boost::asio::write(stream, boost::asio::buffer(std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")));
    std::string answer;
    boost::asio::read_until(stream, boost::asio::dynamic_buffer(answer), "]");
    EXPECT_EQ(SSL_version(stream.native_handle()), version);
    resumed = SSL_session_reused(stream.native_handle()) == 1;
    session.reset(SSL_get1_session(stream.native_handle()));
    // OpenSSL forgets the session of a connection that was cut.
    SSL_set_shutdown(stream.native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  return resumed;
}

TEST_F(Tls, OnlySessionsWithKeysOfTheirOwnComeBack) {
  const auto server = start_echo(options_);
  EXPECT_FALSE(comes_back(server->port(), TLS1_2_VERSION)) << "its secrecy would hang on one key of the process";
  EXPECT_TRUE(comes_back(server->port(), TLS1_3_VERSION));
}

TEST_F(Tls, ARenewedCertificateIsTakenWithoutARestart) {
  const auto server = start_echo(options_);
  const std::string old_ca = ::testing::TempDir() + "/freshet_tls_test_old.pem";
  std::filesystem::copy_file(options_.tls_cert, old_ca, std::filesystem::copy_options::overwrite_existing);
  auto standing = Client::connect("https://127.0.0.1:" + std::to_string(server->port()),
                                  {.timeout_s = 10, .ca_file = options_.tls_cert});
  ASSERT_TRUE(standing) << standing.error().message;
  write_certificate(options_.tls_cert, options_.tls_key, "IP:127.0.0.1");
  ASSERT_TRUE(server->reload_tls());
  EXPECT_TRUE(get(server->port(), options_.tls_cert));
  EXPECT_FALSE(get(server->port(), old_ca));
  Request request;
  request.method = "GET";
  request.path = "/standing";
  EXPECT_TRUE((*standing)->send(request));
}

TEST_F(Tls, ABadCertificateLeavesTheOldOneInUse) {
  const auto server = start_echo(options_);
  const std::string ca = ::testing::TempDir() + "/freshet_tls_test_ca.pem";
  std::filesystem::copy_file(options_.tls_cert, ca, std::filesystem::copy_options::overwrite_existing);
  const auto refused = [] {
    return telemetry::counter("freshet_http_tls_reloads_total", "", {{"listener", "tls_test"}, {"result", "refused"}})
        .value();
  };
  const uint64_t before = refused();
  write_certificate(options_.tls_cert, ::testing::TempDir() + "/freshet_tls_test_other.pem", "IP:127.0.0.1");
  const Status of_another_key = server->reload_tls();
  ASSERT_FALSE(of_another_key);
  EXPECT_THAT(of_another_key.error().message, HasSubstr("tls key " + options_.tls_key));
  std::ofstream(options_.tls_cert) << "no certificate";
  EXPECT_FALSE(server->reload_tls());
  EXPECT_EQ(refused(), before + 2);
  EXPECT_TRUE(get(server->port(), ca));
}

TEST_F(Tls, TheClientTrustsOnlyWhomItShould) {
  const auto server = start_echo(options_);
  const auto trusted = get(server->port(), options_.tls_cert);
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_EQ(trusted->body, "GET /? []");
  const auto unknown = get(server->port(), "");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalid);
  EXPECT_THAT(unknown.error().message, HasSubstr("not trusted as that of 127.0.0.1"));
  write_certificate(options_.tls_cert, options_.tls_key, "DNS:other.example,IP:127.0.0.9");
  ASSERT_TRUE(server->reload_tls());
  const auto other = get(server->port(), options_.tls_cert);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("not trusted"));
  EXPECT_THAT(get(server->port(), "/nowhere.pem").error().message, HasSubstr("tls ca /nowhere.pem"));
}

TEST_F(Tls, TheClientKeepsItsConnection) {
  const auto server = start_echo(options_);
  auto client = Client::connect("https://127.0.0.1:" + std::to_string(server->port()),
                                {.timeout_s = 10, .ca_file = options_.tls_cert});
  ASSERT_TRUE(client) << client.error().message;
  const uint64_t before = telemetry::counter_total("freshet_http_connections_total");
  Request request;
  request.method = "POST";
  request.path = "/";
  request.body.assign(300'000, 'b');
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ((*client)->send(request)->body.size(), 300'000 + std::string("POST /? []").size());
  EXPECT_EQ(telemetry::counter_total("freshet_http_connections_total"), before);
}

}  // namespace
}  // namespace freshet::http
