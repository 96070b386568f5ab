// Topic `schema`, as every process of an installation follows it. Discoveries go to the registry,
// and by the topic's order the processes agree on the key of the alias hashes, on the number of partitions that
// records are routed by, and on which rules stand under which revision. Whoever proposes something
// reads on until it sees what came first:
// the log decides, not a lock.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "app/file_hash.h"
#include "app/move_steps.h"
#include "base/result.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "freshet/v1/event.pb.h"
#include "schema/registry.h"

namespace freshet::app {

// Whether the record is about the log that it stands in, and not about the installation: its number of partitions, and
// steps of a move.
[[nodiscard]] bool is_of_one_log(const v1::SchemaChange& change);

// One thread uses it. Log and registry outlive it.
class Agreement {
 public:
  // What `tenants` is called with is in the log's order; changes whose revision was somebody else's are left out.
  Agreement(eventlog::EventLog& log, schema::Registry& registry,
            std::function<void(const v1::TenantsChange&)> tenants = {})
      : log_(log), registry_(registry), tenants_(std::move(tenants)) {}

  // Takes in what the topic has by now. Call it now and then, because other processes go on
  // discovering.
  [[nodiscard]] Status follow();

  // The offset behind the last record that was taken in.
  [[nodiscard]] eventlog::Offset next() const { return next_; }

  // Returns the installation's key: the first one that was proposed, maybe by this call. `is_new`: whoever proposes it
  // knows of no data from before; then the installation is one whose phone numbers are normal from the start.
  [[nodiscard]] Result<std::string> hash_key(const std::string& proposal, bool is_new = false);
  // Whether it began with a release that brings phone numbers to one spelling. False until the key is known.
  [[nodiscard]] bool phones_are_normal() const { return phones_are_normal_; }
  // Returns the number of partitions of `actions`: the first one that was proposed, maybe by this call. Brokers may be
  // told to add some at any time; the states and the places of records go by the number that they began with.
  [[nodiscard]] Result<uint32_t> partitions(uint32_t proposal);
  // Claims a revision for a file. kInvalid: another process was first, with another file or a change.
  [[nodiscard]] Status claim(uint64_t revision, const FileHash& file);
  // Claims the revision of this change, which comes by the API, and proposes it. False: another change was first, and
  // has been taken in.
  [[nodiscard]] Result<bool> claim_change(const v1::TenantsChange& change, env::Random& random);
  // Appends what belongs to a revision that is claimed, and takes it in.
  [[nodiscard]] Status say(const std::vector<v1::TenantsChange>& changes);

  // How far a way to or from this log is, as far as it was followed.
  [[nodiscard]] const MoveSteps& moves() const { return moves_; }
  // The originals before this offset of the log before are in this one.
  [[nodiscard]] eventlog::Offset copied_next() const { return copied_next_; }
  // Whether the record at this offset claims a revision and counts for nothing, as the log was being left.
  [[nodiscard]] bool is_void(eventlog::Offset offset) const { return void_.contains(offset); }
  // Appends a step, and takes it in. kRetry: it is not in force then, as others were first. `partitions`: of AWAITED,
  // how many this log has.
  [[nodiscard]] Status take_step(v1::Move::Step step, const std::string& other_prefix, uint32_t partitions = 0);
  [[nodiscard]] Status note_imports(eventlog::Offset next);

  // The highest revision that was claimed; 0 if there is none.
  [[nodiscard]] uint64_t revision() const { return claimed_.empty() ? 0 : claimed_.rbegin()->first; }
  // The highest one of a file, and that file's hash.
  [[nodiscard]] uint64_t file_revision() const { return file_revision_; }
  [[nodiscard]] std::string rules() const { return file_revision_ == 0 ? "" : claimed_.at(file_revision_); }
  // "" if nobody has claimed it.
  [[nodiscard]] std::string claim_of(uint64_t revision) const;

 private:
  void take(const v1::SchemaChange& change, eventlog::Offset offset);
  // Appends to the topic, and reads back: only that shows what was first.
  [[nodiscard]] Status propose(const std::vector<v1::SchemaChange>& changes);

  eventlog::EventLog& log_;
  schema::Registry& registry_;
  const std::function<void(const v1::TenantsChange&)> tenants_;
  eventlog::Offset next_ = 0;
  std::string hash_key_;
  bool phones_are_normal_ = false;
  uint32_t partitions_ = 0;  // 0: nobody has said it
  std::map<uint64_t, std::string> claimed_;
  uint64_t file_revision_ = 0;
  MoveSteps moves_;
  eventlog::Offset copied_next_ = 0;
  std::set<eventlog::Offset> void_;
};

}  // namespace freshet::app
