// Places as librdkafka takes them. Private to src/cluster/stream.
#pragma once

#include <algorithm>
#include <vector>

#include "cluster/admin/handles.h"
#include "cluster/stream/stream.h"

namespace freshet::cluster {

// The notes belong to the list.
[[nodiscard]] inline rd::PartitionList list_of(const std::vector<Place>& places) {
  rd::PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(places.size())));
  for (const Place& place : places) {
    rd_kafka_topic_partition_t* const one =
        rd_kafka_topic_partition_list_add(list.get(), place.of.topic.c_str(), place.of.partition);
    one->offset = place.next;
    one->metadata_size = place.note.size();
    one->metadata = rd_kafka_mem_malloc(nullptr, place.note.size() + 1);
    std::copy_n(place.note.c_str(), place.note.size() + 1, static_cast<char*>(one->metadata));
  }
  return list;
}

}  // namespace freshet::cluster
