// Opens the driver's pool. The driver finds the primary by itself and follows it when it changes.

#include "docstore/mongo/client.h"

#include <mutex>
#include <string_view>

#include "docstore/mongo/bson.h"

namespace freshet::docstore {
namespace {

// Until a primary is known: a change of the primary takes a few seconds.
constexpr int32_t kSelectionTimeoutMs = 5'000;
constexpr int32_t kConnectTimeoutMs = 5'000;
constexpr int32_t kSocketTimeoutMs = 30'000;
// Until a majority has a write. It is less than the socket's timeout, so that the server says what
// became of it.
constexpr int64_t kConfirmTimeoutMs = 20'000;

// What goes wrong comes back as errors, and the driver's own lines might show what is in a connection string.
void silence_driver() { mongoc_log_set_handler(nullptr, nullptr); }

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
// The library starts itself when it is loaded, also for commands that never need it, and where a killed process of the
// same number has left its shared memory, it says so on standard error. Only this comes before that. Sanitizers (and
// clang is here for those) begin there themselves, and want nothing to run before them.
[[gnu::section(".preinit_array"), gnu::used]] void (*const kSilenceDriver)() = &silence_driver;
#endif

void start_driver() {
  static std::once_flag once;
  std::call_once(once, [] {
    silence_driver();
    mongoc_init();
  });
}

void set_default(mongoc_uri_t* uri, const char* option, int32_t value) {
  if (!mongoc_uri_has_option(uri, option)) mongoc_uri_set_option_as_int32(uri, option, value);
}

// Sets majority and journal, unless the string says otherwise. False: it asks for writes that are
// not acknowledged, of which nobody could say when they are durable.
bool set_write_concern(mongoc_uri_t* uri) {
  mongoc_write_concern_t* concern = mongoc_write_concern_copy(mongoc_uri_get_write_concern(uri));
  if (!mongoc_uri_has_option(uri, MONGOC_URI_W)) mongoc_write_concern_set_w(concern, MONGOC_WRITE_CONCERN_W_MAJORITY);
  if (!mongoc_uri_has_option(uri, MONGOC_URI_JOURNAL)) mongoc_write_concern_set_journal(concern, true);
  if (!mongoc_uri_has_option(uri, MONGOC_URI_WTIMEOUTMS))
    mongoc_write_concern_set_wtimeout_int64(concern, kConfirmTimeoutMs);
  const bool acknowledged = mongoc_write_concern_is_acknowledged(concern) && mongoc_write_concern_is_valid(concern);
  if (acknowledged) mongoc_uri_set_write_concern(uri, concern);
  mongoc_write_concern_destroy(concern);
  return acknowledged;
}

// What stands between "://" and the last "@" before the path: user and password as they were
// written.
std::string_view userinfo(std::string_view uri) {
  const size_t begin = uri.find("://");
  if (begin == std::string_view::npos) return {};
  const size_t at = uri.rfind('@');
  return at == std::string_view::npos || at < begin + 3 ? std::string_view() : uri.substr(begin + 3, at - begin - 3);
}

// Percent-encoded and decoded, a password has two spellings, and errors may show either.
void hide_secrets(Redactor& redactor, const std::string& text, const mongoc_uri_t* uri) {
  redactor.hide(text);
  const std::string_view user = userinfo(text);
  if (const size_t colon = user.find(':'); colon != std::string_view::npos) redactor.hide(user.substr(colon + 1));
  if (const char* password = mongoc_uri_get_password(uri)) redactor.hide(password);
  for (const char* option : {MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD, MONGOC_URI_SSLCLIENTCERTIFICATEKEYPASSWORD}) {
    if (const char* secret = mongoc_uri_get_option_as_utf8(uri, option, nullptr)) redactor.hide(secret);
  }
}

// A server of another make may leave a limit out; then MongoDB's own default counts.
size_t positive(const bson_t& hello, const char* key, size_t otherwise) {
  bson_iter_t at;
  if (!bson_iter_init_find(&at, &hello, key) || !BSON_ITER_HOLDS_NUMBER(&at)) return otherwise;
  const int64_t value = bson_iter_as_int64(&at);
  return value > 0 ? static_cast<size_t>(value) : otherwise;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::open(const std::string& uri, size_t connections_max) {
  start_driver();
  bson_error_t error;
  const std::unique_ptr<mongoc_uri_t, decltype(&mongoc_uri_destroy)> parsed(
      mongoc_uri_new_with_error(uri.c_str(), &error), mongoc_uri_destroy);
  if (!parsed) {
    // The driver's words are not shown: they may have parts of a password.
    return fail(Code::kInvalid,
                "MongoDB: the connection string is not one: mongodb://USER:PASSWORD@HOST:PORT/?OPTIONS is; special "
                "characters of the password are percent-encoded");
  }
  set_default(parsed.get(), MONGOC_URI_SERVERSELECTIONTIMEOUTMS, kSelectionTimeoutMs);
  set_default(parsed.get(), MONGOC_URI_CONNECTTIMEOUTMS, kConnectTimeoutMs);
  set_default(parsed.get(), MONGOC_URI_SOCKETTIMEOUTMS, kSocketTimeoutMs);
  set_default(parsed.get(), MONGOC_URI_MAXPOOLSIZE, static_cast<int32_t>(connections_max));
  if (!set_write_concern(parsed.get())) {
    return fail(Code::kInvalid,
                "MongoDB: the connection string asks for writes that are not acknowledged (w=0, or w=0 "
                "with journal): leave w out for majority");
  }
  std::unique_ptr<Client> client(new Client);
  hide_secrets(client->redactor_, uri, parsed.get());
  client->pool_ = mongoc_client_pool_new_with_error(parsed.get(), &error);
  if (client->pool_ == nullptr) return fail(Code::kInvalid, client->error_of(error, "connection string").message);
  mongoc_client_pool_set_error_api(client->pool_, MONGOC_ERROR_API_VERSION_2);
  mongoc_client_pool_set_appname(client->pool_, "freshet");
  FRESHET_TRY(client->greet());
  return client;
}

Client::~Client() {
  if (pool_ != nullptr) mongoc_client_pool_destroy(pool_);
}

Client::Lease Client::lease() { return Lease(mongoc_client_pool_pop(pool_), GiveBack{pool_}); }

Error Client::error_of(const bson_error_t& error, const std::string& what) const {
  return {code_of(error), "MongoDB: " + what + ": " + redactor_.clean(error.message)};
}

// Finds a server that takes writes, since its handshake says what it takes, then sends a command,
// which needs the credentials. So wrong credentials show at the start and not at the first profile.
Status Client::greet() {
  const Lease lease = this->lease();
  bson_error_t error;
  mongoc_server_description_t* server = mongoc_client_select_server(lease.get(), true, nullptr, &error);
  if (server == nullptr)
    return tl::unexpected(error_of(
        error, "no server of mongodb.uri (profiles) takes writes (is one up there, has its replica set a primary?)"));
  const bson_t& hello = *mongoc_server_description_hello_response(server);
  limits_.operations = positive(hello, "maxWriteBatchSize", limits_.operations);
  limits_.document_bytes = positive(hello, "maxBsonObjectSize", limits_.document_bytes);
  mongoc_server_description_destroy(server);
  Bson ping;
  append_int(ping.get(), "ping", 1);
  if (!mongoc_client_command_simple(lease.get(), "admin", ping.get(), nullptr, nullptr, &error))
    return tl::unexpected(
        error_of(error, "it refuses this connection (see mongodb.uri in profiles: credentials, authSource, tls)"));
  return {};
}

}  // namespace freshet::docstore
