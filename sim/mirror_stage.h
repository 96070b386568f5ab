// What everybody in a simulated mirror's world shares: chance, time, both clusters, and what is to be mirrored.
#pragma once

#include <string>
#include <vector>

#include "mirror/config.h"
#include "mirror/share.h"
#include "mirror_clients.h"
#include "other_run.h"

namespace freshet::sim {

struct MirrorStage : OtherStage {
  using OtherStage::OtherStage;

  // Up to where a partition of the source is mirrored, for good: -1 if nothing is committed. While keys go over, that
  // is where the slower of its two readings is.
  [[nodiscard]] int64_t position(const std::string& topic, int32_t partition) const {
    const auto group = target.groups.find(group_of(config));
    if (group == target.groups.end()) return -1;
    const auto place = group->second.places.find({progress_topic(config, topic), partition});
    if (place == group->second.places.end()) return -1;
    const mirror::Note note = mirror::decode_note(place->second.note);
    return note.until_ms > 0 ? std::min(place->second.next, note.moved) : place->second.next;
  }

  testing::FakeCluster source{clock}, target{clock};
  std::vector<MirroredTopic> topics;
  mirror::Config config;
  bool trimmed = false;     // The source has deleted something that was mirrored.
  bool renumbered = false;  // A topic goes into another number of partitions than at first.
};

}  // namespace freshet::sim
