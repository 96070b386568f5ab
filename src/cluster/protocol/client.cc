// Who is where is learned from every answer about the cluster, so a broker that moved is found again at the next one.
#include "cluster/protocol/client.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/text.h"
#include "http/address.h"

namespace freshet::cluster::protocol {
namespace {

using AddressList = std::vector<std::pair<std::string, uint16_t>>;

Result<AddressList> bootstrap_of(std::string_view brokers) {
  AddressList out;
  while (!brokers.empty()) {
    const size_t comma = brokers.find(',');
    const std::string_view one = trim(brokers.substr(0, comma));
    brokers.remove_prefix(comma == std::string_view::npos ? brokers.size() : comma + 1);
    const auto address = http::parse_address(one);
    if (!address || address->port == 0)
      return fail(Code::kInvalid, fmt::format("brokers: \"{}\" must be host:port", one));
    out.emplace_back(address->host, address->port);
  }
  if (out.empty()) return fail(Code::kInvalid, "brokers: at least one host:port is needed");
  return out;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::open(const std::string& brokers, const ConnectionOptions& options,
                                             env::Random& random) {
  std::unique_ptr<Client> client(new Client(options, random));
  FRESHET_ASSIGN(client->bootstrap_, bootstrap_of(brokers));
  MetadataRequest request;
  request.topics.emplace();
  FRESHET_TRY(client->metadata(request));
  return client;
}

void Client::learn(const MetadataResponse& metadata) {
  cluster_id_ = metadata.cluster_id.value_or("");
  brokers_ = metadata.brokers;
  const auto is_known = [&](int32_t id) {
    return std::any_of(brokers_.begin(), brokers_.end(), [&](const auto& broker) { return broker.id == id; });
  };
  // Without a controller for a moment, any broker says so itself.
  controller_ = is_known(metadata.controller) || brokers_.empty() ? metadata.controller : brokers_.front().id;
  std::erase_if(connections_, [&](const auto& entry) { return !is_known(entry.first); });
}

Result<MetadataResponse> Client::metadata_of(Connection& connection, const MetadataRequest& request) {
  FRESHET_ASSIGN(MetadataResponse answer, connection.ask(request));
  if (answer.brokers.empty())
    return fail(Code::kRetry, connection.name() + ": the broker knows no broker yet, not even itself");
  learn(answer);
  return answer;
}

// Any broker can answer this: those that are known first, then those of the start, as all known ones may be gone by
// now.
Result<MetadataResponse> Client::metadata(const MetadataRequest& request) {
  std::optional<Error> last;
  const std::vector<MetadataResponse::Broker> known = brokers_;
  for (const MetadataResponse::Broker& broker : known) {
    const auto connection = connected(broker.id);
    auto answer =
        connection ? metadata_of(**connection, request) : Result<MetadataResponse>(tl::unexpected(connection.error()));
    if (answer) return answer;
    forget(broker.id);
    last = answer.error();
  }
  for (const auto& [host, port] : bootstrap_) {
    const auto connection = Connection::open(host, port, options_, random_);
    auto answer =
        connection ? metadata_of(**connection, request) : Result<MetadataResponse>(tl::unexpected(connection.error()));
    if (answer) return answer;
    last = answer.error();
  }
  return tl::unexpected(*last);
}

// A connection is kept as long as it works; the error of one that could not be made names the broker.
Result<Connection*> Client::connected(int32_t broker) {
  const auto there = connections_.find(broker);
  if (there != connections_.end() && there->second->is_open()) return there->second.get();
  forget(broker);
  const auto found = std::find_if(brokers_.begin(), brokers_.end(), [&](const auto& one) { return one.id == broker; });
  if (found == brokers_.end())
    return fail(Code::kNotFound,
                fmt::format("broker {} is not there: it is down, or was never in this cluster", broker));
  if (found->port < 1 || found->port > std::numeric_limits<uint16_t>::max())
    return fail(Code::kCorrupt, fmt::format("broker {} is said to be at port {}", broker, found->port));
  FRESHET_ASSIGN(auto connection, Connection::open(found->host, static_cast<uint16_t>(found->port), options_, random_));
  return connections_.emplace(broker, std::move(connection)).first->second.get();
}

}  // namespace freshet::cluster::protocol
