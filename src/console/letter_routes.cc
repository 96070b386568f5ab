// /v1/tenants/{t}/deadletters and what is below: listing, showing and replaying dead letters.
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/json_writer.h"
#include "console/call.h"
#include "console/letters.h"

namespace freshet::console {
namespace {

constexpr size_t kLimitDefault = 50;
constexpr size_t kLimitMax = 1000;
constexpr size_t kReplayMax = 200;           // letters that one request replays
constexpr size_t kFindRecordsMax = 500'000;  // records that are looked at for letters of given ids

// What the body of a replay asks for.
struct Wanted {
  LetterFilter filter;
  LetterCursor after;
};

Result<Wanted> parse_replay(const std::string& tenant, const std::string& body) {
  const auto refused =
      fail(Code::kInvalid, R"(the body must be {"ids":["…"]} or {"code":"…"}, with "after":"…" to go on)");
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get_object().get(object) != simdjson::SUCCESS) return refused;
  Wanted wanted;
  wanted.filter.tenant = tenant;
  for (const auto field : object) {
    std::string_view text;
    simdjson::dom::array ids;
    if (field.key == "ids" && field.value.get_array().get(ids) == simdjson::SUCCESS) {
      for (const auto id : ids) {
        if (id.get_string().get(text) != simdjson::SUCCESS) return refused;
        wanted.filter.ids.emplace_back(text);
      }
    } else if (field.key == "code" && field.value.get_string().get(text) == simdjson::SUCCESS) {
      wanted.filter.code = text;
    } else if (field.key == "after" && field.value.get_string().get(text) == simdjson::SUCCESS) {
      auto cursor = parse_cursor(text);
      if (!cursor) return tl::unexpected<Error>(std::move(cursor).error());
      wanted.after = std::move(*cursor);
    } else {
      return refused;
    }
  }
  if (wanted.filter.ids.empty() == wanted.filter.code.empty()) return refused;
  if (wanted.filter.ids.size() > kReplayMax)
    return fail(Code::kInvalid, "at most " + std::to_string(kReplayMax) + " ids at once");
  return wanted;
}

// Counts the ends of a number of replays and answers at the last one. The callbacks come on any
// thread.
class Replays {
 public:
  Replays(size_t count, std::optional<std::string> next, std::function<void(std::string)> done)
      : waiting_(count), next_(std::move(next)), done_(std::move(done)) {}

  void end(const std::string& id, const Status& status) {
    std::unique_lock lock(mutex_);
    FRESHET_ASSERT(waiting_ > 0);  // each replay ends once
    if (status) {
      ++replayed_;
    } else {
      failed_.emplace_back(id, status.error().message);
    }
    if (--waiting_ > 0) return;
    // The answer is made without the lock, by the one thread that saw the last end.
    lock.unlock();
    finish();
  }
  void finish() {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("replayed", replayed_).key("failed").begin_array();
    for (const auto& [id, message] : failed_) {
      json.begin_object().member("id", id).member("message", message).end_object();
    }
    json.end_array().member("next", next_).end_object();
    done_(std::move(out));
  }

 private:
  std::mutex mutex_;
  size_t waiting_;
  size_t replayed_ = 0;
  std::vector<std::pair<std::string, std::string>> failed_;  // ids and messages
  std::optional<std::string> next_;
  std::function<void(std::string)> done_;
};

// A letter that is not found is an answer of its own: the topic may have dropped it.
std::vector<std::string> missing_ids(const std::vector<std::string>& ids, const std::vector<v1::DeadLetter>& letters) {
  std::vector<std::string> missing;
  for (const auto& id : ids) {
    const bool is_there = std::any_of(letters.begin(), letters.end(), [&id](const auto& l) { return l.id() == id; });
    if (!is_there) missing.push_back(id);
  }
  return missing;
}

std::optional<std::string> text_of(const std::optional<LetterCursor>& next) {
  return next ? std::optional(cursor_text(*next)) : std::nullopt;
}

}  // namespace

void Admin::letter_list(Call& call, const model::Tenant& tenant) {
  LetterBounds bounds{.limit = kLimitDefault};
  if (const std::string_view limit = call.parameter("limit"); !limit.empty()) {
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), bounds.limit);
    if (error != std::errc() || end != limit.data() + limit.size() || bounds.limit < 1 || bounds.limit > kLimitMax)
      return call.fail(400, "bad_request", "limit must be a number from 1 to " + std::to_string(kLimitMax));
  }
  const auto after = parse_cursor(call.parameter("after"));
  if (!after) return call.fail(after.error());
  const LetterFilter filter{tenant.name, std::string(call.parameter("code")), {}};
  const auto page = read_letters(*options_.log, filter, *after, bounds);
  if (!page) return call.fail(page.error());
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("deadletters").begin_array();
  for (const auto& letter : page->letters) json.raw(letter_json(letter, false));
  json.end_array().member("next", text_of(page->next)).end_object();
  call.ok(std::move(out));
}

void Admin::letter_show(Call& call, const model::Tenant& tenant) {
  const auto page = read_letters(*options_.log, {tenant.name, "", {call.arguments[1]}}, {}, {1, kFindRecordsMax});
  if (!page) return call.fail(page.error());
  if (page->letters.empty())
    return call.fail(404, "not_found",
                     "the tenant has no dead letter of this id: the topic may have dropped it by now");
  call.ok(letter_json(page->letters[0], true));
}

void Admin::letter_replay(Call& call, const model::Tenant& tenant) {
  const bool is_one = call.arguments.size() == 2;
  Wanted wanted;
  if (is_one) {
    wanted.filter = {tenant.name, "", {call.arguments[1]}};
  } else {
    auto parsed = parse_replay(tenant.name, call.request.body);
    if (!parsed) return call.fail(parsed.error());
    wanted = std::move(*parsed);
  }
  const bool by_id = !wanted.filter.ids.empty();
  // A letter may be there more than once, after an append that was repeated. Replaying it again
  // changes nothing, because action knows its ledger.
  LetterBounds bounds{by_id ? 4 * wanted.filter.ids.size() : kReplayMax,
                      by_id ? kFindRecordsMax : LetterBounds().records_max};
  auto page = read_letters(*options_.log, wanted.filter, wanted.after, bounds);
  if (!page) return call.fail(page.error());
  if (by_id && page->letters.empty())
    return call.fail(404, "not_found",
                     "the tenant has no dead letter of this id: the topic may have dropped it by now");
  if (by_id) page->next.reset();
  const std::vector<std::string> missing = missing_ids(wanted.filter.ids, page->letters);
  const auto replays = std::make_shared<Replays>(page->letters.size() + missing.size(), text_of(page->next),
                                                 [call](std::string json) { call.ok(std::move(json)); });
  if (page->letters.empty()) return replays->finish();
  for (const auto& id : missing) replays->end(id, fail(Code::kNotFound, "there is no dead letter of this id"));
  for (const auto& letter : page->letters) {
    options_.replay(letter, [replays, id = letter.id()](const Status& status) { replays->end(id, status); });
  }
}

}  // namespace freshet::console
