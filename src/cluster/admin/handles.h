// One librdkafka client made from a Connection, and what its answers are. Private to src/cluster.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

#include "cluster/admin/connection.h"
#include "rdkafka/last_error.h"
#include "rdkafka/owned.h"

namespace freshet::cluster::rd {

using rdkafka::Destroy;
using rdkafka::ErrorPtr;
using rdkafka::Event;
using rdkafka::Owned;
using rdkafka::PartitionList;
using rdkafka::Queue;
using Options = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using Metadata = Owned<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using GroupList = Owned<const rd_kafka_group_list, rd_kafka_group_list_destroy>;
using ConfigResource = Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;

// Who recovers from an error, and what to do about it: `what` is what was tried ("creating topic orders"), `words` what
// a broker or librdkafka said of it ("": the error's own).
[[nodiscard]] Error error_of(rd_kafka_resp_err_t error, const std::string& what, const char* words = nullptr);

// Thread-safe, as librdkafka's handles are.
class Client {
 public:
  // group: "" makes a client for orders and questions to brokers; else one that may ask for the offsets of this group,
  // and never joins it. Does not connect: librdkafka does that by itself, again and again. kInvalid: a property is
  // wrong.
  [[nodiscard]] static Result<std::unique_ptr<Client>> open(const Connection& connection, const std::string& group);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return handle_; }
  // The last thing that went wrong with brokers or connections; an empty message: nothing has.
  [[nodiscard]] Error last_error() const { return last_error_.get(); }
  void note_error(rd_kafka_resp_err_t error, const char* words);

 private:
  Client() = default;
  rd_kafka_t* handle_ = nullptr;
  rdkafka::LastError last_error_;
};

}  // namespace freshet::cluster::rd
