#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/asio/ssl.hpp>
#include <filesystem>
#include <memory>

#include "testing/socket.h"

namespace freshet::http {
namespace {

namespace ssl = boost::asio::ssl;

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

// A key and a certificate that signs itself.
void write_certificate(const std::string& cert_path, const std::string& key_path) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> cert(X509_new(), X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
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
    options_.tls_cert = ::testing::TempDir() + "/freshet_tls_test_cert.pem";
    options_.tls_key = ::testing::TempDir() + "/freshet_tls_test_key.pem";
    write_certificate(options_.tls_cert, options_.tls_key);
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
  EXPECT_THAT(answer, ::testing::HasSubstr("POST /s? [" + body + "]"));
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

}  // namespace
}  // namespace freshet::http
