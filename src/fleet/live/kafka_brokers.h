// Brokers by Kafka's protocol: librdkafka can't change what holds for all of them at once (a resource without a name).
#pragma once

#include <memory>

#include "cluster/protocol/client.h"
#include "fleet/live/brokers.h"

namespace freshet::fleet {

class KafkaBrokers final : public Brokers {
 public:
  explicit KafkaBrokers(std::unique_ptr<cluster::protocol::Client> client) : client_(std::move(client)) {}

  Result<BrokersNow> look() override;
  Status change(const BrokerChange& change, bool check) override;

 private:
  std::unique_ptr<cluster::protocol::Client> client_;
};

}  // namespace freshet::fleet
