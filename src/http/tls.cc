#include "http/tls.h"

#include <openssl/ssl.h>

#include <ctime>
#include <memory>

#include "base/assert.h"

namespace freshet::http {
namespace {

namespace ssl = boost::asio::ssl;
using TlsError = boost::system::error_code;

// Of TLS 1.2; those of 1.3 are all fine. No finite-field Diffie-Hellman: it costs much, and whoever knows it knows
// elliptic curves too.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

// The key of tickets stays for as long as the process runs. In TLS 1.3 both sides add keys of their own to a session
// that comes back by one; in TLS 1.2 whoever learned it once could read all of them, so there nobody gets a ticket.
int allows(const SSL* connection, const SSL_CTX* context, int what, int bits, int nid, void* other, void* extra) {
  using Callback = int (*)(const SSL*, const SSL_CTX*, int, int, int, void*, void*);
  static const Callback usual = [] {
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> fresh(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    return SSL_CTX_get_security_callback(fresh.get());
  }();
  if (what == SSL_SECOP_TICKET && connection != nullptr && SSL_version(connection) < TLS1_3_VERSION) return 0;
  return usual(connection, context, what, bits, nid, other, extra);
}

std::shared_ptr<ssl::context> make_context(ssl::context::method method) {
  auto context = std::make_shared<ssl::context>(method);
  SSL_CTX* const handle = context->native_handle();
  // TLS 1.2 is the oldest that is not broken (RFC 8996).
  const bool done =
      SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(handle, kCiphers) == 1;
  FRESHET_ASSERT(done);
  // A peer must not have us work for it anew in the midst of a connection.
  SSL_CTX_set_options(handle, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections hold no buffers; those who come back bring their session along (tickets of TLS 1.3), so we
  // remember none.
  SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);
  return context;
}

tl::unexpected<Error> unusable(const char* what, const std::string& file, const TlsError& error) {
  return fail(Code::kInvalid, std::string("tls ") + what + " " + file + ": " + error.message());
}

}  // namespace

Result<std::shared_ptr<ssl::context>> server_tls(const std::string& cert_file, const std::string& key_file) {
  auto context = make_context(ssl::context::tls_server);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_security_callback(context->native_handle(), allows);
  TlsError error;
  context->use_certificate_chain_file(cert_file, error);
  if (error) return unusable("cert", cert_file, error);
  // It refuses a key that is not the certificate's.
  context->use_private_key_file(key_file, ssl::context::pem, error);
  if (error) return unusable("key", key_file, error);
  return context;
}

int64_t certificate_ends_s(ssl::context& context) {
  const X509* const certificate = SSL_CTX_get0_certificate(context.native_handle());
  FRESHET_ASSERT(certificate != nullptr);
  std::tm at{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &at) != 1) return 0;
  return timegm(&at);
}

Result<std::shared_ptr<ssl::context>> client_tls(const std::string& ca_file) {
  auto context = make_context(ssl::context::tls_client);
  context->set_verify_mode(ssl::verify_peer);
  TlsError error;
  if (ca_file.empty()) {
    context->set_default_verify_paths(error);
  } else {
    context->load_verify_file(ca_file, error);
  }
  if (error) return unusable("ca", ca_file.empty() ? "(the system's store)" : ca_file, error);
  return context;
}

Status show_certificate(ssl::context& context, const std::string& cert_file, const std::string& key_file,
                        const std::string& key_password) {
  TlsError error;
  context.set_password_callback([key_password](size_t, ssl::context::password_purpose) { return key_password; }, error);
  context.use_certificate_chain_file(cert_file, error);
  if (error) return unusable("cert", cert_file, error);
  context.use_private_key_file(key_file, ssl::context::pem, error);
  if (error) return unusable("key", key_file, error);
  return {};
}

}  // namespace freshet::http
