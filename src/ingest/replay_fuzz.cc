// What others may have written into topic `deadletters`, replayed. A letter goes in or is refused, once. What goes in
// is what a sender can send: a record of the letter's tenant with somebody in it, at its home, counted once however
// often the letter is replayed; and never what partitions say to one another, or rules.
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "ingest/sources.h"
#include "model/identifier.h"
#include "testing/fuzzed_records.h"
#include "testing/ingest_contract.h"
#include "testing/silent_fuzzing.h"

namespace freshet::ingest {
namespace {

v1::DeadLetter letter_of(v1::DeadLetter::Body type, std::string_view endpoint, const std::string& body) {
  v1::DeadLetter letter;
  letter.set_id("l1");
  letter.set_tenant("demo");
  letter.set_body_type(type);
  letter.set_endpoint(std::string(endpoint));
  letter.set_body(body);
  letter.set_received_at_us(1'700'000'000'000'000);
  return letter;
}

// An item by each address, whether it is one there or not, and a record of each kind.
const std::vector<v1::DeadLetter>& known_letters() {
  static const std::vector<v1::DeadLetter> known = [] {
    std::vector<v1::DeadLetter> all;
    for (const SourceRoute& route : routes())
      for (const char* const item :
           {R"({"type":"track","userId":"u1","event":"E","properties":{"a":1},"traits":{"email":"a@b.c"}})",
            R"({"type":"event","customer_id":"c1","actions":[{"action":"E","attributes":{"a":1}}]})",
            R"({"user":{"user_id":"u1"},"set":{"city":"Pune"},"event":"E"})", R"({"erase":{"user_id":"u1"}})"})
        all.push_back(letter_of(v1::DeadLetter::JSON_ITEM, route.endpoint, item));
    for (int kind = v1::Envelope::Kind_MIN; kind <= v1::Envelope::Kind_MAX; ++kind) {
      v1::Envelope record;
      record.set_tenant("demo");
      record.set_kind(static_cast<v1::Envelope::Kind>(kind));
      record.add_user()->set_type("user_id");
      record.mutable_user(0)->set_value("u1");
      record.mutable_loop()->set_type(v1::Loop::STEP);
      record.mutable_control()->set_revision(9);
      all.push_back(letter_of(v1::DeadLetter::ENVELOPE, "", record.SerializeAsString()));
    }
    return all;
  }();
  return known;
}

void check_record(const v1::Envelope& record, const v1::DeadLetter& letter, uint32_t partition) {
  FRESHET_ASSERT(record.tenant() == letter.tenant() && record.ledger() == "replay:" + letter.id());
  FRESHET_ASSERT(v1::Envelope::Kind_IsValid(record.kind()) && record.kind() != v1::Envelope::KIND_UNSPECIFIED);
  FRESHET_ASSERT(record.kind() != v1::Envelope::LOOP && record.kind() != v1::Envelope::CONTROL);
  const bool user = record.user_size() > 0;
  FRESHET_ASSERT(user || record.device_size() > 0);
  FRESHET_ASSERT(partition == model::home_of(record.tenant(), user ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE,
                                             user ? record.user(0) : record.device(0), 2));
}

void check_appended(contract::Ingest& ingest, const v1::DeadLetter& letter) {
  for (const eventlog::Produce& batch : ingest.log.appended) {
    if (batch.to.topic != eventlog::Topic::kActions) continue;
    std::string_view data = batch.records.data(), key, value;
    bool corrupt = false;
    while (eventlog::next_record(data, key, value, &corrupt)) {
      v1::Envelope record;
      FRESHET_ASSERT(record.ParseFromArray(value.data(), static_cast<int>(value.size())));
      check_record(record, letter, batch.to.partition);
    }
    FRESHET_ASSERT(!corrupt);
  }
  ingest.log.appended.clear();
}

}  // namespace
}  // namespace freshet::ingest

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t size_max, unsigned seed) {
  return freshet::mutate_records<freshet::v1::DeadLetter>(data, size, size_max, seed, freshet::ingest::known_letters());
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;  // NOLINT
  ingest::contract::Ingest ingest;
  ingest.log.keeps = true;
  for (const std::string_view bytes : fuzzed_records({reinterpret_cast<const char*>(data), size})) {
    v1::DeadLetter letter;
    if (!letter.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) continue;
    for (int again = 0; again < 2; ++again) {
      int ends = 0;
      const Status taken = ingest.service->replay(letter, [&](const Status&) { ++ends; });
      FRESHET_ASSERT(ends == (taken ? 1 : 0));
      FRESHET_ASSERT(taken || taken.error().code == Code::kInvalid);
      ingest::check_appended(ingest, letter);
    }
  }
  return 0;
}
