// One thread answers all readers. Whoever waits costs a place in a list, and no thread: the list is looked through
// twenty times a second, and a reader whose records have come, or whose time is over, is answered and taken out.
#include "console/streams.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/number.h"
#include "base/text.h"
#include "console/action_json.h"
#include "freshet/v1/envelope.pb.h"
#include "model/change_json.h"
#include "model/time.h"

namespace freshet::console {

using eventlog::Offset;
using eventlog::Topic;

namespace {

constexpr size_t kRecordsDefault = 1'000;
constexpr size_t kRecordsMax = 10'000;
constexpr size_t kWaitDefaultEvents = 25;
constexpr size_t kWaitSecondsMax = 60;
constexpr size_t kQuestionsMax = 256;
constexpr size_t kPageBytesMax = 4u << 20;    // of an answer, but for its last record
constexpr size_t kScanBytesMax = 8u << 20;    // of one turn, records of other tenants among them
constexpr size_t kReadBytesMax = 512u << 10;  // of one read
constexpr env::TimeUs kLookAgainUs = 50'000;
// A browser comes again after so long, with the cursor that it has.
constexpr std::string_view kRetryLine = "retry: 500\n\n";

// The record as a line of JSON, if it is the tenant's.
std::optional<std::string> event_line(std::string_view value, const std::string& tenant) {
  // Most records of others are told apart by this alone.
  if (value.find(tenant) == std::string_view::npos) return std::nullopt;
  thread_local simdjson::dom::parser parser;
  std::string_view of;
  if (parser.parse(value.data(), value.size())["tenant"].get_string().get(of) != simdjson::SUCCESS || of != tenant)
    return std::nullopt;
  return std::string(value);
}

std::optional<std::string> change_line(std::string_view value, const std::string& tenant) {
  v1::Change change;
  if (!change.ParseFromArray(value.data(), static_cast<int>(value.size())) || change.tenant() != tenant)
    return std::nullopt;
  return model::change_json(change);
}

std::optional<std::string> action_line(std::string_view value, const std::string& tenant) {
  // Most records of others are told apart by this alone.
  if (value.find(tenant) == std::string_view::npos) return std::nullopt;
  v1::Envelope record;
  if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())) || record.tenant() != tenant)
    return std::nullopt;
  return action_json(record);
}

std::optional<std::string> line_of(Topic topic, std::string_view value, const std::string& tenant) {
  if (topic == Topic::kEvents) return event_line(value, tenant);
  return topic == Topic::kChanges ? change_line(value, tenant) : action_line(value, tenant);
}

// Where it lies, and when it could be read here: for who follows a record from topic to topic.
std::string with_place(std::string_view line, uint32_t partition, Offset offset, env::TimeUs now_us) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("partition", partition)
      .member("offset", offset)
      .member("read_at", model::format_time(now_us))
      .key("record")
      .raw(line)
      .end_object();
  return out;
}

// Where what is not kept any more would be needed.
std::optional<std::string> lost_in(const StreamPlace& place, const std::vector<eventlog::Watermarks>& marks) {
  for (size_t p = 0; p < place.size(); ++p)
    if (place[p] < marks[p].low)
      return fmt::format(
          "partition {} has lost what lies from {} to {} to its retention; after=begin goes on with what "
          "is kept",
          p, place[p], marks[p].low);
  return std::nullopt;
}

StreamPlace ends_of(const std::vector<eventlog::Watermarks>& marks, bool high) {
  StreamPlace out;
  for (const eventlog::Watermarks& one : marks) out.push_back(high ? one.high : one.low);
  return out;
}

}  // namespace

std::string text_of_place(const StreamPlace& place) { return joined(place, "."); }

// A cursor is the next offset of each partition. It comes from outside: what it names is checked before it is read.
Result<StreamPlace> parse_place(std::string_view text, size_t partitions) {
  const auto refused = fail(Code::kInvalid, "after must be a cursor of an answer of this address, begin or end");
  StreamPlace out;
  while (true) {
    const size_t dot = std::min(text.find('.'), text.size());
    const auto offset = to_number<Offset>(text.substr(0, dot));
    if (!offset || *offset < 0) return refused;
    out.push_back(*offset);
    if (dot == text.size()) break;
    text.remove_prefix(dot + 1);
  }
  if (out.size() != partitions) return refused;
  return out;
}

Streams::Streams(eventlog::EventLog& log, env::Clock& clock)
    : log_(log), clock_(clock), turns_("streams", [this](bool last) { return turn(last); }) {}

void Streams::answer(Admin::Call& call, Topic topic) {
  FRESHET_ASSERT(call.tenant != nullptr);
  const bool as_events = lower_case(call.request.header("accept")).find("text/event-stream") != std::string::npos;
  const auto count = call.limit(kRecordsDefault, kRecordsMax);
  if (!count) return;
  const auto seconds = call.number("wait", as_events ? kWaitDefaultEvents : 0, 0, kWaitSecondsMax);
  if (!seconds) return call.fail(400, "bad_request", fmt::format("wait must be seconds, {} at most", kWaitSecondsMax));
  // A browser that comes again asks for the same address, and says in the header how far it is by now.
  std::string_view after = call.request.header("last-event-id");
  if (after.empty()) after = call.parameter("after");
  Question question{call, topic, {},    *count,        0, as_events, call.parameter("place") == "1",
                    {},   0,     false, after == "end"};
  if (!after.empty() && after != "begin" && after != "end") {
    auto place = parse_place(after, log_.partitions(topic));
    if (!place) return call.fail(place.error());
    question.place = std::move(*place);
  }
  question.until = clock_.monotonic_us() + static_cast<env::TimeUs>(*seconds) * 1'000'000;
  {
    const std::lock_guard lock(mutex_);
    if (!ended_ && waiting_.size() < kQuestionsMax) {
      waiting_.push_back(std::move(question));
      turns_.wake();
      return;
    }
  }
  call.fail(503, "busy", "too many readers wait already; come again in a moment");
}

env::TimeUs Streams::turn(bool last) {
  std::unique_lock lock(mutex_);
  ended_ = last;
  std::list<Question> turn = std::exchange(waiting_, {});
  lock.unlock();
  for (auto one = turn.begin(); one != turn.end();) one = look(*one, last) ? turn.erase(one) : std::next(one);
  lock.lock();
  FRESHET_ASSERT(!last || turn.empty());  // Who stops waits for nobody.
  waiting_.splice(waiting_.end(), turn);
  return waiting_.empty() ? env::kUntilWoken : kLookAgainUs;
}

// True: it was answered. A reader that waits hears of what was lost as soon as it is lost, and not when it asks again.
bool Streams::look(Question& question, bool last) {
  const auto marks = log_.all_watermarks(question.topic);
  if (marks && question.place.empty()) question.place = ends_of(*marks, question.from_end);
  if (!marks || marks->size() != question.place.size()) {
    question.call.fail(503, "busy", "the log does not answer");
    return true;
  }
  if (const auto lost = lost_in(question.place, *marks)) {
    question.call.fail(410, "gone", *lost);
    return true;
  }
  if (const Status done = read(question, *marks); !done) {
    question.call.fail(done.error());
    return true;
  }
  if (question.count == 0 && clock_.monotonic_us() < question.until && !last) return false;
  respond(question);
  return true;
}

Status Streams::read(Question& question, const std::vector<eventlog::Watermarks>& marks) {
  size_t scanned = 0;
  for (uint32_t p = 0; p < marks.size(); ++p) FRESHET_TRY(read_partition(question, p, marks[p].high, scanned));
  question.at_end = question.place == ends_of(marks, true);
  return {};
}

// The place moves with each record that was looked at, also another tenant's: who asks again does not read them again.
Status Streams::read_partition(Question& question, uint32_t partition, Offset high, size_t& scanned) {
  Offset& place = question.place[partition];
  const std::string& tenant = question.call.tenant->name;
  const auto full = [&] { return question.count >= question.limit || question.lines.size() >= kPageBytesMax; };
  while (place < high && scanned < kScanBytesMax && !full()) {
    FRESHET_ASSIGN(const auto fetched, log_.read({question.topic, partition}, place, kReadBytesMax));
    const Offset before = place;
    for (const eventlog::RecordView& record : fetched.records) {
      if (full()) return {};
      auto line = line_of(question.topic, record.value, tenant);
      place = record.offset + 1;
      scanned += record.value.size();
      if (!line) continue;
      if (question.places) *line = with_place(*line, partition, record.offset, clock_.now_us());
      ++question.count;
      // With a cursor of its own: an answer may break off behind any of them.
      question.lines +=
          question.as_events ? fmt::format("id: {}\ndata: {}\n\n", text_of_place(question.place), *line) : *line + "\n";
    }
    place = std::max(place, fetched.next);
    if (place == before) return {};  // The rest is not committed yet.
  }
  return {};
}

void Streams::respond(const Question& question) {
  const std::string cursor = text_of_place(question.place);
  http::Response response;
  response.content_type = question.as_events ? "text/event-stream" : "application/x-ndjson";
  response.headers = {{"Freshet-Cursor", cursor},
                      {"Freshet-At-End", question.at_end ? "true" : "false"},
                      {"Cache-Control", "no-store"},
                      {"X-Content-Type-Options", "nosniff"}};
  // An event without data only sets the id that a browser comes again with: others' records may have been passed since.
  response.body =
      question.as_events ? std::string(kRetryLine) + question.lines + "id: " + cursor + "\n\n" : question.lines;
  question.call.respond(std::move(response));
}

void stream_actions(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(admin.options().streams != nullptr);
  admin.options().streams->answer(call, Topic::kActions);
}

bool has_events(const Admin& admin, const Admin::Call& call) {
  if (!admin.options().events_if_read || !call.tenant->rules.events_unread()) return true;
  call.fail(409, "not_written",
            "nobody reads this tenant's events by configuration, so none are written: events: {keep: 7d} in "
            "freshet.yaml, with a higher revision, or a sink of the tenant with on: events has them written "
            "from then on");
  return false;
}

void stream_events(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(admin.options().streams != nullptr);
  if (admin.options().events_as_protobuf)
    return call.fail(409, "conflict", "events.format is protobuf: read the topic events itself");
  if (has_events(admin, call)) admin.options().streams->answer(call, Topic::kEvents);
}

void stream_changes(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(admin.options().streams != nullptr);
  if (admin.options().changes_written && !admin.options().changes_written())
    return call.fail(409, "not_written",
                     "profiles are read from action's state and nobody reads their changes by configuration, so none "
                     "are written: profiles: {changes: written} in freshet.yaml, or a sink with on: changes, has them "
                     "written from then on");
  admin.options().streams->answer(call, Topic::kChanges);
}

}  // namespace freshet::console
