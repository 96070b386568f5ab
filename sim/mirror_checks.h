// What must be true of a mirror's target when all is said and done.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mirror/verify/verify.h"
#include "mirror_clients.h"
#include "mirror_stage.h"

namespace freshet::sim {

// A group that was moved while all went on: what it had not read must lie behind where it was sent.
struct MovedGroup {
  std::string topic;
  std::vector<int64_t> read;                 // by source partition: up to here
  std::vector<std::optional<int64_t>> next;  // by target partition
};

// Throws Violation, unless each record that a client has committed is in the target once, as it was, behind those of
// its key that were sent before it, and nothing else is there.
void check_copies(const testing::FakeCluster& source, const testing::FakeCluster& target, const mirror::Config& config,
                  const MirroredTopic& topic, const MirrorClients::ByKey& sent);
// The same of groups that were moved: whatever they had not read is where they go on, or behind it.
void check_moved(const testing::FakeCluster& target, const mirror::Config& config,
                 const std::map<std::string, MirrorClients::ByKey>& sent, const std::vector<MovedGroup>& groups);

// Looks while the mirror runs, and at its end; throws Violation. What it asks of the product goes through the clusters,
// so that anything may happen meanwhile.
class MirrorJudge {
 public:
  // Both outlive it.
  MirrorJudge(MirrorStage& stage, const MirrorClients& clients) : stage_(stage), clients_(clients) {}

  void move_group();
  void verify_running();
  void check_positions();
  // Once everything is mirrored, and nobody does anything any more.
  void check_end();

 private:
  void check_moved_group_at_end();
  void plant_and_verify();
  void check_verdict(const mirror::Verdict& verdict, const char* what);

  MirrorStage& stage_;
  const MirrorClients& clients_;
  [[nodiscard]] Result<mirror::Verdict> verify_both(env::TimeUs silence_us);
  std::vector<MovedGroup> moved_;
  mirror::VerifiedSoFar so_far_;
  std::map<cluster::PartitionRef, int64_t> positions_;  // as they were after the last step
};

}  // namespace freshet::sim
