// What the keeper of dead letters and erasures is given, and what its two threads share.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "console/erasure_copies.h"
#include "console/erasures.h"
#include "console/letters.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::console {

// Takes copies of erased persons out of one place, for good: files, not only rows. It may take long and gives up, with
// kRetry, soon after `canceled` became true.
struct PurgeStep {
  std::string name;  // of the place: "log", "state", …
  std::function<Status(const std::vector<v1::Erasure>&, std::atomic<bool>& canceled)> run;
};

struct KeeperOptions {
  LetterQuota quota;
  std::string hash_key;  // of the installation
  eventlog::EventLog* log = nullptr;
  std::string log_name;  // another one: what is known of the place in the topic is of another log, and counts no more
  docstore::DocStore* profiles = nullptr;
  env::Clock* clock = nullptr;
  // Nobody else reads the topic (the embedded log): what is kept here need not stay there.
  bool trims_topic = false;
  // Up to where everybody else has read a partition of the topic, who has to: it is trimmed no further. Null: nobody.
  std::function<eventlog::Offset(eventlog::TopicPartition)> others_read;
  std::vector<PurgeStep> steps;
  // Makes a store that is not well so again, if it can. Null: it stays as it is.
  std::function<Status()> mend;
  CopiesOptions copies;  // in places that no step reaches
  // Within how long an erasure is verified, as retention is configured; shown to whoever watches.
  env::TimeUs verified_within_us = 86'400ll * 1'000'000;
  bool threads = true;  // without, all is done within the calls: for tests
};

// The rows, and what of them is in memory. Either may be replaced by another one under the mutex.
struct KeptRows {
  std::mutex mutex;  // of what the others point to, too
  std::unique_ptr<Letters> letters;
  std::unique_ptr<Erasures> erasures;
};

}  // namespace freshet::console
