// A cluster as one thing: its brokers by their addresses for a start, then by their ids. Connections are kept, and made
// anew when they broke. Owned and used by one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/protocol/connection.h"

namespace freshet::cluster::protocol {

class Client {
 public:
  // `brokers` is "host:port,host:port", as librdkafka's bootstrap.servers. kInvalid: it is not, or all of them refuse
  // us; kRetry: none can be reached. Knows the cluster's metadata afterwards, without topics.
  [[nodiscard]] static Result<std::unique_ptr<Client>> open(const std::string& brokers,
                                                            const ConnectionOptions& options,
                                                            env::Random& random = env::real_random());

  // "" if the cluster has none.
  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }
  [[nodiscard]] const std::vector<MetadataResponse::Broker>& brokers() const { return brokers_; }

  // Asks the cluster, and learns from the answer where its brokers are and who the controller is.
  [[nodiscard]] Result<MetadataResponse> metadata(const MetadataRequest& request);

  // Of this broker. kNotFound: the cluster has none of this id, as of its last metadata. A connection that the broker
  // had closed meanwhile is made anew once, before anything is sent over it.
  template <class Request>
  [[nodiscard]] Result<typename Request::Response> ask(int32_t broker, const Request& request) {
    FRESHET_ASSIGN(Connection* const connection, connected(broker));
    auto answer = connection->ask(request);
    if (!answer && answer.error().code != Code::kInvalid) forget(broker);
    return answer;
  }
  // Of the controller, as of the last metadata: with KRaft any broker passes it on.
  template <class Request>
  [[nodiscard]] Result<typename Request::Response> ask_controller(const Request& request) {
    return ask(controller_, request);
  }

 private:
  Client(ConnectionOptions options, env::Random& random) : options_(std::move(options)), random_(random) {}

  [[nodiscard]] Result<Connection*> connected(int32_t broker);
  [[nodiscard]] Result<MetadataResponse> metadata_of(Connection& connection, const MetadataRequest& request);
  void learn(const MetadataResponse& metadata);
  void forget(int32_t broker) { connections_.erase(broker); }

  const ConnectionOptions options_;
  env::Random& random_;
  std::vector<std::pair<std::string, uint16_t>> bootstrap_;
  std::string cluster_id_;
  std::vector<MetadataResponse::Broker> brokers_;
  int32_t controller_ = -1;
  std::map<int32_t, std::unique_ptr<Connection>> connections_;
};

}  // namespace freshet::cluster::protocol
