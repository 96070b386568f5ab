// MongoDB's errors by who can do something about them. A code that is in neither list is about what was sent, or about
// the collection that it was sent to; to try that again for ever, or to end because of it, would stop the line for all
// tenants. What is fatal may yet be about one tenant alone (a role that leaves its database out): MongoStore asks.

#include "docstore/mongo/errors.h"

#include <algorithm>
#include <array>

namespace freshet::docstore {
namespace {

constexpr int kDuplicateKey = 11000;
constexpr std::string_view kHidden = "***";

// The names are those of the server's list of error codes (src/mongo/base/error_codes.yml in its
// sources).
constexpr std::array kTransient = {
    6,      // HostUnreachable
    7,      // HostNotFound
    24,     // LockTimeout
    43,     // CursorNotFound
    46,     // LockBusy
    50,     // MaxTimeMSExpired
    63,     // StaleShardVersion
    64,     // WriteConcernFailed: not confirmed in time
    70,     // ShardNotFound
    89,     // NetworkTimeout
    91,     // ShutdownInProgress
    100,    // UnsatisfiableWriteConcern, until its members are back
    112,    // WriteConflict
    133,    // FailedToSatisfyReadPreference
    134,    // ReadConcernMajorityNotAvailableYet
    146,    // ExceededMemoryLimit
    150,    // StaleEpoch
    189,    // PrimarySteppedDown
    202,    // NetworkInterfaceExceededTimeLimit
    262,    // ExceededTimeLimit
    365,    // TemporarilyUnavailable
    9001,   // SocketException
    10058,  // LegacyNotPrimary
    10107,  // NotWritablePrimary
    11600,  // InterruptedAtShutdown
    11602,  // InterruptedDueToReplStateChange
    13388,  // StaleConfig
    13435,  // NotPrimaryNoSecondaryOk
    13436,  // NotPrimaryOrSecondary
    14031,  // OutOfDiskSpace
};

constexpr std::array kFatal = {
    11,    // UserNotFound
    13,    // Unauthorized
    18,    // AuthenticationFailed
    20,    // IllegalOperation: such as retryable writes of a server that has no replica set
    59,    // CommandNotFound
    79,    // UnknownReplWriteConcern
    8000,  // AtlasError: mostly credentials
};

// A tenant's database or collection is not one that documents can go to.
constexpr std::array kOfCollection = {
    26,     // NamespaceNotFound
    73,     // InvalidNamespace: too long a name, or characters that this server takes for none
    166,    // CommandNotSupportedOnView: somebody has put a view in its place
    13297,  // DatabaseDifferCase: there is one whose name differs in case alone
};

template <class Codes>
bool has(const Codes& codes, int code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

std::string message_at(const bson_iter_t& document) {
  bson_iter_t child;
  if (!BSON_ITER_HOLDS_DOCUMENT(&document) || !bson_iter_recurse(&document, &child)) return {};
  if (!bson_iter_find(&child, "errmsg") || !BSON_ITER_HOLDS_UTF8(&child)) return {};
  return bson_iter_utf8(&child, nullptr);
}

int64_t number_at(const bson_iter_t& document, const char* key) {
  bson_iter_t child;
  if (!bson_iter_recurse(&document, &child) || !bson_iter_find(&child, key)) return -1;
  return bson_iter_as_int64(&child);
}

// Calls visit(iterator) for each document of the array `key`.
template <class Visit>
void each_of(const bson_t& reply, const char* key, const Visit& visit) {
  bson_iter_t at;
  bson_iter_t child;
  if (!bson_iter_init_find(&at, &reply, key) || !BSON_ITER_HOLDS_ARRAY(&at) || !bson_iter_recurse(&at, &child)) return;
  while (bson_iter_next(&child)) {
    if (BSON_ITER_HOLDS_DOCUMENT(&child)) visit(child);
  }
}

}  // namespace

Code code_of_server_error(int code) {
  if (has(kTransient, code)) return Code::kRetry;
  return has(kFatal, code) ? Code::kFatal : Code::kInvalid;
}

bool is_about_collection(const bson_error_t& error) {
  const bool is_servers = error.domain == MONGOC_ERROR_SERVER || error.domain == MONGOC_ERROR_QUERY;
  return is_servers && has(kOfCollection, static_cast<int>(error.code));
}

Code code_of(const bson_error_t& error) {
  switch (error.domain) {
    case MONGOC_ERROR_STREAM:
    case MONGOC_ERROR_SERVER_SELECTION:
    case MONGOC_ERROR_WRITE_CONCERN:
    case MONGOC_ERROR_POOL: return Code::kRetry;
    case MONGOC_ERROR_PROTOCOL:
      return error.code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION ? Code::kFatal : Code::kRetry;
    // A cursor that is gone is asked for again.
    case MONGOC_ERROR_CURSOR: return Code::kRetry;
    case MONGOC_ERROR_CLIENT: return error.code == MONGOC_ERROR_CLIENT_TOO_BIG ? Code::kInvalid : Code::kFatal;
    case MONGOC_ERROR_SASL:
    case MONGOC_ERROR_SCRAM: return Code::kFatal;
    case MONGOC_ERROR_SERVER:
    case MONGOC_ERROR_QUERY: return code_of_server_error(static_cast<int>(error.code));
    default: return Code::kInvalid;
  }
}

bool is_duplicate_id(int code, std::string_view message) {
  if (code != kDuplicateKey) return false;
  // The text is "… index: _id_ dup key: …"; of an index that somebody else made unique it names
  // that one.
  const size_t index = message.find("index: ");
  return index == std::string_view::npos || message.substr(index + 7).starts_with("_id");
}

BulkReply read_reply(const bson_t& reply) {
  BulkReply out;
  each_of(reply, "writeErrors", [&](const bson_iter_t& error) {
    const int64_t index = number_at(error, "index");
    if (index < 0) return;
    out.refused[static_cast<uint32_t>(index)] = {static_cast<int>(number_at(error, "code")), message_at(error)};
  });
  each_of(reply, "writeConcernErrors", [&](const bson_iter_t& error) {
    out.unconfirmed = message_at(error);
    if (out.unconfirmed.empty()) out.unconfirmed = "write concern failed";
  });
  return out;
}

void Redactor::hide(std::string_view secret) {
  if (secret.empty()) return;
  secrets_.emplace_back(secret);
  // The longest secret is hidden first: one that is a part of another would leave the rest of that.
  std::sort(secrets_.begin(), secrets_.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string Redactor::clean(std::string text) const {
  for (const std::string& secret : secrets_) {
    for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + kHidden.size()))
      text.replace(at, secret.size(), kHidden);
  }
  return text;
}

}  // namespace freshet::docstore
