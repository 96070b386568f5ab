// Profiles read from the states themselves. A state belongs to its worker's thread, so whoever wants to read asks, and
// the worker answers between two batches, when all that it has in memory is committed: nobody is ever shown what a
// crash could take back. A partition that still replays does not answer until it is done; who has waited for too long
// gets kRetry.
//
//   reader ──► ask(home of the identifier) ──► whom it leads to ──► ask(where that lives) ──► the document, or
//                                                                         └─ merged away: into whom, and so on
//
// What the states know of messages is asked for in the same way: whether one came, of the homes from which it may have.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "action/rules.h"
#include "base/hash.h"
#include "base/result.h"
#include "env/clock.h"
#include "freshet/v1/change.pb.h"
#include "state/partition_state.h"

namespace freshet::action {

// One of three: who has the identifier (asked of its home), what is with the entity `id` (asked of where it lives), or
// whether the message with this fingerprint came (asked of its home).
struct ProfileQuestion {
  std::string tenant;
  v1::EntityKind kind = v1::ENTITY_KIND_USER;
  std::optional<v1::Identifier> identifier;
  Hash128 id;
  std::optional<Hash128> message = std::nullopt;
};

struct ProfileAnswer {
  int64_t offset = 0;                    // what it stands for
  std::optional<Hash128> leads_to;       // who has the identifier; whom the entity was merged into
  std::optional<v1::Document> document;  // of an entity that has one
  bool seen = false;                     // the message came within the window of deduplication
};
using ProfileAnswered = std::function<void(Result<ProfileAnswer>)>;

// Answers from a state. REQUIRES: all of it is committed.
[[nodiscard]] Result<ProfileAnswer> answer_from(const state::PartitionState& state, const Rules& rules,
                                                const ProfileQuestion& question);

// Whom questions are put to.
class ProfileSource {
 public:
  virtual ~ProfileSource() = default;
  // `answered` is called once, on any thread, and must be quick.
  virtual void ask(uint32_t partition, ProfileQuestion question, ProfileAnswered answered) = 0;
};

// The questions to all partitions of a process. Thread-safe.
class ProfileReads final : public ProfileSource {
 public:
  ProfileReads(uint32_t partitions, env::Clock& clock) : clock_(clock), waiting_(partitions) {}
  ~ProfileReads() override { close(); }

  // kRetry: too many wait.
  void ask(uint32_t partition, ProfileQuestion question, ProfileAnswered answered) override;
  // Whoever waits gets kRetry, as does everybody who asks from now on.
  void close();

  // ---- workers
  // `wake` ends a worker's wait for records; empty: that worker is gone.
  void set_wake(uint32_t member, std::function<void()> wake);
  [[nodiscard]] bool any() const { return count_.load(std::memory_order_relaxed) > 0; }
  // Answers what waits for the partition, up to a bound. True: that was all.
  bool answer(uint32_t partition, const std::function<Result<ProfileAnswer>(const ProfileQuestion&)>& read);
  // Gives kRetry to those that have waited for too long.
  void expire();

 private:
  struct Asked {
    ProfileQuestion question;
    ProfileAnswered answered;
    env::TimeUs until = 0;
  };
  std::optional<Asked> take(uint32_t partition);
  std::vector<Asked> take_old(env::TimeUs now);

  env::Clock& clock_;
  std::atomic<size_t> count_{0};
  std::mutex mutex_;                        // of what follows
  std::vector<std::deque<Asked>> waiting_;  // by partition
  std::map<uint32_t, std::function<void()>> wakes_;
  bool closed_ = false;
};

struct FoundProfile {
  Hash128 id;
  v1::Document document;
};
// nullopt: there is none.
using ProfileFound = std::function<void(Result<std::optional<FoundProfile>>)>;

// The profile of an entity, or of whoever has an identifier and lists it. The source must outlive the answer.
void get_profile(ProfileSource& source, uint32_t partitions, ProfileQuestion of, ProfileFound found);
void find_profile(ProfileSource& source, uint32_t partitions, ProfileQuestion of, ProfileFound found);

// Whether a record of this id came that names one of these first, within the window of deduplication. Records of
// imports and replays are in ledgers of their own, and not meant.
using MessageFound = std::function<void(Result<bool>)>;
void find_message(ProfileSource& source, uint32_t partitions, const ProfileQuestion& of,
                  const std::vector<v1::Identifier>& senders, std::string_view message_id, MessageFound found);

}  // namespace freshet::action
