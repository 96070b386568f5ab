// The living cluster of a rolling restart, by Kafka's protocol (cluster/protocol/client.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/protocol/client.h"
#include "fleet/restart/follower.h"

namespace freshet::fleet::restart {

// What runs a command (app/child.h): begins it, and says how it ended.
struct Runner {
  std::function<Status(const Broker&)> begin;
  std::function<Result<std::optional<int>>()> ended;
};

class KafkaPort final : public Port {
 public:
  KafkaPort(std::unique_ptr<cluster::protocol::Client> client, Runner runner)
      : client_(std::move(client)), runner_(std::move(runner)) {}

  Result<State> look() override;
  Status elect(const std::vector<Partition>& partitions) override;
  Status begin(const Broker& broker) override { return runner_.begin(broker); }
  Result<std::optional<int>> ended() override { return runner_.ended(); }

 private:
  [[nodiscard]] Status read_min_isr(const std::vector<std::string>& topics);

  std::unique_ptr<cluster::protocol::Client> client_;
  Runner runner_;
  std::map<std::string, int32_t> min_isr_;  // of topics; read once
};

}  // namespace freshet::fleet::restart
