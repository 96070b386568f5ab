// What a writer needs of a member of a group. Private to src/cluster/stream.
#pragma once

#include "cluster/admin/handles.h"
#include "cluster/stream/stream.h"

namespace freshet::cluster {

class KafkaMember final : public Committer {
 public:
  explicit KafkaMember(rd_kafka_consumer_group_metadata_t* metadata) : metadata_(metadata) {}
  [[nodiscard]] const rd_kafka_consumer_group_metadata_t* get() const { return metadata_.get(); }

 private:
  const rd::Owned<rd_kafka_consumer_group_metadata_t, rd_kafka_consumer_group_metadata_destroy> metadata_;
};

}  // namespace freshet::cluster
