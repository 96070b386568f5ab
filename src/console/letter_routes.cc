// /v1/tenants/{t}/deadletters and what is below: listing, showing, counting and replaying dead letters.
#include "console/letter_routes.h"

#include <simdjson.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/json_writer.h"
#include "console/call.h"
#include "console/letter_keeper.h"
#include "console/spellings.h"

namespace freshet::console {
namespace {

using Kept = LetterKeeper::Kept;

constexpr size_t kLimitDefault = 50;
constexpr size_t kLimitMax = 1000;
constexpr size_t kReplayMax = 200;  // letters that one request replays
constexpr std::string_view kNotThere =
    "the tenant has no dead letter of this id: it may be too old, or one too many, by now";

// What the body of a replay asks for.
struct Wanted {
  LetterFilter filter;
  std::vector<std::string> ids;
  std::string after;
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
        wanted.ids.emplace_back(text);
      }
    } else if (field.key == "code" && field.value.get_string().get(text) == simdjson::SUCCESS) {
      wanted.filter.code = text;
    } else if (field.key == "after" && field.value.get_string().get(text) == simdjson::SUCCESS) {
      FRESHET_TRY(check_cursor(text));
      wanted.after = text;
    } else {
      return refused;
    }
  }
  if (wanted.ids.empty() == wanted.filter.code.empty()) return refused;
  if (wanted.ids.size() > kReplayMax)
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

using Replay = std::function<void(const v1::DeadLetter&, std::function<void(Status)>)>;

// Sends letters again, and answers when all of them have ended. `missing`: ids that lead to none.
void replay_all(const Replay& replay, const Admin::Call& call, const std::vector<v1::DeadLetter>& letters,
                const std::vector<std::string>& missing, std::optional<std::string> next) {
  const auto replays = std::make_shared<Replays>(letters.size() + missing.size(), std::move(next),
                                                 [call](std::string json) { call.ok(std::move(json)); });
  if (letters.empty() && missing.empty()) return replays->finish();
  for (const auto& id : missing) replays->end(id, fail(Code::kNotFound, "there is no dead letter of this id"));
  for (const auto& letter : letters) {
    const auto end = [replays, id = letter.id()](const Status& status) { replays->end(id, status); };
    if (letter.cut_bytes() == 0) {
      replay(letter, end);
    } else {
      end(fail(Code::kInvalid, "only the begin of its " + std::to_string(letter.cut_bytes()) +
                                   " bytes was kept: send it with its whole body"));
    }
  }
}

// People write JSON over several lines, and a record is one. A line break within a string of JSON is an escape, so what
// breaks a line is a blank.
std::string in_one_line(std::string body) {
  std::replace_if(body.begin(), body.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return body;
}

void replay_one(const Replay& replay, const Admin::Call& call, Kept kept) {
  auto letter = kept.letters.get(call.tenant->name, call.arguments[1]);
  if (!letter) return call.fail(letter.error());
  if (!*letter) return call.fail(404, "not_found", kNotThere);
  if (!call.request.body.empty()) {
    if ((*letter)->body_type() != v1::DeadLetter::JSON_ITEM)
      return call.fail(400, "bad_request",
                       "only an item of a request can be sent with another body: of a row, import the corrected file");
    (*letter)->set_body(in_one_line(call.request.body));
    (*letter)->clear_cut_bytes();
    // Who writes a body commands what is in it: the sender's key allowed what the sender wrote.
    if (call.visitor.role < Role::kErase) (*letter)->set_by_server_key(false);
  }
  replay_all(replay, call, {std::move(**letter)}, {}, std::nullopt);
}

void replay_ids(const Replay& replay, const Admin::Call& call, const Wanted& wanted, Kept kept) {
  std::vector<v1::DeadLetter> letters;
  std::vector<std::string> missing;
  for (const std::string& id : wanted.ids) {
    auto letter = kept.letters.get(call.tenant->name, id);
    if (!letter) return call.fail(letter.error());
    if (*letter) {
      letters.push_back(std::move(**letter));
    } else {
      missing.push_back(id);
    }
  }
  if (letters.empty()) return call.fail(404, "not_found", kNotThere);
  replay_all(replay, call, letters, missing, std::nullopt);
}

void replay_code(const Replay& replay, const Admin::Call& call, const Wanted& wanted, Kept kept) {
  auto page = kept.letters.page(wanted.filter, wanted.after, {.limit = kReplayMax});
  if (!page) return call.fail(page.error());
  replay_all(replay, call, page->letters, {}, std::move(page->next));
}

void post(const AdminOptions& options, const Admin::Call& call, LetterKeeper::Work work) {
  FRESHET_ASSERT(options.letters != nullptr && call.tenant != nullptr);
  if (const Status posted = options.letters->post(std::move(work)); !posted && posted.error().code == Code::kRetry)
    call.fail(posted.error());
}

}  // namespace

void list_letters(Admin& admin, Admin::Call& call) {
  const auto limit = call.limit(kLimitDefault, kLimitMax);
  if (!limit) return;
  std::string after(call.parameter("after"));
  if (const Status cursor = check_cursor(after); !cursor) return call.fail(cursor.error());
  post(admin.options(), call, [call, limit = *limit, after](Kept kept) {
    const LetterFilter filter{call.tenant->name, std::string(call.parameter("code")),
                              std::string(call.parameter("message_id"))};
    const auto page = kept.letters.page(filter, after, {.limit = limit});
    if (!page) return call.fail(page.error());
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("deadletters").begin_array();
    for (const auto& letter : page->letters) json.raw(letter_json(letter, false));
    json.end_array().member("next", page->next).end_object();
    call.ok(std::move(out));
  });
}

void count_letters(Admin& admin, Admin::Call& call) {
  post(admin.options(), call, [call](Kept kept) {
    const auto counts = kept.letters.counts(call.tenant->name);
    if (!counts) return call.fail(counts.error());
    const LetterUsage usage = kept.letters.usage(call.tenant->name);
    const LetterQuota& quota = kept.letters.quota();
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("counts").array(*counts, [](JsonWriter& one, const LetterCount& count) {
      one.begin_object().member("day", count.day).member("code", count.code).member("count", count.count).end_object();
    });
    json.key("kept").begin_object().member("letters", usage.letters).member("bytes", usage.bytes).end_object();
    json.key("quota").begin_object().member("letters", quota.letters).member("bytes", quota.bytes).end_object();
    json.end_object();
    call.ok(std::move(out));
  });
}

void list_violations(Admin& admin, Admin::Call& call) {
  post(admin.options(), call, [call, now_us = admin.options().clock->now_us()](Kept kept) {
    auto json = kept.violations.json(call.tenant->name, now_us);
    if (!json) return call.fail(json.error());
    call.ok(std::move(*json));
  });
}

void show_letter(Admin& admin, Admin::Call& call) {
  post(admin.options(), call, [call](Kept kept) {
    const auto letter = kept.letters.get(call.tenant->name, call.arguments[1]);
    if (!letter) return call.fail(letter.error());
    if (!*letter) return call.fail(404, "not_found", kNotThere);
    call.ok(letter_json(**letter, true));
  });
}

void replay_letters(Admin& admin, Admin::Call& call) {
  if (call.arguments.size() == 2)
    return post(admin.options(), call,
                [call, replay = admin.options().replay](Kept kept) { replay_one(replay, call, kept); });
  auto wanted = parse_replay(call.tenant->name, call.request.body);
  if (!wanted) return call.fail(wanted.error());
  post(admin.options(), call, [call, replay = admin.options().replay, wanted = std::move(*wanted)](Kept kept) {
    return wanted.ids.empty() ? replay_code(replay, call, wanted, kept) : replay_ids(replay, call, wanted, kept);
  });
}

void list_erasures(Admin& admin, Admin::Call& call) {
  const auto limit = call.limit(kLimitDefault, kLimitMax);
  if (!limit) return;
  std::string after(call.parameter("after"));
  if (const Status cursor = check_cursor(after); !cursor) return call.fail(cursor.error());
  post(admin.options(), call, [call, limit = *limit, after](Kept kept) {
    const auto all = kept.erasures.list(call.tenant->name, after, limit);
    if (!all) return call.fail(all.error());
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("erasures").array(*all, [](JsonWriter& one, const v1::Erasure& erasure) {
      one.raw(erasure_json(erasure));
    });
    json.member("next", all->size() < limit ? std::nullopt : std::optional(all->back().id())).end_object();
    call.ok(std::move(out));
  });
}

void show_erasure(Admin& admin, Admin::Call& call) {
  post(admin.options(), call, [call](Kept kept) {
    const auto erasure = kept.erasures.get(call.tenant->name, call.arguments[1]);
    if (!erasure) return call.fail(erasure.error());
    if (!*erasure) return call.fail(404, "not_found", "the tenant has no erasure of this id");
    call.ok(erasure_json(**erasure));
  });
}

void find_erasure(Admin& admin, Admin::Call& call) {
  auto identifier = parse_lookup(call.request.body);
  if (!identifier) return call.fail(identifier.error());
  post(admin.options(), call,
       [call, all = spellings_of(*call.tenant, identifier->first, identifier->second)](Kept kept) {
         for (const v1::Identifier& spelling : all) {
           const auto erasure = kept.erasures.find(call.tenant->name, spelling.value());
           if (!erasure) return call.fail(erasure.error());
           if (*erasure) return call.ok(erasure_json(**erasure));
         }
         call.fail(404, "not_found", "nobody with this identifier was ever to be erased");
       });
}

}  // namespace freshet::console
