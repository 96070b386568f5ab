// Lags are differences of offsets (app/stages.cc): on Kafka a few may stay where nothing is left to do. Those can't be
// read, so they have no age, and whoever looks can tell them from records that wait.
#include "app/flow.h"

#include <algorithm>
#include <utility>

#include "action/worker_options.h"
#include "app/json_output.h"
#include "app/stages.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "ingest/overflow/drain_loop.h"
#include "model/time.h"
#include "reaction/reactor_options.h"

namespace freshet::app {

using eventlog::Offset;
using eventlog::Topic;

namespace {

constexpr env::TimeUs kLookAgainUs = 200'000;
// Partitions whose oldest record is read: one that is stuck soon has the longest lag.
constexpr size_t kAgesOfStage = 2;

void write_time(JsonWriter& json, std::string_view name, const std::optional<int64_t>& us) {
  json.key(name);
  us ? json.value(model::format_time(*us)) : json.null();
}

}  // namespace

struct Flow::WaitingPart {
  uint32_t partition = 0;
  Offset end = 0;
  Offset done = 0;
  std::optional<int64_t> oldest_us;
  bool held = false;  // the first that waits can't be read, as a transaction is open
};

// What is read of one group. Nothing is guessed: until the log has told, there is no lag, not a lag of 0.
struct Flow::Stage {
  std::string_view name;
  Topic topic;
  const char* group;
  bool is_known = false;
  size_t partitions = 0;
  std::vector<WaitingPart> waiting = {};

  [[nodiscard]] std::optional<int64_t> lag() const {
    if (!is_known) return std::nullopt;
    int64_t sum = 0;
    for (const WaitingPart& part : waiting) sum += part.end - part.done;
    return sum;
  }
  [[nodiscard]] std::optional<int64_t> oldest_us() const {
    std::optional<int64_t> oldest;
    for (const WaitingPart& part : waiting)
      if (part.oldest_us && (!oldest || *part.oldest_us < *oldest)) oldest = part.oldest_us;
    return oldest;
  }
  void write(JsonWriter& json) const {
    json.begin_object().member("name", name).member("partitions", partitions).member("lag", lag());
    write_time(json, "oldest_at", oldest_us());
    json.key("waiting").begin_array();
    for (size_t i = 0; i < std::min(waiting.size(), kPartitionsShown); ++i) {
      const WaitingPart& part = waiting[i];
      json.begin_object().member("partition", part.partition).member("end", part.end).member("done", part.done);
      json.member("lag", part.end - part.done);
      write_time(json, "oldest_at", part.oldest_us);
      json.member("held", part.held).end_object();
    }
    json.end_array().end_object();
  }
};

std::string Flow::json(const std::vector<eventlog::Position>& readable) {
  const std::lock_guard lock(mutex_);
  const env::TimeUs now_us = clock_.monotonic_us();
  if (last_.empty() || now_us - looked_us_ >= kLookAgainUs) {
    last_ = look(readable);
    looked_us_ = now_us;
  }
  return last_;
}

std::string Flow::look(const std::vector<eventlog::Position>& readable) {
  std::array<Stage, 3> looked_at = stages();
  for (Stage& stage : looked_at) look_at(stage, stage.topic == Topic::kChanges ? readable : decltype(readable){});
  return text_of(looked_at);
}

std::string Flow::unknown_json() const { return text_of(stages()); }

std::array<Flow::Stage, 3> Flow::stages() {
  return {{{"overflow", Topic::kOverflow, ingest::kDrainGroup},
           {"action", Topic::kActions, action::kActionGroup},
           {"reaction", Topic::kChanges, reaction::kReactionGroup}}};
}

std::string Flow::text_of(std::span<const Stage> stages) const {
  return json_text([&](JsonWriter& json) {
    json.begin_object().member("at", model::format_time(clock_.now_us()));
    json.key("stages").begin_array();
    for (const Stage& stage : stages) stage.write(json);
    json.end_array().end_object();
  });
}

void Flow::look_at(Stage& stage, const std::vector<eventlog::Position>& done) {
  const auto backlog = backlog_of(log_, stage.group, stage.topic, done);
  if (!backlog) return;
  stage.is_known = true;
  stage.partitions = backlog->size();
  for (uint32_t p = 0; p < backlog->size(); ++p)
    if (const Backlog& part = (*backlog)[p]; part.lag() > 0)
      stage.waiting.push_back({p, part.end, part.next, std::nullopt, false});
  std::sort(stage.waiting.begin(), stage.waiting.end(), [](const WaitingPart& a, const WaitingPart& b) {
    return std::pair(b.end - b.done, a.partition) < std::pair(a.end - a.done, b.partition);
  });
  for (size_t i = 0; i < std::min(stage.waiting.size(), kAgesOfStage); ++i)
    look_at_first(stage.topic, stage.waiting[i]);
}

// A reader that comes to nothing, and not to the end either, stands before a transaction that is not decided. What the
// log does not tell just now is not waited for: the lag is told all the same.
void Flow::look_at_first(Topic topic, WaitingPart& part) {
  const auto fetched = log_.read({topic, part.partition}, part.done, 1);
  if (!fetched) return;
  part.held = fetched->records.empty() && fetched->next < part.end;
  if (!fetched->records.empty()) part.oldest_us = received_us(topic, fetched->records.front().value);
}

std::optional<int64_t> Flow::received_us(Topic topic, std::string_view value) {
  const auto size = static_cast<int>(value.size());
  v1::Change change;
  v1::Envelope envelope;
  const bool is_change = topic == Topic::kChanges;
  if (is_change ? !change.ParseFromArray(value.data(), size) : !envelope.ParseFromArray(value.data(), size))
    return std::nullopt;
  const int64_t us = is_change ? change.received_at_us() : envelope.received_at_us();
  return us > 0 ? std::optional(us) : std::nullopt;
}

}  // namespace freshet::app
