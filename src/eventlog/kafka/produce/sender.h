// From record batches to librdkafka's messages, without copying the values.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "eventlog/kafka/client.h"
#include "eventlog/kafka/cluster.h"

namespace freshet::eventlog::kafka {

// Hands records to one producer. Thread-safe.
class Sender {
 public:
  Sender(std::shared_ptr<Client> client, const Names& names);

  // Every record of a RecordBatch's bytes, which must stay until librdkafka is done with them; `opaque` comes with each
  // delivery report. on_refused: of a record that librdkafka did not take, and for which there is no report.
  void send(TopicPartition to, std::string_view framed, void* opaque,
            const std::function<void(rd_kafka_resp_err_t)>& on_refused);

 private:
  const std::shared_ptr<Client> client_;
  std::array<TopicHandle, kTopics> topics_;
};

}  // namespace freshet::eventlog::kafka
