// By a consumer that never joins: librdkafka's administrative call for it can end the process (docs/decisions/0008).
#include "cluster/stream/group_offsets.h"

#include "cluster/stream/client.h"
#include "cluster/stream/places.h"

namespace freshet::cluster {

Status commit_offsets(const Connection& connection, const std::string& group, const std::vector<Place>& places) {
  ClientSettings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.fixed = {{"group.id", group}, {"enable.auto.commit", "false"}};
  FRESHET_ASSIGN(const auto client, open_client(connection, settings));
  const rd::PartitionList list = list_of(places);
  auto error = rd_kafka_commit(client.get(), list.get(), 0);
  for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) error = list->elems[i].err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return tl::unexpected(stream_error(error, "committing offsets of group " + group));
}

}  // namespace freshet::cluster
