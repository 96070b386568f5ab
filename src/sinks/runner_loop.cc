// A place is committed only for what is done. Before the next batch of a partition is taken, the place before it is
// durable: a sink may name what it makes by it (sinks/files).
#include "sinks/runner_loop.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "sinks/letters.h"
#include "telemetry/log.h"

namespace freshet::sinks {

using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

namespace {

constexpr env::TimeUs kAskAgainUs = 1'000'000;
constexpr env::TimeUs kLogAwayUs = 500'000;
constexpr env::TimeUs kTellAgainUs = 60'000'000;  // of failures, which are all counted
constexpr double kUsPerSecond = 1e6;

// Somewhere from three quarters to five quarters, so that what failed together is not tried together.
env::TimeUs jittered(env::TimeUs us, env::Random& random) {
  const auto byte = static_cast<unsigned char>(random.bytes(1)[0]);
  return us * 3 / 4 + us / 2 * byte / 255;
}

size_t bytes_of(const Item& item) { return item.key.size() + item.value.size() + sizeof(Item); }

}  // namespace

std::string group_of(const std::string& tenant, const std::string& sink) { return "sink." + tenant + "." + sink; }

Topic topic_of(model::SinkOn on) { return on == model::SinkOn::kEvents ? Topic::kEvents : Topic::kChanges; }

// A table of profiles is told of removals by changes, too, but retention may take those before it had them.
bool follows_erasures(const model::Sink& sink) {
  if (sink.kind == model::SinkKind::kPostgres) return true;
  return sink.on == model::SinkOn::kEvents && sink.kind != model::SinkKind::kWebhook;
}

std::vector<Topic> topics_of(const model::Sink& sink) {
  std::vector<Topic> topics = {topic_of(sink.on)};
  if (follows_erasures(sink)) topics.push_back(Topic::kDeadLetters);
  return topics;
}

RunnerLoop::RunnerLoop(const RunnerOptions& options, eventlog::Consumer& consumer, Sink& sink)
    : options_(options),
      consumer_(consumer),
      sink_(sink),
      clock_(*options.around.clock),
      called_("sink " + options.around.sink.name + " of " + options.around.tenant),
      metrics_(options.around.tenant, options.around.sink.name),
      selector_(options.around),
      wish_(sink.wish()) {
  if (options.around.sink.every_us > 0) wish_.linger_us = options.around.sink.every_us;
}

// One turn: take what has come, give the sink what is ready, note how far it is. Where the log does not know where a
// partition goes on, nothing of it is read until it does, as a guess would lose records or send them twice.
Status RunnerLoop::step() {
  auto polled = consumer_.poll(options_.fetch_bytes_max, options_.poll_us);
  if (polled) {
    FRESHET_TRY(take_up(*polled));
  } else if (polled.error().code == Code::kNotFound || polled.error().code == Code::kCorrupt) {
    FRESHET_TRY(mend_positions(polled.error()));
  } else if (polled.error().code == Code::kRetry) {
    clock_.sleep_us(kLogAwayUs);
  } else {
    return tl::unexpected(std::move(polled).error());
  }
  const env::TimeUs now = clock_.monotonic_us();
  for (auto& [of, share] : shares_)
    if (!share.known && now >= share.due && !learn(of, share)) share.due = now + kAskAgainUs;
  if (!commit_owed_) work();
  if (commit_owed_ || clock_.monotonic_us() >= committed_at_ + options_.idle_commit_us) FRESHET_TRY(commit());
  pace_reading();
  observe();
  return {};
}

// A partition that is new here stays paused until its place is known.
Status RunnerLoop::take_up(const eventlog::PollResult& polled) {
  for (const TopicPartition& of : polled.revoked) {
    shares_.erase(of);
    sink_.revoked(of);
  }
  for (const TopicPartition& of : polled.assigned) {
    Share& share = shares_[of] = {};
    share.at_end = clock_.monotonic_us();
    share.paused = true;
    consumer_.pause(of, true);
  }
  for (const eventlog::Fetched& fetched : polled.fetched) gather(fetched);
  return {};
}

// Where the log says that the sink is; of one that is new, where it begins.
Result<Offset> RunnerLoop::place_of(TopicPartition of) {
  FRESHET_ASSIGN(const auto marks, options_.log->watermarks(of));
  FRESHET_ASSIGN(const auto committed, consumer_.committed(of));
  if (!committed) return options_.around.sink.start == model::SinkStart::kNow ? marks.high : marks.low;
  if (*committed < marks.low) {
    FRESHET_TRY(sink_.lost(of, marks.low));
    tell_loss(of, *committed, marks.low);
  }
  return std::clamp(*committed, marks.low, std::max(marks.low, marks.high));
}

bool RunnerLoop::learn(TopicPartition of, Share& share) {
  const auto place = place_of(of);
  auto resume = place ? sink_.assigned(of, *place) : Result<Resume>(tl::unexpected(place.error()));
  if (!resume) {
    if (tells_again())
      log::warn("{}: where to go on in partition {} is not known: {}", called_, of.partition, resume.error().message);
    metrics_.failures.add();
    metrics_.up.set(0);
    return false;
  }
  share.next = share.place = FRESHET_MUTANT(kSinkBeginsAtLog) ? *place : resume->from;
  share.until = resume->until;
  if (!share.until) share.taken_up = share.place;
  consumer_.seek(of, share.next);
  // What is not known to be durable there can't be built on.
  share.committed = -1;
  commit_owed_ = true;
  share.known = true;
  share.due = 0;
  metrics_.up.set(1);
  return true;
}

// Keeps what concerns the sink, and where to go on behind all of it: records of other tenants move the place, too.
void RunnerLoop::gather(const eventlog::Fetched& fetched) {
  const auto found = shares_.find(fetched.from);
  if (found == shares_.end() || !found->second.known) return;
  Share& share = found->second;
  const auto go_back = [&](Offset to) {
    share.next = to;
    consumer_.seek(fetched.from, to);
  };
  for (const eventlog::RecordView& record : fetched.records) {
    if (share.until && record.offset >= *share.until) return go_back(*share.until);
    auto item = selector_.pick(fetched.from.topic, record);
    if (!item) {
      log::warn("{}: {}", called_, item.error().message);
      share.due = clock_.monotonic_us() + kAskAgainUs;
      return go_back(record.offset);
    }
    if (!*item) continue;
    if (const std::string& problem = (*item)->problem; !problem.empty()) {
      if (set_aside(fetched.from, **item, "damaged_change", problem)) continue;
      share.due = clock_.monotonic_us() + kAskAgainUs;
      return go_back(record.offset);
    }
    if (share.items.empty()) {
      share.since = clock_.monotonic_us();
      // Where nobody has answered a commit, the place may be durable: it is committed again before anything is begun.
      if (share.committed >= 0 && !commit_owed_) share.place = share.committed;
    }
    share.bytes += bytes_of(**item);
    share.items.push_back(std::move(**item));
  }
  if (share.until && fetched.next > *share.until) return go_back(*share.until);
  share.next = fetched.next;
  if (share.items.empty() && !share.until) share.place = share.next;
}

// A batch that was begun before has to end where it ended then, whatever has come since; any other one is ready when it
// is large enough, old enough, or when all partitions together hold as much as they may.
bool RunnerLoop::is_ready(const Share& share, env::TimeUs now, bool full) const {
  if (!share.known || now < share.due) return false;
  if (share.until) return share.next >= *share.until;
  if (share.items.empty()) return false;
  return full || share.bytes >= wish_.bytes || now - share.since >= wish_.linger_us;
}

// All partitions that are ready are given to the sink in one call, which may work on them side by side.
void RunnerLoop::work() {
  const env::TimeUs now = clock_.monotonic_us();
  size_t gathered = 0;
  for (const auto& [of, share] : shares_) gathered += share.bytes;
  std::vector<Batch> batches;
  std::vector<Shares::iterator> of_batches;
  for (auto at = shares_.begin(); at != shares_.end(); ++at) {
    Share& share = at->second;
    if (!is_ready(share, now, gathered >= options_.gathered_bytes_max)) continue;
    batches.push_back(
        {at->first, share.committed, share.until ? std::min(*share.until, share.next) : share.next, share.items});
    of_batches.push_back(at);
  }
  if (batches.empty()) return;
  const std::vector<Outcome> outcomes = sink_.take(batches);
  FRESHET_ASSERT(outcomes.size() == batches.size());
  for (size_t i = 0; i < outcomes.size(); ++i) settle(of_batches[i]->first, of_batches[i]->second, outcomes[i]);
  commit_owed_ = true;
}

void RunnerLoop::drop_front(Share& share, size_t count) {
  FRESHET_ASSERT(count <= share.items.size());
  if (count == 0) return;
  for (size_t i = 0; i < count; ++i) share.bytes -= bytes_of(share.items[i]);
  share.items.erase(share.items.begin(), share.items.begin() + static_cast<ptrdiff_t>(count));
  share.place = share.items.empty() || FRESHET_MUTANT(kSinkPlaceAhead) ? share.next : share.items.front().offset;
  share.refusals = 0;
}

// The log is told of the first of many failures, and of one a minute of those that follow.
bool RunnerLoop::tells_again() {
  const env::TimeUs now = clock_.monotonic_us();
  if (told_at_ != 0 && now < told_at_ + kTellAgainUs) return false;
  told_at_ = now;
  return true;
}

// Doubles the pause with each failure in a row, up to its most; a target that says how long it wants is given that.
void RunnerLoop::wait(Share& share, env::TimeUs at_least) {
  env::TimeUs pause = options_.retry_first_us;
  for (uint32_t i = 0; i < share.failures && pause < options_.retry_max_us; ++i) pause *= 2;
  ++share.failures;
  pause = jittered(std::min(pause, options_.retry_max_us), *options_.around.random);
  share.due = clock_.monotonic_us() + std::max(pause, at_least);
}

// What became of a batch. Only a record that the target refuses again and again, while it takes others, is set aside: a
// target that is down refuses everything, and all of it would end in the dead letters.
void RunnerLoop::settle(TopicPartition of, Share& share, const Outcome& outcome) {
  using What = Outcome::What;
  drop_front(share, outcome.done);
  if (outcome.done > 0) share.taken_up.reset();
  metrics_.done.add(outcome.done);
  successes_ += outcome.done;
  if (outcome.done > 0) share.failures = 0;
  // That somebody was erased is not what the target may refuse the rest for.
  if (outcome.done > 0 && of.topic != Topic::kDeadLetters) letters_in_a_row_ = 0;
  if (outcome.what == What::kDone) {
    share.failures = 0;
    if (share.items.empty()) {
      share.until.reset();
      share.place = share.next;
    }
    metrics_.up.set(1);
    return;
  }
  metrics_.failures.add();
  if (outcome.what == What::kStale) return start_anew(share);
  metrics_.up.set(0);
  if (tells_again()) {
    log::warn("{}: partition {}: {}; it is tried again", called_, of.partition, outcome.why);
    if (refuses_everything()) tell_refusing();
  }
  // A target that took others since this one failed last is not what is at fault.
  const bool blamed =
      outcome.what == What::kRefused || (outcome.what == What::kUnsure && share.successes_at != successes_);
  share.successes_at = successes_;
  if (blamed) ++share.refusals;
  if (share.refusals >= kRefusalsMax && !refuses_everything() &&
      set_aside(of, share.items.front(), "sink_refused", outcome.why)) {
    ++letters_in_a_row_;
    if (refuses_everything()) tell_refusing();
    drop_front(share, 1);
    share.failures = 0;
    share.due = 0;
    return;
  }
  wait(share, outcome.after_us);
}

void RunnerLoop::tell_refusing() const {
  log::error(
      "{}: the target has refused {} records one after the other, which are dead letters: what comes next waits until "
      "it "
      "takes one",
      called_, letters_in_a_row_);
}

// Forgets what is gathered and asks again where to go on: somebody else has written since.
void RunnerLoop::start_anew(Share& share) {
  const bool paused = share.paused;
  share = {};
  share.paused = paused;
  share.at_end = clock_.monotonic_us();
  share.due = clock_.monotonic_us() + kAskAgainUs;
}

// False: the log does not take it now. Then the record stays where it is, and is tried again.
bool RunnerLoop::set_aside(TopicPartition of, const Item& item, std::string_view code, const std::string& why) {
  const Status kept = FRESHET_MUTANT(kSinkLetterDropped)
                          ? Status{}
                          : append_letter(*options_.log, options_.around, of, item, code, why);
  if (!kept) {
    log::warn("{}: the log does not take a dead letter: {}", called_, kept.error().message);
    return false;
  }
  metrics_.letters.add();
  log::warn("{}: offset {} of partition {} is a dead letter now ({}): {}", called_, item.offset, of.partition, code,
            why);
  return true;
}

// A process that lost the partition and does not know it yet can begin a batch at the place that both of them know.
// What stands there stops it; so something has to stand there before this one goes on from further ahead.
bool RunnerLoop::leave_behind(TopicPartition of, Share& share) {
  if (!share.taken_up || share.place <= *share.taken_up) return true;
  const Status left = sink_.passed(of, *share.taken_up, share.place);
  if (left) {
    share.taken_up.reset();
    return true;
  }
  metrics_.failures.add();
  if (left.error().code == Code::kConflict) {
    start_anew(share);
  } else if (tells_again()) {
    log::warn("{}: partition {}: {}; it is tried again", called_, of.partition, left.error().message);
  }
  return false;
}

// Notes the places in the log. A commit whose end is not known is made again before the sink is given anything.
Status RunnerLoop::commit() {
  committed_at_ = clock_.monotonic_us();
  eventlog::Transaction transaction;
  for (auto& [of, share] : shares_)
    if (share.known && share.place != share.committed && leave_behind(of, share))
      transaction.done.push_back({of, share.place});
  if (transaction.done.empty()) {
    commit_owed_ = false;
    return {};
  }
  const std::vector<eventlog::Position> done = transaction.done;
  const Status status = consumer_.commit(std::move(transaction));
  if (!status && status.error().code == Code::kRetry) {
    commit_owed_ = true;
    return {};
  }
  if (!status && status.error().code != Code::kConflict && status.error().code != Code::kFenced) return status;
  for (const eventlog::Position& position : done) {
    Share& share = shares_[position.of];
    if (status) {
      share.committed = position.next;
      continue;
    }
    // They are somebody else's, which the next poll says; if it does not, it is asked for anew where they go on.
    start_anew(share);
  }
  commit_owed_ = false;
  return {};
}

// What has enough, or waits, reads no more. A batch that was begun before has enough at its end only: whoever began it
// may have been given more at once, or with another file_bytes.
void RunnerLoop::pace_reading() {
  for (auto& [of, share] : shares_) {
    const bool waits = share.due > clock_.monotonic_us() || (share.failures > 0 && !share.items.empty());
    const bool enough = share.until ? share.next >= *share.until : share.bytes >= wish_.bytes;
    const bool paused = !share.known || waits || enough;
    if (paused == share.paused) continue;
    share.paused = paused;
    consumer_.pause(of, paused);
  }
}

// Once, however often it is asked where to go on.
void RunnerLoop::tell_loss(TopicPartition of, Offset from, Offset to) {
  Offset& told = lost_below_[of];
  from = std::max(from, told);
  if (from >= to) return;
  told = to;
  metrics_.lost.add(static_cast<uint64_t>(to - from));
  log::error(
      "{}: partition {} of {} has lost the offsets from {} to {} to its retention before the sink had them; it goes on "
      "with what is kept. A longer retention gives it more time",
      called_, of.partition, name_of(of.topic), from, to - 1);
}

// The log has deleted what the sink was about to read, or has lost its end: it goes on with what there is, and says
// what it missed.
Status RunnerLoop::mend_positions(const Error& why) {
  bool mended = false;
  for (auto& [of, share] : shares_) {
    if (!share.known) continue;
    FRESHET_ASSIGN(const auto marks, options_.log->watermarks(of));
    if (share.next < marks.low) {
      FRESHET_TRY(sink_.lost(of, marks.low));
      tell_loss(of, share.next, marks.low);
      share.next = marks.low;
    } else if (share.next > marks.high) {
      log::error(
          "{}: partition {} of {} ends at {}, before {}, where the sink was: the log has lost records; it goes "
          "on there",
          called_, of.partition, name_of(of.topic), marks.high, share.next);
      share.next = marks.high;
    } else {
      continue;
    }
    mended = true;
    consumer_.seek(of, share.next);
  }
  return mended ? Status{} : tl::unexpected(why);
}

// Lag in seconds is the age of the oldest record that waits; where nothing waits but records of others are unread, it
// is how long ago the end was reached last.
void RunnerLoop::observe() {
  const env::TimeUs now = clock_.monotonic_us();
  if (now < observed_at_ + options_.observe_us) return;
  observed_at_ = now;
  int64_t records = 0;
  env::TimeUs oldest = 0;
  for (const Topic topic : topics_of(options_.around.sink)) observe_topic(topic, now, records, oldest);
  metrics_.lag_records.set(static_cast<double>(records));
  metrics_.lag_seconds.set(static_cast<double>(std::max<env::TimeUs>(oldest, 0)) / kUsPerSecond);
}

void RunnerLoop::observe_topic(Topic topic, env::TimeUs now, int64_t& records, env::TimeUs& oldest) {
  const auto marks = options_.log->all_appended(topic);
  for (auto& [of, share] : shares_) {
    if (of.topic != topic) continue;
    const bool told = marks && of.partition < marks->size();
    const Offset high = told ? (*marks)[of.partition].high : share.next;
    if (share.known) records += std::max<int64_t>(0, high - share.place);
    if (told && share.known && share.items.empty() && share.next >= high) share.at_end = now;
    const bool dated = !share.items.empty() && share.items.front().received_at_us > 0;
    oldest = std::max(oldest, dated ? clock_.now_us() - share.items.front().received_at_us : now - share.at_end);
  }
}

}  // namespace freshet::sinks
