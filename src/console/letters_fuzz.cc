// What others may have written into topic `deadletters`, as a console takes it in, shows it, and hands it on to be
// replayed: letters, notices of erasures and all else that comes that way. Nothing of it stops the keeper, and every
// question about it is answered once, as docs/api/admin.yaml says.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "freshet/v1/change.pb.h"
#include "testing/admin_contract.h"
#include "testing/fuzzed_records.h"
#include "testing/silent_fuzzing.h"

namespace freshet::console {
namespace {

v1::DeadLetter letter_of(v1::DeadLetter::Body type, const std::string& body) {
  v1::DeadLetter letter = make_letter(std::to_string(type) + "-1", "acme", "bad_time", 1'000'000, body);
  letter.set_body_type(type);
  return letter;
}

// One of each kind, with the body that it has.
const std::vector<v1::DeadLetter>& known_letters() {
  static const std::vector<v1::DeadLetter> known = [] {
    using Letter = v1::DeadLetter;
    v1::Envelope record;
    record.set_tenant("acme");
    record.set_kind(v1::Envelope::TRACK);
    record.add_user()->set_value("u1");
    record.add_events()->set_properties(R"({"id":7})");
    v1::Change change;
    change.set_tenant("acme");
    change.set_id(std::string(16, 'i'));
    change.add_ops()->mutable_value()->set_json(R"({"a":1})");
    v1::ErasureNotice notice;
    notice.set_message_id("m1");
    notice.set_id(std::string(16, 'i'));
    notice.add_suppressed(std::string(16, 's'));
    notice.add_freed(std::string(16, 'f'));
    v1::PlanViolations violations;
    violations.add_groups()->set_event("E");
    v1::LateRecords late;
    late.add_of()->set_value(std::string(16, 's'));
    v1::StatePlaces places;
    places.add_places()->set_offset(3);
    std::vector<Letter> all = {letter_of(Letter::JSON_ITEM, R"({"userId":"u1"})"),
                               letter_of(Letter::ENVELOPE, record.SerializeAsString()),
                               letter_of(Letter::CHANGE, change.SerializeAsString()),
                               letter_of(Letter::CSV_ROW, "u1,7"),
                               letter_of(Letter::ERASURE_NOTICE, notice.SerializeAsString()),
                               letter_of(Letter::PLAN_VIOLATIONS, violations.SerializeAsString()),
                               letter_of(Letter::LATE_RECORDS, late.SerializeAsString()),
                               letter_of(Letter::STATES_SCRUBBED, places.SerializeAsString())};
    all.push_back(all[0]);
    all.back().set_uncounted(7);
    return all;
  }();
  return known;
}

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, '%').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out;
}

// Requests of whoever may do everything, and whether they are answered as is said.
class Visitor {
 public:
  explicit Visitor(contract::Console& console) : console_(console) {}

  void ask(const std::string& method, const std::string& path, const std::string& query = {},
           const std::string& body = {}) {
    http::Request request;
    request.method = method;
    request.path = "/v1/tenants/acme/" + path;
    request.query = query;
    request.headers.emplace_back("authorization", "Bearer e");
    request.body = body;
    request.remote = "192.0.2.1";
    contract::Asked& asked = asked_.emplace_back();
    contract::ask(*console_.admin, std::move(request), asked);
    const std::string fault = contract::fault_of(asked);
    if (fault.empty()) return;
    std::fprintf(stderr, "%s %s: %s\n", method.c_str(), path.c_str(), fault.c_str());
    std::abort();
  }

 private:
  contract::Console& console_;
  std::deque<contract::Asked> asked_;
};

void ask_about(Visitor& visitor, const std::set<std::string>& ids) {
  for (const char* const path : {"deadletters/counts", "violations", "erasures"}) visitor.ask("GET", path);
  std::string all;
  JsonWriter json(all);
  json.begin_object().key("ids").begin_array();
  std::string last;
  for (const std::string& id : ids) {
    const std::string encoded = percent_encoded(id);
    visitor.ask("GET", "deadletters/" + encoded);
    visitor.ask("GET", "erasures/" + encoded);
    visitor.ask("GET", "deadletters", "limit=1&after=" + percent_encoded(last));
    visitor.ask("POST", "deadletters/" + encoded + "/replay");
    visitor.ask("POST", "deadletters/" + encoded + "/replay", {}, "{\"a\":\n1}");
    json.value(id);
    last = id;
  }
  json.end_array().end_object();
  visitor.ask("GET", "deadletters", "limit=1000");
  visitor.ask("POST", "deadletters/replay", {}, all);
  visitor.ask("POST", "deadletters/replay", {}, R"({"code":"bad_time"})");
}

}  // namespace
}  // namespace freshet::console

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed) {
  return freshet::mutate_records<freshet::v1::DeadLetter>(data, size, size_max, seed,
                                                          freshet::console::known_letters());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;  // NOLINT
  console::contract::Console console;
  std::set<std::string> ids;
  uint32_t partition = 0;
  for (const std::string_view bytes : fuzzed_records({reinterpret_cast<const char*>(data), size})) {
    console.log.add_bytes(partition, std::string(bytes));
    partition = 1 - partition;
    v1::DeadLetter letter;
    if (letter.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) && !letter.id().empty())
      ids.insert(letter.id());
  }
  FRESHET_ASSERT(console.admin->options().letters->turn().has_value());
  console::Visitor visitor(console);
  console::ask_about(visitor, ids);
  // What was taken in is what a start finds.
  FRESHET_ASSERT(console.keeper.open()->turn().has_value());
  return 0;
}
