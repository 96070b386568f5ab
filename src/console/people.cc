#include "console/people.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "console/letter_routes.h"
#include "docstore/rules.h"
#include "freshet/v1/envelope.pb.h"
#include "model/document.h"
#include "model/identifier.h"
#include "model/time.h"

namespace freshet::console {

using eventlog::Topic;

namespace {

constexpr size_t kWaitingMax = 16;              // questions
constexpr eventlog::Offset kTailRecords = 200;  // that are looked at, of each partition
constexpr size_t kTailBytes = 256u << 10;       // the same
constexpr size_t kPeopleMax = 25;
constexpr size_t kFoundMax = 20;

// Somebody whose records came lately.
struct Person {
  v1::Identifier identifier;  // the most telling one of the last record
  int64_t received_at_us = 0;
  std::string event;  // of that record; "": it had none
};

// Only what a sender says of a person counts: orders and messages between partitions name identifiers, too, but nobody
// was there.
void take(const v1::Envelope& record, const std::string& tenant, std::map<std::string, Person>& seen) {
  const bool tells = record.kind() == v1::Envelope::TRACK || record.kind() == v1::Envelope::IDENTIFY;
  if (!tells || record.tenant() != tenant || record.user().empty()) return;
  const v1::Identifier& who = record.user(0);
  Person& one = seen[model::identifier_key(tenant, v1::ENTITY_KIND_USER, who)];
  if (record.received_at_us() < one.received_at_us) return;
  one = {who, record.received_at_us(), record.events().empty() ? "" : record.events(0).name()};
}

// The last ones first. A partition in which others were busy may show nobody of this tenant: that is what a bounded
// look costs, and the page says how far it looks.
Result<std::vector<Person>> seen_lately(eventlog::EventLog& log, const std::string& tenant) {
  FRESHET_ASSIGN(const auto marks, log.all_watermarks(Topic::kActions));
  std::map<std::string, Person> seen;
  v1::Envelope record;
  for (uint32_t p = 0; p < marks.size(); ++p) {
    eventlog::Offset from = std::max(marks[p].low, marks[p].high - kTailRecords);
    size_t bytes = 0;
    while (from < marks[p].high && bytes < kTailBytes) {
      FRESHET_ASSIGN(const auto fetched, log.read({Topic::kActions, p}, from, kTailBytes));
      for (const eventlog::RecordView& view : fetched.records) {
        bytes += view.value.size();
        if (record.ParseFromArray(view.value.data(), static_cast<int>(view.value.size()))) take(record, tenant, seen);
      }
      if (fetched.next <= from) break;  // the rest is not committed yet
      from = fetched.next;
    }
  }
  std::vector<Person> all;
  for (auto& [key, one] : seen) all.push_back(std::move(one));
  std::ranges::sort(all, std::greater{}, &Person::received_at_us);
  all.resize(std::min(all.size(), kPeopleMax));
  return all;
}

// What the store says of each of them, until all of it is there.
struct Asked {
  Admin::Call call;
  std::vector<Person> seen;
  std::vector<Result<std::string>> ids;  // of their profiles, in hex; "": there is none
  std::atomic<size_t> left{0};
};

// Of what can't be asked just now nothing is told, unless that is all there is.
void respond(const Asked& asked) {
  const auto unknown = [](const Result<std::string>& id) { return !id.has_value(); };
  if (!asked.ids.empty() && std::ranges::all_of(asked.ids, unknown)) return asked.call.fail(asked.ids[0].error());
  std::string out;
  {
    JsonWriter json(out);
    json.begin_object().key("people").begin_array();
    std::vector<std::string> told;
    for (size_t i = 0; i < asked.seen.size(); ++i) {
      // Two identifiers of one profile are one person.
      const std::string id = asked.ids[i].value_or("");
      if (id.empty() || std::ranges::find(told, id) != told.end()) continue;
      told.push_back(id);
      const Person& one = asked.seen[i];
      json.begin_object().member("id", id).member("type", one.identifier.type());
      json.member("value", one.identifier.value()).member("received_at", model::format_time(one.received_at_us));
      json.key("event");
      one.event.empty() ? json.null() : json.value(one.event);
      json.end_object();
    }
    json.end_array().end_object();
  }
  asked.call.ok(std::move(out));
}

}  // namespace

People::People(eventlog::EventLog& log, docstore::DocStore& store)
    : log_(log), store_(store), turns_("people", [this](bool last) {
        turn(last);
        return env::kUntilWoken;
      }) {}

void People::answer(const Admin::Call& call, Look look) {
  FRESHET_ASSERT(call.tenant != nullptr);
  {
    const std::lock_guard lock(mutex_);
    if (!ended_ && waiting_.size() < kWaitingMax) {
      waiting_.emplace_back(call, std::move(look));
      turns_.wake();
      return;
    }
  }
  call.fail(503, "busy", "others ask the same just now; come again in a moment");
}

void People::turn(bool last) {
  std::unique_lock lock(mutex_);
  ended_ = last;
  while (!waiting_.empty()) {
    const auto [call, look] = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    last ? call.fail(503, "busy", "this process ends") : look(call);
    lock.lock();
  }
}

// All of them are asked for at once; the store answers in any order, and the last answer is the one that is sent.
void People::recent(const Admin::Call& call) const {
  auto seen = seen_lately(log_, call.tenant->name);
  if (!seen) return call.fail(503, "busy", "the log does not answer: " + seen.error().message);
  const auto asked = std::make_shared<Asked>();
  asked->call = call;
  asked->seen = std::move(*seen);
  asked->ids.resize(asked->seen.size());
  asked->left = asked->seen.size();
  if (asked->seen.empty()) return respond(*asked);
  for (size_t i = 0; i < asked->seen.size(); ++i) {
    store_.find_soon(call.tenant->name, v1::ENTITY_KIND_USER, asked->seen[i].identifier,
                     [asked, i](const Result<std::optional<docstore::StoredDocument>>& found) {
                       if (!found) {
                         asked->ids[i] = tl::unexpected<Error>(found.error());
                       } else if (*found) {
                         asked->ids[i] = (*found)->key.id.hex();
                       }
                       if (asked->left.fetch_sub(1) == 1) respond(*asked);
                     });
  }
}

void recent_users(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(admin.options().people != nullptr);
  People& people = *admin.options().people;
  people.answer(call, [&people](const Admin::Call& asked) { people.recent(asked); });
}

void show_by_id(Admin& admin, Admin::Call& call) {
  const std::string id = from_hex(call.arguments[1]);
  if (id.size() != sizeof(Hash128::bytes))
    return call.fail(400, "bad_request", "the id of a profile has 32 hexadecimal digits");
  const docstore::EntityKey key{call.tenant->name, call.kind, Hash128::from(id)};
  admin.options().store->get_soon(key, [call, key](const Result<std::optional<docstore::StoredDocument>>& found) {
    if (!found) return call.fail(found.error());
    if (*found) return call.ok(model::document_json(key.tenant, key.kind, key.id.view(), (*found)->document));
    call.fail(404, "not_found", "no profile has this id now: never seen, merged into another, or erased");
  });
}

namespace {

// Of each the first value that begins so.
std::string found_json(const std::vector<docstore::StoredDocument>& found, const v1::Identifier& begin) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("found").begin_array();
  for (size_t i = 0; i < std::min(found.size(), kFoundMax); ++i) {
    json.begin_object().member("id", found[i].key.id.hex()).member("type", begin.type());
    json.member("value", docstore::first_with_prefix(found[i].document, begin).value_or("")).end_object();
  }
  json.end_array().member("more", found.size() > kFoundMax).end_object();
  return out;
}

}  // namespace

void search_profiles(Admin& admin, Admin::Call& call) {
  docstore::DocStore& store = *admin.options().store;
  if (!store.finds_by_prefix())
    return call.fail(
        409, "not_searchable",
        "profiles are read from action's state, which knows identifiers by their keyed hashes only: a whole "
        "identifier finds them. With profiles: {kind: embedded}, mongodb or split they can be searched");
  const auto begin = parse_lookup(call.request.body);
  if (!begin) return call.fail(begin.error());
  v1::Identifier identifier;
  identifier.set_type(begin->first);
  identifier.set_value(model::normalize_identifier(*call.tenant, begin->first, begin->second));
  if (identifier.value().empty()) return call.fail(400, "bad_request", "the value must have one character at least");
  // One more than is shown says whether there are more.
  store.find_by_prefix_soon(call.tenant->name, call.kind, identifier, kFoundMax + 1,
                            [call, identifier](const Result<std::vector<docstore::StoredDocument>>& found) {
                              if (!found) return call.fail(found.error());
                              call.ok(found_json(*found, identifier));
                            });
}

}  // namespace freshet::console
