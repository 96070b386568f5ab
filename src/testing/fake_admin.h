// What the admin listener stands on, in memory.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "console/admin.h"
#include "console/letter_keeper.h"
#include "console/tenants.h"
#include "model/identifier.h"
#include "testing/clock.h"
#include "testing/event_log.h"
#include "testing/memory_store.h"
#include "testing/switched_store.h"

namespace freshet::console {

// A keeper of letters that does everything within the calls.
struct FakeKeeper {
  explicit FakeKeeper(eventlog::EventLog& log, docstore::DocStore& store, env::Clock& clock) {
    options.hash_key = std::string(16, 'k');
    options.log = &log;
    options.profiles = &store;
    options.clock = &clock;
    options.threads = false;
    options.mend = [this] {
      if (switches->fail_writes) return Status(fail(Code::kFatal, "the disk is gone"));
      switches->ill = false;
      return Status{};
    };
    options.quota.age_us = 100ll * 366 * 86'400 * 1'000'000;  // letters of tests are of 1970
  }
  // Opens what the one before has left.
  std::shared_ptr<LetterKeeper> open() {
    auto store = std::make_shared<eventlog::embedded::SwitchedStore>(kv::open_memory(disk, {}), switches);
    auto started = LetterKeeper::start(std::move(store), options);
    FRESHET_ASSERT(started.has_value());
    return std::shared_ptr<LetterKeeper>(std::move(*started));
  }

  KeeperOptions options;
  std::shared_ptr<kv::MemoryDisk> disk = std::make_shared<kv::MemoryDisk>();
  std::shared_ptr<eventlog::embedded::StoreSwitches> switches = std::make_shared<eventlog::embedded::StoreSwitches>();
};

class FakeStore final : public docstore::DocStore {
 public:
  void put(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier, v1::Document document) {
    docstore::StoredDocument stored;
    stored.key = {tenant, kind, hash128(identifier.value())};
    stored.document = std::move(document);
    documents_[model::identifier_key(tenant, kind, identifier)] = stored;
  }

  void write(std::vector<v1::Change>, docstore::WriteDone) override {}
  Status sync() override { return {}; }
  Result<std::optional<docstore::StoredDocument>> get(const docstore::EntityKey& key) override {
    if (refusal) return tl::unexpected<Error>(*refusal);
    for (const auto& [identifier, stored] : documents_)
      if (stored.key.tenant == key.tenant && stored.key.id == key.id) return std::optional(stored);
    return std::nullopt;
  }
  void remove_all() { documents_.clear(); }
  Result<std::optional<docstore::StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                                       const v1::Identifier& identifier) override {
    if (refusal) return tl::unexpected<Error>(*refusal);
    const auto found = documents_.find(model::identifier_key(tenant, kind, identifier));
    if (found == documents_.end()) return std::nullopt;
    return std::optional(found->second);
  }
  Result<std::vector<docstore::StoredDocument>> list(const std::string&, v1::EntityKind, std::string_view,
                                                     size_t) override {
    return std::vector<docstore::StoredDocument>();
  }
  std::optional<Error> refusal;  // of whatever is looked for

 private:
  std::map<std::string, docstore::StoredDocument> documents_;
};

// Only its topic `deadletters`, which can have gaps between its offsets.
class FakeLog final : public eventlog::FakeLog {
 public:
  explicit FakeLog(uint32_t partitions) : eventlog::FakeLog(partitions), partitions_(partitions) {}

  void add(uint32_t partition, const v1::DeadLetter& letter, eventlog::Offset gap = 0) {
    partitions_[partition].high += gap;
    add_bytes(partition, letter.SerializeAsString());
  }
  // Whatever that is.
  void add_bytes(uint32_t partition, std::string record) {
    Partition& p = partitions_[partition];
    p.records[p.high++] = std::move(record);
  }
  // Records before `before` are gone.
  void drop(uint32_t partition, eventlog::Offset before) {
    Partition& p = partitions_[partition];
    p.low = std::min(before, p.high);
    p.records.erase(p.records.begin(), p.records.lower_bound(p.low));
  }

  eventlog::Watermarks actions;  // of each partition of that topic
  eventlog::Watermarks overflow;
  Result<eventlog::Watermarks> watermarks(eventlog::TopicPartition partition) override {
    if (partition.topic == eventlog::Topic::kActions) return actions;
    if (partition.topic == eventlog::Topic::kOverflow) return overflow;
    if (partition.topic != eventlog::Topic::kDeadLetters) return eventlog::Watermarks{};
    const Partition& p = partitions_[partition.partition];
    return eventlog::Watermarks{p.low, p.high};
  }
  Result<eventlog::Fetched> read(eventlog::TopicPartition partition, eventlog::Offset from, size_t bytes_max) override {
    const Partition& p = partitions_[partition.partition];
    eventlog::Fetched out;
    out.from = partition;
    if (partition.topic != eventlog::Topic::kDeadLetters) return out;
    out.next = std::max(from, p.low);
    size_t bytes = 0;
    for (auto i = p.records.lower_bound(out.next); i != p.records.end() && bytes < bytes_max; ++i) {
      out.records.push_back({i->first, "", i->second});
      out.next = i->first + 1;
      bytes += i->second.size();
    }
    return out;
  }
  // What workers were asked for since the last call: "PARTITION:OFFSET " of each.
  std::string asked() {
    std::string out;
    for (const eventlog::Produce& batch : std::exchange(appended_, {})) {
      std::string_view data = batch.records.data(), key, value;
      bool corrupt = false;
      while (eventlog::next_record(data, key, value, &corrupt)) {
        v1::DeadLetter letter;
        v1::StatePlaces places;
        if (!letter.ParseFromString(std::string(value)) || letter.body_type() != v1::DeadLetter::STATES_TO_SCRUB ||
            !places.ParseFromString(letter.body()))
          continue;
        for (const auto& place : places.places())
          out += std::to_string(place.partition()) + ":" + std::to_string(place.offset()) + " ";
      }
    }
    return out;
  }
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override {
    for (eventlog::Produce& batch : batches) appended_.push_back(std::move(batch));
    done({});
  }
  env::TimeUs lingers = 0;
  Result<env::TimeUs> lingers_us(eventlog::Topic) override { return lingers; }
  Status trim(eventlog::TopicPartition partition, eventlog::Offset before) override {
    if (partition.topic == eventlog::Topic::kDeadLetters) drop(partition.partition, before);
    return {};
  }
  uint64_t disk_bytes() override { return 123'456'789; }

 private:
  struct Partition {
    eventlog::Offset low = 0;
    eventlog::Offset high = 0;
    std::map<eventlog::Offset, std::string> records;
  };
  std::vector<Partition> partitions_;
  std::vector<eventlog::Produce> appended_;
};

// Tenants of these names; what one is changed to is kept as it was sent, but for "wrong", "taken" and, of whoever may
// not, keys that command.
class FakeDesk final : public TenantDesk {
 public:
  explicit FakeDesk(std::initializer_list<const char*> names) {
    for (const char* name : names) texts_[name] = "{}";
  }
  std::shared_ptr<const model::Tenant> find(const std::string& name) const override {
    if (!texts_.contains(name)) return nullptr;
    return std::make_shared<const model::Tenant>(model::default_tenant(name));
  }
  std::vector<TenantSummary> list(std::string_view after, size_t limit) const override {
    std::vector<TenantSummary> out;
    for (auto at = texts_.upper_bound(after); at != texts_.end() && out.size() < limit; ++at)
      if (at->second) out.push_back({at->first, {7, true, 0}});
    return out;
  }
  std::optional<std::string> show(const std::string& name) const override {
    const auto found = texts_.find(name);
    return found == texts_.end() ? std::nullopt : found->second;
  }
  std::optional<std::string> show_plan(const std::string& name) const override {
    const auto found = plans_.find(name);
    return found == plans_.end() ? std::nullopt : found->second;
  }
  void change(TenantOrder order, Done done) override {
    const auto& [name, what, text, may_entrust] = order;
    if (text == R"({"server_keys":["k"]})" && !may_entrust) return done(std::nullopt);
    if (text == "wrong") return done(fail(Code::kInvalid, "tenant " + name + ":1:1: wrong"));
    if (text == "taken") return done(fail(Code::kConflict, "a key is another's"));
    (what == TenantWhat::kPlan ? plans_ : texts_)[name] = text;
    done(std::optional(text ? *text : R"({"removed":true})"));
  }

 private:
  std::map<std::string, std::optional<std::string>, std::less<>> texts_, plans_;
};

inline v1::DeadLetter make_letter(const std::string& id, const std::string& tenant, const std::string& code,
                                  env::TimeUs received_at_us, const std::string& body = "{}") {
  v1::DeadLetter letter;
  letter.set_id(id);
  letter.set_tenant(tenant);
  letter.set_code(code);
  letter.set_reason("reason of " + code);
  letter.set_source("segment");
  letter.set_received_at_us(received_at_us);
  letter.set_body(body);
  letter.set_body_type(v1::DeadLetter::JSON_ITEM);
  return letter;
}

inline v1::Field& add_field(v1::Document& document, v1::Section section, const std::string& name) {
  v1::Field& field = *document.add_fields();
  field.set_section(section);
  field.set_name(name);
  return field;
}

}  // namespace freshet::console
