// Three things, from the bottom up: what a state says to a question, the questions that wait for workers, and the
// look-up that goes from partition to partition. Each question is answered from one partition at one committed offset;
// a look-up by identifier takes two at least, between which things go on. So what it finds is looked at again: a
// document counts only if it lists the identifier itself.
#include "action/profile_reads.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "action/fingerprint.h"
#include "action/read_whole.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/document.h"
#include "model/home.h"
#include "model/identifier.h"
#include "state/peek.h"

namespace freshet::action {
namespace {

constexpr size_t kQuestionsMax = 1024;          // that wait, of all partitions
constexpr size_t kAnsweredAtOnce = 32;          // of a partition, before records have their turn again
constexpr env::TimeUs kPatienceUs = 5'000'000;  // then whoever asked should come again
// An identifier may be on its way from one profile to another: whoever it leads to lists it no longer, and the home
// hears of the other one with its next messages.
constexpr int kTriesMax = 4;
// More redirects than profiles can be merged one after the other only come of damage.
constexpr uint32_t kRedirectsMax = 2 * model::kMergesMax;

bool lists(const v1::Document& document, const v1::Identifier& identifier) {
  const v1::Value* const values = model::find_field(document, v1::IDENTIFIERS, identifier.type());
  if (values == nullptr) return false;
  const auto& all = values->list().values();
  return std::any_of(all.begin(), all.end(), [&](const v1::Value& v) { return v.text() == identifier.value(); });
}

// One look-up by identifier on its way from partition to partition. It lives as long as a question of it is under way.
class LookUp : public std::enable_shared_from_this<LookUp> {
 public:
  LookUp(ProfileSource& source, uint32_t partitions, ProfileQuestion of, ProfileFound found)
      : source_(source), partitions_(partitions), of_(std::move(of)), found_(std::move(found)) {
    FRESHET_ASSERT(of_.identifier.has_value());
  }

  // The alias decides, and not the documents: two of them may list an identifier for a moment.
  void begin() {
    const uint32_t home = model::home_of(of_.tenant, of_.kind, *of_.identifier, partitions_);
    source_.ask(home, of_, [self = shared_from_this()](Result<ProfileAnswer> answer) {
      if (!answer) return self->found_(tl::unexpected(std::move(answer).error()));
      if (!answer->leads_to) return self->found_(std::nullopt);
      self->visit(*answer->leads_to);
    });
  }

 private:
  void visit(const Hash128& id) {
    ProfileQuestion question{of_.tenant, of_.kind, std::nullopt, id};
    source_.ask(model::partition_of(id, partitions_), std::move(question),
                [self = shared_from_this(), id](Result<ProfileAnswer> answer) { self->look(id, std::move(answer)); });
  }

  // An entity is never deleted, so whoever an alias leads to is there: alive, merged into another one, or erased. What
  // was merged names its survivor, and a chain of merges ends at somebody who lives or was erased.
  void look(const Hash128& id, Result<ProfileAnswer> answer) {
    if (!answer) return found_(tl::unexpected(std::move(answer).error()));
    if (answer->leads_to && !FRESHET_MUTANT(kReadStopsAtRedirect)) {
      if (++redirects_ > kRedirectsMax) return found_(fail(Code::kCorrupt, "redirects of a profile never end"));
      return visit(*answer->leads_to);
    }
    if (answer->document && lists(*answer->document, *of_.identifier))
      return found_(FoundProfile{id, std::move(*answer->document)});
    if (++tries_ < kTriesMax) return begin();
    found_(std::nullopt);
  }

  ProfileSource& source_;
  const uint32_t partitions_;
  const ProfileQuestion of_;
  const ProfileFound found_;
  int tries_ = 0;
  uint32_t redirects_ = 0;
};

}  // namespace

Result<ProfileAnswer> answer_from(const state::PartitionState& state, const Rules& rules, const ProfileQuestion& q) {
  ProfileAnswer answer;
  answer.offset = state.offset();
  if (rules.hash_key().empty()) return answer;  // Nobody has sent anything yet.
  if (q.message) {
    FRESHET_ASSIGN(answer.seen, state::peek_seen(state, *q.message));
    return answer;
  }
  if (q.identifier) {
    const Hash128 key = model::alias_key(rules.hash_key(), q.tenant, q.kind, *q.identifier);
    FRESHET_ASSIGN(const auto holder, state::peek_holder(state, key));
    if (holder) answer.leads_to = holder->id;
    return answer;
  }
  FRESHET_ASSIGN(auto entity, state::peek_entity(state, q.id));
  if (!entity || entity->tenant() != q.tenant || entity->ref().kind() != q.kind) return answer;
  if (entity->status() == v1::EntityState::REDIRECT && !FRESHET_MUTANT(kReadOfMerged)) {
    answer.leads_to = model::from_proto(entity->target()).id;
    return answer;
  }
  // A tenant that is configured no longer can't be asked for.
  if (const Tenant* tenant = rules.find(q.tenant); tenant != nullptr)
    answer.document = whole_document(*entity, *tenant);
  return answer;
}

// ---- questions that wait ------------------------------------------------------------------------------------------

void ProfileReads::ask(uint32_t partition, ProfileQuestion question, ProfileAnswered answered) {
  FRESHET_ASSERT(partition < waiting_.size() && answered != nullptr);
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ && count_ < kQuestionsMax) {
      waiting_[partition].push_back({std::move(question), std::move(answered), clock_.monotonic_us() + kPatienceUs});
      ++count_;
      // Which worker has the partition nobody needs to know: there are as many as the machine has cores.
      for (const auto& [member, wake] : wakes_) wake();
      return;
    }
  }
  answered(fail(Code::kRetry, "too many read profiles at once, or this process ends: come again in a moment"));
}

void ProfileReads::close() {
  std::vector<Asked> all;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& of : waiting_) {
      std::move(of.begin(), of.end(), std::back_inserter(all));
      of.clear();
    }
    count_ = 0;
  }
  for (Asked& one : all) one.answered(fail(Code::kRetry, "this process ends: come again in a moment"));
}

void ProfileReads::set_wake(uint32_t member, std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  if (wake != nullptr) {
    wakes_[member] = std::move(wake);
  } else {
    wakes_.erase(member);
  }
}

std::optional<ProfileReads::Asked> ProfileReads::take(uint32_t partition) {
  const std::lock_guard lock(mutex_);
  FRESHET_ASSERT(partition < waiting_.size());
  auto& of = waiting_[partition];
  if (of.empty()) return std::nullopt;
  std::optional<Asked> first(std::move(of.front()));
  of.pop_front();
  --count_;
  return first;
}

// An answer may lead to the next question, to this partition too.
bool ProfileReads::answer(uint32_t partition,
                          const std::function<Result<ProfileAnswer>(const ProfileQuestion&)>& read) {
  for (size_t done = 0; done < kAnsweredAtOnce; ++done) {
    std::optional<Asked> next = take(partition);
    if (!next) return true;
    next->answered(read(next->question));
  }
  return false;
}

std::vector<ProfileReads::Asked> ProfileReads::take_old(env::TimeUs now) {
  std::vector<Asked> old;
  const std::lock_guard lock(mutex_);
  for (auto& of : waiting_) {
    while (!of.empty() && of.front().until <= now) {
      old.push_back(std::move(of.front()));
      of.pop_front();
      --count_;
    }
  }
  return old;
}

void ProfileReads::expire() {
  for (Asked& one : take_old(clock_.monotonic_us()))
    one.answered(fail(Code::kRetry, "action does not get to it: it starts, or has too much to do; come again"));
}

// ---- look-ups -----------------------------------------------------------------------------------------------------

void get_profile(ProfileSource& source, uint32_t partitions, ProfileQuestion of, ProfileFound found) {
  FRESHET_ASSERT(!of.identifier);
  const Hash128 id = of.id;
  source.ask(model::partition_of(id, partitions), std::move(of),
             [id, found = std::move(found)](Result<ProfileAnswer> answer) {
               if (!answer) return found(tl::unexpected(std::move(answer).error()));
               if (!answer->document) return found(std::nullopt);
               found(FoundProfile{id, std::move(*answer->document)});
             });
}

void find_profile(ProfileSource& source, uint32_t partitions, ProfileQuestion of, ProfileFound found) {
  std::make_shared<LookUp>(source, partitions, std::move(of), std::move(found))->begin();
}

// All homes are asked at once; the last answer is the one that is told. One that has seen it outweighs those that do
// not answer.
void find_message(ProfileSource& source, uint32_t partitions, const ProfileQuestion& of,
                  const std::vector<v1::Identifier>& senders, std::string_view message_id, MessageFound found) {
  struct Asked {
    std::mutex mutex;
    size_t left = 0;
    bool seen = false;
    Status status;
  };
  FRESHET_ASSERT(!senders.empty());
  const auto asked = std::make_shared<Asked>();
  asked->left = senders.size();
  for (const v1::Identifier& sender : senders) {
    ProfileQuestion question{of.tenant, of.kind, std::nullopt, {}};
    const Hash128 hash =
        fingerprint(of.tenant, message_id, "", murmur2(model::identifier_key(of.tenant, of.kind, sender)));
    question.message = hash;
    source.ask(model::partition_of(hash, partitions), std::move(question),
               [asked, found](const Result<ProfileAnswer>& answer) {
                 std::unique_lock lock(asked->mutex);
                 if (!answer) asked->status = tl::unexpected(answer.error());
                 if (answer && answer->seen) asked->seen = true;
                 if (--asked->left > 0) return;
                 lock.unlock();
                 if (asked->seen || asked->status) return found(asked->seen);
                 found(tl::unexpected(asked->status.error()));
               });
  }
}

}  // namespace freshet::action
