// The table of the checks.
#include "app/doctor/doctor.h"

#include <algorithm>

#include "app/doctor/checks.h"

namespace freshet::app {

std::span<const Check> all_checks() {
  static constexpr Check kChecks[] = {
      {"configuration", "is right, plays roles that fit together, and its secrets are its owner's alone",
       look_at_configuration},
      {"data_dir", "is ours to write, for its owner alone, and was not used by a newer release", look_at_data_dir},
      {"disk", "has room, and is of a kind that keeps what is synced", look_at_disk},
      {"ports", "are free, or ours", look_at_ports},
      {"certificates", "can be read, belong to their keys and do not end soon", look_at_certificates},
      {"open_files", "may be enough for the stores and the connections", look_at_open_files},
      {"memory", "fits into the machine and the control group; overcommit", look_at_memory},
      {"clock", "is sane and kept by somebody", look_at_clock},
      {"kafka", "brokers answer and take us; topics have the right partitions and settings", look_at_kafka},
      {"mongodb", "answers and takes us, has the indexes, and has our time", look_at_mongodb},
      {"checkpoints", "their place can be listed, written and deleted from, and has our time", look_at_checkpoints},
      {"server", "runs, is ready, and counts nothing that is a bad sign", look_at_server},
  };
  return kChecks;
}

std::vector<Finding> examine(const Subject& subject) {
  std::vector<Finding> all;
  for (const Check& check : all_checks()) {
    Findings out(check.name, all);
    check.look(subject, out);
  }
  return all;
}

Health health_of(const std::vector<Finding>& findings) {
  Health worst = Health::kOk;
  for (const Finding& finding : findings) worst = std::max(worst, finding.health);
  return worst;
}

}  // namespace freshet::app
