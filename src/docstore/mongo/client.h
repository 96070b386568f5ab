// Connections to MongoDB: the driver's pool, opened from a connection string, with safe defaults and clean error texts.
#pragma once

#include <mongoc/mongoc.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "docstore/mongo/errors.h"

namespace freshet::docstore {

// What the server takes at once, as its handshake says.
struct ServerLimits {
  size_t operations = 1000;           // of one bulk: maxWriteBatchSize
  size_t document_bytes = 16u << 20;  // maxBsonObjectSize
};

// Thread-safe.
class Client {
 public:
  // Sets what the connection string leaves open: write concern majority with journal, so that what
  // is answered is durable, and timeouts of seconds, not minutes. It fails if the string is wrong
  // (kInvalid), nobody answers (kRetry), or the server refuses (kFatal). No error text or log line
  // has the string's secrets.
  [[nodiscard]] static Result<std::unique_ptr<Client>> open(const std::string& uri, size_t connections_max);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // A connection for one thread, given back with the handle. It waits while all connections are
  // taken.
  struct GiveBack {
    mongoc_client_pool_t* pool;
    void operator()(mongoc_client_t* client) const { mongoc_client_pool_push(pool, client); }
  };
  using Lease = std::unique_ptr<mongoc_client_t, GiveBack>;
  [[nodiscard]] Lease lease();

  // Fixed once the client is open.
  [[nodiscard]] const ServerLimits& limits() const { return limits_; }
  // The driver's error as one of ours, with its secrets taken out.
  [[nodiscard]] Error error_of(const bson_error_t& error, const std::string& what) const;
  [[nodiscard]] std::string clean(std::string text) const { return redactor_.clean(std::move(text)); }

 private:
  Client() = default;
  [[nodiscard]] Status greet();

  mongoc_client_pool_t* pool_ = nullptr;
  Redactor redactor_;
  ServerLimits limits_;
};

struct DestroyCollection {
  void operator()(mongoc_collection_t* collection) const { mongoc_collection_destroy(collection); }
};
using Collection = std::unique_ptr<mongoc_collection_t, DestroyCollection>;

}  // namespace freshet::docstore
