#include "console/erasure_copies.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "telemetry/log.h"

namespace freshet::console {
namespace {

using eventlog::Offset;
using eventlog::Topic;

constexpr env::TimeUs kNudgeUs = 30'000'000;  // at least once in the minute that EventLog::lingers_us asks for
// Workers that were away have not heard the question, so it is repeated, ever less often.
constexpr env::TimeUs kAskUs = 15'000'000;
constexpr env::TimeUs kAskUsMax = 3'600'000'000;
constexpr size_t kInstallationsMax = 64;  // that are remembered of one partition: workers come and go

// Where this log's records stay until their time is over; what is forgotten in files is not among it.
std::vector<Topic> topics_of(bool elsewhere) {
  if (!elsewhere) return {Topic::kActions};
  return {Topic::kActions, Topic::kOverflow, Topic::kEvents, Topic::kChanges, Topic::kDeadLetters};
}

}  // namespace

Result<std::vector<eventlog::Watermarks>> ErasureCopies::marks_of(Topic topic) {
  if (const auto known = marks_.find(topic); known != marks_.end()) return known->second;
  FRESHET_ASSIGN(const auto marks, log_.all_watermarks(topic));
  marks_[topic] = marks;
  return marks;
}

Result<bool> ErasureCopies::has_left_overflow(const v1::Erasure& erasure) {
  FRESHET_ASSIGN(auto marks, marks_of(Topic::kOverflow));
  if (options_.letters_wait) {
    FRESHET_ASSIGN(const auto letters, marks_of(Topic::kDeadLetters));
    marks.insert(marks.end(), letters.begin(), letters.end());
  }
  const std::lock_guard lock(mutex_);
  const auto [high, first] = overflow_high_.try_emplace({erasure.tenant(), erasure.id()});
  if (first)
    for (const eventlog::Watermarks& mark : marks) high->second.push_back(mark.high);
  for (size_t p = 0; p < marks.size() && p < high->second.size(); ++p)
    if (marks[p].low < high->second[p]) return false;
  overflow_high_.erase(high);
  return true;
}

Status ErasureCopies::mark(v1::Erasure& erasure) {
  FRESHET_ASSIGN(const auto marks, marks_of(Topic::kActions));
  erasure.clear_actions_high();
  for (const eventlog::Watermarks& mark : marks) erasure.add_actions_high(mark.high);
  erasure.set_marked_at_us(clock_.now_us());
  return {};
}

bool ErasureCopies::is_past(Topic topic, const google::protobuf::RepeatedField<int64_t>& offsets, Status& status) {
  const auto marks = marks_of(topic);
  if (!marks) status = tl::unexpected(marks.error());
  if (!marks) return false;
  for (size_t p = 0; p < marks->size() && p < static_cast<size_t>(offsets.size()); ++p)
    if ((*marks)[p].low < offsets.Get(static_cast<int>(p))) return false;
  return true;
}

// The records that brought the person are held by action until its state, and every checkpoint, is past them.
Result<bool> ErasureCopies::is_gone_from_actions(const v1::Erasure& erasure) {
  Status status;
  const bool past = is_past(Topic::kActions, erasure.actions_high(), status);
  FRESHET_TRY(status);
  return past;
}

bool ErasureCopies::states_are_scrubbed(const v1::Erasure& erasure) {
  if (options_.states == 0) return true;
  const std::lock_guard lock(mutex_);
  bool all = true;
  for (int p = 0; p < erasure.actions_high_size(); ++p) {
    const int64_t offset = erasure.actions_high(p);
    const auto partition = static_cast<uint32_t>(p);
    const auto& known = scrubbed_[partition];
    const auto copies = std::count_if(known.begin(), known.end(), [&](const auto& k) { return k.second >= offset; });
    if (copies >= static_cast<int64_t>(options_.states)) continue;
    all = false;
    int64_t& wanted = wanted_[partition];
    wanted = std::max(wanted, offset);
  }
  return all;
}

Status ErasureCopies::note_ends(v1::Erasure& erasure) {
  erasure.clear_ends();
  for (const Topic topic : topics_of(options_.states > 0)) {
    FRESHET_ASSIGN(const auto marks, log_.all_watermarks(topic));
    auto& ends = *erasure.add_ends();
    ends.set_topic(static_cast<uint32_t>(topic));
    for (const eventlog::Watermarks& mark : marks) ends.add_high(mark.high);
  }
  return {};
}

Result<bool> ErasureCopies::have_ended(v1::Erasure& erasure, const env::Steadiness& steadiness) {
  if (erasure.trimmed_at_us() == 0) {
    Status status;
    for (const auto& ends : erasure.ends()) {
      const auto topic = static_cast<Topic>(ends.topic());
      const bool past = is_past(topic, ends.high(), status);
      FRESHET_TRY(status);
      if (!past) erasure.set_waits_for("topic " + std::string(name_of(topic)));
      if (!past) return false;
    }
    erasure.set_trimmed_at_us(clock_.now_us());
  }
  env::TimeUs lingers = 0;
  for (const auto& ends : erasure.ends()) {
    const auto topic = static_cast<Topic>(ends.topic());
    // Of the others Kafka's own retention deletes files first.
    if (topic != Topic::kActions && topic != Topic::kOverflow && topic != Topic::kChanges) continue;
    FRESHET_ASSIGN(const env::TimeUs of_one, log_.lingers_us(topic));
    lingers = std::max(lingers, of_one);
  }
  const bool over = steadiness.surely_since(erasure.trimmed_at_us()) >= lingers;
  if (!over) erasure.set_waits_for("files of topics actions, overflow and changes");
  return over;
}

void ErasureCopies::take(const v1::StatePlaces& places) {
  if (places.installation().empty()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& place : places.places()) {
    auto& known = scrubbed_[place.partition()];
    if (known.size() >= kInstallationsMax && !known.contains(places.installation())) known.erase(known.begin());
    int64_t& offset = known[places.installation()];
    offset = std::max(offset, place.offset());
  }
}

// What is wanted is found anew each time, by states_are_scrubbed(), so nobody asks for erasures that have ended. What
// was never asked for does not wait.
void ErasureCopies::ask(bool wait) {
  const env::TimeUs now = clock_.monotonic_us();
  v1::StatePlaces places;
  bool nudges = false;
  {
    const std::lock_guard lock(mutex_);
    nudges = wait && options_.nudge && now >= nudge_due_us_;
    if (nudges) nudge_due_us_ = now + kNudgeUs;
    const auto is_asked = [this](const auto& wanted) {
      const auto asked = asked_.find(wanted.first);
      return asked != asked_.end() && asked->second >= wanted.second;
    };
    if (!std::all_of(wanted_.begin(), wanted_.end(), is_asked)) ask_due_us_ = ask_pause_us_ = 0;
    if (!wanted_.empty() && now >= ask_due_us_) {
      for (const auto& [partition, offset] : wanted_) {
        auto& place = *places.add_places();
        place.set_partition(partition);
        place.set_offset(offset);
      }
      asked_ = wanted_;
      ask_pause_us_ = std::clamp(ask_pause_us_ * 2, kAskUs, kAskUsMax);
      ask_due_us_ = now + ask_pause_us_;
    }
    wanted_.clear();
  }
  if (places.places_size() > 0) {
    v1::DeadLetter letter;
    letter.set_body_type(v1::DeadLetter::STATES_TO_SCRUB);
    letter.set_body(places.SerializeAsString());
    eventlog::Produce produce{{Topic::kDeadLetters, 0}, {}};
    produce.records.add("", letter.SerializeAsString());
    std::vector<eventlog::Produce> batches;
    batches.push_back(std::move(produce));
    log_.append(std::move(batches), [](const Status& status) {
      if (!status) log::warn("erasure: workers are not asked to rewrite their states yet: {}", status.error().message);
    });
  }
  if (!nudges) return;
  if (const Status done = options_.nudge(); !done) log::warn("erasure: {}", done.error().message);
}

}  // namespace freshet::console
