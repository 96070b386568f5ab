// The schema registry. A tenant's schema is an immutable snapshot; who discovers a name copies the
// part that it touches and publishes a new snapshot. Reading is frequent and discovering is rare,
// so a batch reads without a lock.
//
// Two nodes may discover one name with two types at the same time. The log settles it: topic
// `schema` has one partition, its first record of a name counts, and each node takes that type over
// when it reads it.

#include "schema/registry.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <tuple>
#include <utility>

#include "base/assert.h"

namespace freshet::schema {
namespace {

struct Entry {
  Type type = Type::kText;
  int64_t first_us = 0;
  bool logged = false;  // the log has it, so its type is settled for every node
};

// Looks std::string keys up by std::string_view (Debian's Abseil has a string_view of its own).
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class T>
using ByText = absl::flat_hash_map<std::string, T, TextHash, std::equal_to<>>;

using Names = ByText<Entry>;

struct EventEntry {
  Entry self;
  Names attributes;
};

// What a tenant has. It never changes: sessions read it without a lock, and a discovery publishes
// another one.
struct Snapshot {
  ByText<std::shared_ptr<const EventEntry>> events;
  std::shared_ptr<const Names> user_attributes = std::make_shared<const Names>();
  std::shared_ptr<const Names> device_attributes = std::make_shared<const Names>();

  [[nodiscard]] const EventEntry* event(std::string_view name) const {
    const auto found = events.find(name);
    return found == events.end() ? nullptr : found->second.get();
  }
};

// Changes a copy of one part of a snapshot. What is not touched is shared with the old one.
class Draft {
 public:
  explicit Draft(const Snapshot& base) : next_(std::make_shared<Snapshot>(base)) {}

  template <class Change>
  void change_event(std::string_view name, const Change& change) {
    std::shared_ptr<const EventEntry>& slot = next_->events[name];
    auto copy = slot ? std::make_shared<EventEntry>(*slot) : std::make_shared<EventEntry>();
    change(*copy);
    slot = std::move(copy);
  }
  template <class Change>
  void change_names(Subject subject, std::string_view of, const Change& change) {
    if (subject == Subject::kEventAttribute) return change_event(of, [&](EventEntry& e) { change(e.attributes); });
    std::shared_ptr<const Names>& slot =
        subject == Subject::kUserAttribute ? next_->user_attributes : next_->device_attributes;
    auto copy = std::make_shared<Names>(*slot);
    change(*copy);
    slot = std::move(copy);
  }
  void erase_event(std::string_view name) { next_->events.erase(name); }
  std::shared_ptr<const Snapshot> take() { return std::move(next_); }

 private:
  std::shared_ptr<Snapshot> next_;
};

const Names* names_of(const Snapshot& snapshot, Subject subject, const EventEntry* event) {
  if (subject == Subject::kUserAttribute) return snapshot.user_attributes.get();
  if (subject == Subject::kDeviceAttribute) return snapshot.device_attributes.get();
  return event == nullptr ? nullptr : &event->attributes;
}

const Entry* find_entry(const Snapshot& snapshot, Subject subject, const EventEntry* event, std::string_view name) {
  if (subject == Subject::kEvent) {
    const EventEntry* const found = snapshot.event(name);
    return found == nullptr ? nullptr : &found->self;
  }
  const Names* const names = names_of(snapshot, subject, event);
  if (names == nullptr) return nullptr;
  const auto found = names->find(name);
  return found == names->end() ? nullptr : &found->second;
}

// Whether the limit leaves no room for one more name. An event that is not known has no room for
// attributes.
bool is_full(const Snapshot& snapshot, Subject subject, const EventEntry* event, const model::Limits& limits) {
  if (subject == Subject::kEvent) return snapshot.events.size() >= limits.event_names;
  const Names* const names = names_of(snapshot, subject, event);
  const uint32_t most = subject == Subject::kEventAttribute ? limits.event_attributes : limits.user_attributes;
  return names == nullptr || names->size() >= most;
}

// An event keeps its attributes when its own entry is replaced.
void put(Draft& draft, Subject subject, std::string_view of, std::string_view name, const Entry& entry) {
  if (subject == Subject::kEvent) {
    draft.change_event(name, [&](EventEntry& e) { e.self = entry; });
  } else {
    draft.change_names(subject, of, [&](Names& names) { names.insert_or_assign(name, entry); });
  }
}

v1::SchemaChange::Subject to_proto(Subject subject) {
  return static_cast<v1::SchemaChange::Subject>(static_cast<int>(subject) + 1);
}

// One tenant's schema. Thread-safe.
class TenantSchema {
 public:
  [[nodiscard]] std::shared_ptr<const Snapshot> now() {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  // Of several sessions that find the same name at once, the first one's type stays.
  Verdict discover(const model::Limits& limits, Subject subject, std::string_view of, std::string_view name,
                   const Entry& entry) {
    const std::lock_guard lock(mutex_);
    const EventEntry* const event = subject == Subject::kEventAttribute ? current_->event(of) : nullptr;
    if (const Entry* const known = find_entry(*current_, subject, event, name); known != nullptr)
      return subject == Subject::kEvent || known->type == entry.type ? Verdict::kKnown : Verdict::kWrongType;
    if (is_full(*current_, subject, event, limits)) return Verdict::kOverLimit;
    FRESHET_ASSERT(!entry.logged);
    publish(subject, of, name, entry);
    return Verdict::kDiscovered;
  }

  void apply(Subject subject, std::string_view of, std::string_view name, Entry entry) {
    const std::lock_guard lock(mutex_);
    const EventEntry* const event = subject == Subject::kEventAttribute ? current_->event(of) : nullptr;
    const Entry* const known = find_entry(*current_, subject, event, name);
    if (known != nullptr && known->logged) return;  // the log's first record of a name counts, on every node
    entry.logged = true;
    publish(subject, of, name, entry);
  }

  // What the log has is never forgotten: another node's record of the same name may have come in
  // between.
  void forget(Subject subject, std::string_view of, std::string_view name) {
    const std::lock_guard lock(mutex_);
    const EventEntry* const event = subject == Subject::kEventAttribute ? current_->event(of) : nullptr;
    const Entry* const known = find_entry(*current_, subject, event, name);
    if (known == nullptr || known->logged) return;
    Draft draft(*current_);
    if (subject == Subject::kEvent) {
      draft.erase_event(name);
    } else {
      draft.change_names(subject, of, [&](Names& names) { names.erase(name); });
    }
    current_ = draft.take();
  }

 private:
  void publish(Subject subject, std::string_view of, std::string_view name, const Entry& entry) {
    Draft draft(*current_);
    put(draft, subject, of, name, entry);
    current_ = draft.take();
  }

  std::mutex mutex_;
  std::shared_ptr<const Snapshot> current_ = std::make_shared<const Snapshot>();
};

class SessionImpl : public Registry::Session {
 public:
  SessionImpl(TenantSchema& schema, const model::Tenant& tenant, int64_t now_us)
      : schema_(schema), tenant_(tenant), now_us_(now_us), snapshot_(schema.now()) {}

  Verdict check(Subject subject, std::string_view of, std::string_view name, Type type) override {
    const EventEntry* const event = subject == Subject::kEventAttribute ? event_of(of) : nullptr;
    if (const Entry* const known = find_entry(*snapshot_, subject, event, name); known != nullptr)
      return subject == Subject::kEvent || known->type == type ? Verdict::kKnown : Verdict::kWrongType;
    if (tenant_.strict_schema) return Verdict::kUnplanned;
    if (is_full(*snapshot_, subject, event, tenant_.limits)) return Verdict::kOverLimit;

    // The lock's holder may know more than this session's snapshot does, so discover() looks again.
    const Verdict verdict = schema_.discover(tenant_.limits, subject, of, name, {type, now_us_, false});
    FRESHET_ASSERT(verdict != Verdict::kUnplanned);
    snapshot_ = schema_.now();
    FRESHET_ASSERT(snapshot_ != nullptr);
    // The remembered event belongs to the old snapshot, which may be gone now.
    event_ = nullptr;
    if (verdict == Verdict::kDiscovered) note(subject, of, name, type);
    return verdict;
  }

  std::vector<v1::SchemaChange> take_discoveries() override { return std::exchange(discoveries_, {}); }

 private:
  // The attributes of one event come in a row, so its entry is looked up once.
  const EventEntry* event_of(std::string_view name) {
    if (event_ == nullptr || event_name_ != name) {
      event_ = snapshot_->event(name);
      event_name_ = name;
    }
    return event_;
  }

  // Notes a discovery for topic `schema`, from which all other nodes and a restart of this one
  // learn it.
  void note(Subject subject, std::string_view of, std::string_view name, Type type) {
    v1::SchemaChange& change = discoveries_.emplace_back();
    change.set_tenant(tenant_.name);
    change.set_subject(to_proto(subject));
    change.set_of(std::string(of));
    change.set_name(std::string(name));
    if (subject != Subject::kEvent) change.set_type(std::string(name_of(type)));
    change.set_at_us(now_us_);
  }

  TenantSchema& schema_;
  const model::Tenant& tenant_;
  int64_t now_us_;
  std::shared_ptr<const Snapshot> snapshot_;
  const EventEntry* event_ = nullptr;
  std::string event_name_;
  std::vector<v1::SchemaChange> discoveries_;
};

class RegistryImpl : public Registry {
 public:
  std::unique_ptr<Session> begin(const model::Tenant& tenant, int64_t now_us) override {
    return std::make_unique<SessionImpl>(schema_of(tenant.name), tenant, now_us);
  }

  void apply(const v1::SchemaChange& change) override {
    // Protobuf keeps the number of a kind that a later version made; this version knows nothing to do with it.
    if (change.subject() == v1::SchemaChange::SUBJECT_UNSPECIFIED ||
        !v1::SchemaChange::Subject_IsValid(change.subject()))
      return;
    schema_of(change.tenant())
        .apply(subject_of(change), change.of(), change.name(),
               {parse_name<Type>(change.type()).value_or(Type::kText), change.at_us(), true});
  }

  void forget(const std::vector<v1::SchemaChange>& discoveries) override {
    for (const v1::SchemaChange& change : discoveries)
      schema_of(change.tenant()).forget(subject_of(change), change.of(), change.name());
  }

  std::vector<Known> list(const std::string& tenant) override {
    std::vector<Known> known;
    const std::shared_ptr<const Snapshot> snapshot = snapshot_of(tenant);
    if (!snapshot) return known;
    const auto add_names = [&](Subject subject, const std::string& of, const Names& names) {
      for (const auto& [name, entry] : names)
        known.push_back({subject, of, name, std::string(name_of(entry.type)), entry.first_us});
    };
    for (const auto& [name, event] : snapshot->events) {
      known.push_back({Subject::kEvent, "", name, "", event->self.first_us});
      add_names(Subject::kEventAttribute, name, event->attributes);
    }
    add_names(Subject::kUserAttribute, "", *snapshot->user_attributes);
    add_names(Subject::kDeviceAttribute, "", *snapshot->device_attributes);
    // Hash tables have no order that could be shown, and two nodes would list the same schema
    // differently.
    std::sort(known.begin(), known.end(), [](const Known& a, const Known& b) {
      return std::tie(a.subject, a.of, a.name) < std::tie(b.subject, b.of, b.name);
    });
    return known;
  }

 private:
  static Subject subject_of(const v1::SchemaChange& change) { return static_cast<Subject>(change.subject() - 1); }

  // A tenant's schema is made when it is first asked for and stays for ever, so references to it
  // stay valid.
  TenantSchema& schema_of(std::string_view tenant) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<TenantSchema>& slot = tenants_[tenant];
    if (!slot) slot = std::make_unique<TenantSchema>();
    return *slot;
  }

  std::shared_ptr<const Snapshot> snapshot_of(std::string_view tenant) {
    const std::lock_guard lock(mutex_);
    const auto found = tenants_.find(tenant);
    return found == tenants_.end() ? nullptr : found->second->now();
  }

  std::mutex mutex_;
  ByText<std::unique_ptr<TenantSchema>> tenants_;
};

}  // namespace

std::unique_ptr<Registry> make_registry() { return std::make_unique<RegistryImpl>(); }

}  // namespace freshet::schema
