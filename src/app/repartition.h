// `freshet checkpoint restore --partitions N`: makes a new data directory and a new log, with the
// state of checkpoints that were taken while action was drained, for another number of partitions.
// docs/decisions/0016-repartition.md says why it is done so.
#pragma once

#include <cstdint>

#include "app/config.h"
#include "app/progress_bar.h"
#include "base/result.h"
#include "env/clock.h"
#include "objectstore/object_store.h"

namespace freshet::app {

// What was moved, and how long that took.
struct Rebuilt {
  uint64_t rows = 0;
  uint64_t bytes = 0;          // of rows, as they are in memory
  env::TimeUs fetch_us = 0;    // of checkpoints
  env::TimeUs rebuild_us = 0;  // of rows, and to write them
  [[nodiscard]] double mb_per_s() const {
    return rebuild_us > 0 ? static_cast<double>(bytes) / static_cast<double>(rebuild_us) : 0;
  }
};

// `before` is as it has run until now, where the checkpoints are. It is only read, and locked
// meanwhile if its log is embedded. `after` is the same with another data_dir, which must be empty
// or missing, another log.partitions and, on Kafka, another topic prefix without records. The key
// of alias hashes, the schema, embedded profiles and imports come along; documents in MongoDB stay
// right as they are.
//
// kConflict: it is running, or was not drained. kInvalid: `after` is in use. After a failure
// `after` has nothing but a folder `rebuilding`, which the next try removes, and maybe empty
// topics.
[[nodiscard]] Result<Rebuilt> rebuild_for_partitions(const Config& before, const Config& after,
                                                     objectstore::ObjectStore& checkpoints, objectstore::Pace& pace,
                                                     ProgressBar& bar);

}  // namespace freshet::app
