// The schema registry. A tenant's schema is an immutable snapshot; who discovers a name publishes another one, which
// shares everything else with it (base/name_map.h). So a batch reads without a lock, and a discovery costs what is new,
// however many names there are.
//
// Two nodes may discover one name with two types at the same time. The log settles it: topic
// `schema` has one partition, its first record of a name counts, and each node takes that type over
// when it reads it. A removal counts where it stands in that order, too, and so does a widening, which joins its type
// to what the log has said so far: types join in any order to the same one.

#include "schema/registry.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "base/name_map.h"
#include "model/plan.h"

namespace freshet::schema {
namespace {

struct Entry {
  int64_t first_us = 0;
  Type type = Type::kUnknown;
  Type log_type = Type::kUnknown;  // as far as the log has said; `type` may have been widened since, here alone
  bool logged = false;             // the log has the name
  bool type_logged = false;        // and its type, which is settled for every node
};

using Names = NameMap<Entry>;

struct EventEntry {
  Entry self;
  Names attributes;
};

// What a tenant has. A published one never changes; a copy of it is three pointers.
struct Snapshot {
  NameMap<std::shared_ptr<const EventEntry>> events;
  Names user_attributes, device_attributes;

  [[nodiscard]] const EventEntry* event(std::string_view name) const {
    const std::shared_ptr<const EventEntry>* const found = events.find(name);
    return found == nullptr ? nullptr : found->get();
  }
};

const Names* names_of(const Snapshot& snapshot, Subject subject, const EventEntry* event) {
  if (subject == Subject::kUserAttribute) return &snapshot.user_attributes;
  if (subject == Subject::kDeviceAttribute) return &snapshot.device_attributes;
  return event == nullptr ? nullptr : &event->attributes;
}

const Entry* find_entry(const Snapshot& snapshot, Subject subject, const EventEntry* event, std::string_view name) {
  if (subject == Subject::kEvent) {
    const EventEntry* const found = snapshot.event(name);
    return found == nullptr ? nullptr : &found->self;
  }
  const Names* const names = names_of(snapshot, subject, event);
  return names == nullptr ? nullptr : names->find(name);
}

// Whether the limit leaves no room for one more name. An event that is not known has no room for
// attributes.
bool is_full(const Snapshot& snapshot, Subject subject, const EventEntry* event, const model::Limits& limits) {
  if (subject == Subject::kEvent) return snapshot.events.size() >= limits.event_names;
  const Names* const names = names_of(snapshot, subject, event);
  const uint32_t most = subject == Subject::kEventAttribute ? limits.event_attributes : limits.user_attributes;
  return names == nullptr || names->size() >= most;
}

// An event keeps its attributes when its own entry is replaced. An attribute in the log whose event is not there makes
// that event: the log is right.
void put(Snapshot& draft, Subject subject, std::string_view of, std::string_view name, const Entry& entry) {
  if (subject == Subject::kUserAttribute) {
    draft.user_attributes = draft.user_attributes.with(name, entry);
  } else if (subject == Subject::kDeviceAttribute) {
    draft.device_attributes = draft.device_attributes.with(name, entry);
  } else {
    const bool is_event = subject == Subject::kEvent;
    const EventEntry* const known = draft.event(is_event ? name : of);
    auto event = std::make_shared<EventEntry>();
    if (known != nullptr) {
      *event = *known;
    } else {
      event->self = {entry.first_us, Type::kUnknown, Type::kUnknown, true, true};
    }
    if (is_event) {
      event->self = entry;
    } else {
      event->attributes = event->attributes.with(name, entry);
    }
    draft.events = draft.events.with(is_event ? name : of, std::move(event));
  }
}

// An event goes with its attributes.
void take_away(Snapshot& draft, Subject subject, std::string_view of, std::string_view name) {
  switch (subject) {
    case Subject::kEvent: draft.events = draft.events.without(name); break;
    case Subject::kUserAttribute: draft.user_attributes = draft.user_attributes.without(name); break;
    case Subject::kDeviceAttribute: draft.device_attributes = draft.device_attributes.without(name); break;
    case Subject::kEventAttribute:
      if (const EventEntry* const known = draft.event(of); known != nullptr) {
        auto event = std::make_shared<EventEntry>(*known);
        event->attributes = event->attributes.without(name);
        draft.events = draft.events.with(of, std::move(event));
      }
      break;
  }
}

// What a known name says to a value of this type. nullopt: it is new, or this is the first value of a name that only
// was unset so far: it is to be learned.
std::optional<Verdict> verdict_of(const Entry* known, Subject subject, Type type) {
  if (known == nullptr) return std::nullopt;
  if (subject == Subject::kEvent || type == Type::kUnknown || type == known->type) return Verdict::kKnown;
  return known->type == Type::kUnknown ? std::nullopt : std::optional(Verdict::kWrongType);
}

v1::SchemaChange::Subject to_proto(Subject subject) {
  return static_cast<v1::SchemaChange::Subject>(static_cast<int>(subject) + 1);
}
// Protobuf keeps the number of a kind that a later version made; this version knows nothing to do with it.
bool is_known(v1::SchemaChange::Subject subject) {
  return subject != v1::SchemaChange::SUBJECT_UNSPECIFIED && v1::SchemaChange::Subject_IsValid(subject);
}
Subject subject_of(v1::SchemaChange::Subject subject) {
  FRESHET_ASSERT(is_known(subject));
  return static_cast<Subject>(subject - 1);
}

// One tenant's schema. Thread-safe.
class TenantSchema {
 public:
  [[nodiscard]] std::shared_ptr<const Snapshot> now() {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  // Of several sessions that find the same name at once, the first one's type stays.
  Verdict discover(const model::Limits& limits, Subject subject, std::string_view of, std::string_view name, Type type,
                   int64_t now_us) {
    const std::lock_guard lock(mutex_);
    const EventEntry* const event = subject == Subject::kEventAttribute ? current_->event(of) : nullptr;
    const Entry* const known = find_entry(*current_, subject, event, name);
    if (const auto verdict = verdict_of(known, subject, type)) return *verdict;
    if (known == nullptr && is_full(*current_, subject, event, limits)) return Verdict::kOverLimit;
    Entry entry = known == nullptr ? Entry{.first_us = now_us} : *known;
    FRESHET_ASSERT(!entry.type_logged);
    entry.type = type;
    publish(subject, of, name, entry);
    return Verdict::kDiscovered;
  }

  // The log's first record of a name counts, and its first record with a type, on every node.
  void apply(Subject subject, std::string_view of, std::string_view name, Type type, int64_t at_us) {
    const std::lock_guard lock(mutex_);
    const Entry* const known = entry_of(subject, of, name);
    const bool was_logged = known != nullptr && known->logged;
    const bool has_type = type != Type::kUnknown || subject == Subject::kEvent;
    if (was_logged && (known->type_logged || !has_type)) return;
    publish(subject, of, name, {was_logged ? known->first_us : at_us, type, type, true, has_type});
  }

  // A value of type `came` is here for a name of another type. It returns what the name has from now on, or nullopt if
  // no type holds both; *learned says that this call has made it so.
  std::optional<Type> widen(Subject subject, std::string_view of, std::string_view name, Type came, bool& learned) {
    const std::lock_guard lock(mutex_);
    learned = false;
    const Entry* const known = entry_of(subject, of, name);
    if (known == nullptr) return std::nullopt;  // It was removed a moment ago: the next value teaches it.
    const std::optional<Type> wide = widened(known->type, came);
    if (!wide || *wide == known->type) return wide;
    Entry entry = *known;
    entry.type = *wide;
    publish(subject, of, name, entry);
    learned = true;
    return wide;
  }

  // The log's widenings add up from its first type on. What only this node has widened so far comes behind in the log,
  // or is found again.
  void apply_widening(Subject subject, std::string_view of, std::string_view name, Type type, int64_t at_us) {
    const std::lock_guard lock(mutex_);
    const Entry* const known = entry_of(subject, of, name);
    Entry entry = known == nullptr || !known->logged ? Entry{.first_us = at_us} : *known;
    const std::optional<Type> wide = widened(entry.log_type, type);
    // A type that is widened to none settles nothing: who has discovered the name says its type.
    if (!wide || *wide == Type::kUnknown) return;
    entry.type = entry.log_type = *wide;
    entry.logged = entry.type_logged = true;
    publish(subject, of, name, entry);
  }

  void forget_widening(Subject subject, std::string_view of, std::string_view name) {
    const std::lock_guard lock(mutex_);
    const Entry* const known = entry_of(subject, of, name);
    // Without a type in the log, whoever has discovered the name has it under way there, and that settles it.
    if (known == nullptr || !known->type_logged || known->type == known->log_type) return;
    Entry entry = *known;
    entry.type = entry.log_type;
    publish(subject, of, name, entry);
  }

  // What the log has is never forgotten: another node's record of the same name may have come in
  // between.
  void forget(Subject subject, std::string_view of, std::string_view name) {
    const std::lock_guard lock(mutex_);
    const Entry* const known = entry_of(subject, of, name);
    if (known == nullptr || known->type_logged) return;
    if (known->logged)
      return publish(subject, of, name, {known->first_us, Type::kUnknown, Type::kUnknown, true, false});
    unpublish(subject, of, name);
  }

  // The log says that the name is none. One that this node has discovered and the log does not have yet stays: its own
  // record comes behind this one.
  void remove(Subject subject, std::string_view of, std::string_view name) {
    const std::lock_guard lock(mutex_);
    const Entry* const known = entry_of(subject, of, name);
    if (known != nullptr && known->logged) unpublish(subject, of, name);
  }

 private:
  const Entry* entry_of(Subject subject, std::string_view of, std::string_view name) const {
    const EventEntry* const event = subject == Subject::kEventAttribute ? current_->event(of) : nullptr;
    return find_entry(*current_, subject, event, name);
  }
  void publish(Subject subject, std::string_view of, std::string_view name, const Entry& entry) {
    auto next = std::make_shared<Snapshot>(*current_);
    put(*next, subject, of, name, entry);
    current_ = std::move(next);
  }
  void unpublish(Subject subject, std::string_view of, std::string_view name) {
    auto next = std::make_shared<Snapshot>(*current_);
    take_away(*next, subject, of, name);
    current_ = std::move(next);
  }

  std::mutex mutex_;
  std::shared_ptr<const Snapshot> current_ = std::make_shared<const Snapshot>();
};

void forget_change(TenantSchema& schema, const v1::SchemaChange& change) {
  const Subject subject = subject_of(change.subject());
  if (change.widens()) return schema.forget_widening(subject, change.of(), change.name());
  schema.forget(subject, change.of(), change.name());
}

// What the plan says of a property, in the schema's words; an integer is a number. nullopt: nothing, or several.
std::optional<Type> planned_type(const model::Plan& plan, std::string_view event, std::string_view property) {
  const std::string_view type = plan.type_of(event, property);
  if (type == "integer") return Type::kNumber;
  if (type == "array") return Type::kList;
  return type.empty() ? std::nullopt : parse_name<Type>(type);
}

class SessionImpl : public Registry::Session {
 public:
  SessionImpl(TenantSchema& schema, const model::Tenant& tenant, int64_t now_us)
      : schema_(schema), tenant_(tenant), now_us_(now_us), snapshot_(schema.now()) {}

  Verdict check(Subject subject, std::string_view of, std::string_view name, Type type) override {
    // A plan says which events there are; what their properties may be is for the plan alone.
    const bool has_plan = tenant_.plan != nullptr;
    if (has_plan && tenant_.strict_schema && subject == Subject::kEvent && !tenant_.plan->knows(name))
      return Verdict::kUnplanned;
    if (has_plan && subject == Subject::kEventAttribute && type != Type::kUnknown)
      if (const auto planned = planned_type(*tenant_.plan, of, name)) return check_planned(of, name, type, *planned);
    const Verdict verdict = learn(subject, of, name, type);
    return verdict == Verdict::kWrongType ? settle(subject, of, name, type) : verdict;
  }

  Expected expected() const override { return expected_; }

  void keep() override { kept_ = discoveries_.size(); }

  void drop() override {
    if (discoveries_.size() == kept_) return;
    FRESHET_ASSERT(kept_ < discoveries_.size());
    for (; discoveries_.size() > kept_; discoveries_.pop_back()) {
      forget_change(schema_, discoveries_.back());
    }
    look_again();
  }

  std::vector<v1::SchemaChange> take_discoveries() override {
    kept_ = 0;
    return std::exchange(discoveries_, {});
  }

 private:
  Verdict learn(Subject subject, std::string_view of, std::string_view name, Type type) {
    const EventEntry* const event = subject == Subject::kEventAttribute ? event_of(of) : nullptr;
    const Entry* const known = find_entry(*snapshot_, subject, event, name);
    if (const auto verdict = verdict_of(known, subject, type)) return *verdict;
    if (takes_only_known()) return known != nullptr ? Verdict::kKnown : Verdict::kUnplanned;
    if (known == nullptr && is_full(*snapshot_, subject, event, tenant_.limits)) return Verdict::kOverLimit;

    // The lock's holder may know more than this session's snapshot does, so discover() looks again.
    const Verdict verdict = schema_.discover(tenant_.limits, subject, of, name, type, now_us_);
    FRESHET_ASSERT(verdict != Verdict::kUnplanned);
    look_again();
    if (verdict == Verdict::kDiscovered) note(subject, of, name, type, false);
    return verdict;
  }

  // What the plan says of a property is what is learned of it, whatever comes first.
  Verdict check_planned(std::string_view of, std::string_view name, Type came, Type planned) {
    const Verdict verdict = learn(Subject::kEventAttribute, of, name, planned);
    if (verdict == Verdict::kOverLimit) return verdict;
    const bool fits = came == planned || (came == Type::kTime && planned == Type::kText);  // JSON writes a time as text
    if (fits || tenant_.conflicts != model::TypeConflicts::kCoerce)
      return verdict == Verdict::kWrongType ? Verdict::kKnown : verdict;
    expected_ = {planned, true};
    return Verdict::kWrongType;
  }

  Verdict settle(Subject subject, std::string_view of, std::string_view name, Type came) {
    const EventEntry* const event = subject == Subject::kEventAttribute ? event_of(of) : nullptr;
    const Entry* const known = find_entry(*snapshot_, subject, event, name);
    expected_ = {known == nullptr ? came : known->type, false};
    if (tenant_.conflicts != model::TypeConflicts::kWiden || takes_only_known()) return Verdict::kWrongType;
    const std::optional<Type> wide = widened(expected_.type, came);
    if (!wide || *wide == expected_.type) return Verdict::kWrongType;
    bool learned = false;
    // The lock's holder may know more, so it may be wider than that.
    const std::optional<Type> now = schema_.widen(subject, of, name, came, learned);
    look_again();
    if (!now) return Verdict::kWrongType;
    expected_.type = *now;
    if (!learned) return Verdict::kWrongType;
    note(subject, of, name, *now, true);
    return Verdict::kWidened;
  }

  [[nodiscard]] bool takes_only_known() const { return tenant_.strict_schema && tenant_.plan == nullptr; }

  void look_again() {
    snapshot_ = schema_.now();
    FRESHET_ASSERT(snapshot_ != nullptr);
    // The remembered event belongs to the old snapshot, which may be gone now.
    event_ = nullptr;
  }

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
  void note(Subject subject, std::string_view of, std::string_view name, Type type, bool widens) {
    v1::SchemaChange& change = discoveries_.emplace_back();
    change.set_tenant(tenant_.name);
    change.set_subject(to_proto(subject));
    change.set_of(std::string(of));
    change.set_name(std::string(name));
    if (subject != Subject::kEvent) change.set_type(std::string(name_of(type)));
    change.set_at_us(now_us_);
    change.set_widens(widens);
  }

  TenantSchema& schema_;
  const model::Tenant& tenant_;
  int64_t now_us_;
  std::shared_ptr<const Snapshot> snapshot_;
  const EventEntry* event_ = nullptr;
  std::string event_name_;
  Expected expected_;
  std::vector<v1::SchemaChange> discoveries_;
  size_t kept_ = 0;  // so many of them are of items that were kept
};

class RegistryImpl : public Registry {
 public:
  std::unique_ptr<Session> begin(const model::Tenant& tenant, int64_t now_us) override {
    return std::make_unique<SessionImpl>(schema_of(tenant.name), tenant, now_us);
  }

  void apply(const v1::SchemaChange& change) override {
    if (is_known(change.removes()))
      return schema_of(change.tenant()).remove(subject_of(change.removes()), change.of(), change.name());
    if (!is_known(change.subject())) return;
    TenantSchema& schema = schema_of(change.tenant());
    const Subject subject = subject_of(change.subject());
    const Type type = parse_name<Type>(change.type()).value_or(Type::kText);
    if (change.widens()) return schema.apply_widening(subject, change.of(), change.name(), type, change.at_us());
    schema.apply(subject, change.of(), change.name(), type, change.at_us());
  }

  void forget(const std::vector<v1::SchemaChange>& discoveries) override {
    for (const v1::SchemaChange& change : discoveries)
      if (is_known(change.subject())) forget_change(schema_of(change.tenant()), change);
  }

  bool knows(const std::string& tenant, Subject subject, std::string_view of, std::string_view name) override {
    const std::shared_ptr<const Snapshot> snapshot = snapshot_of(tenant);
    if (!snapshot) return false;
    return find_entry(*snapshot, subject, snapshot->event(of), name) != nullptr;
  }

  std::vector<Known> list(const std::string& tenant) override {
    std::vector<Known> known;
    const std::shared_ptr<const Snapshot> snapshot = snapshot_of(tenant);
    if (!snapshot) return known;
    const auto add_names = [&](Subject subject, const std::string& of, const Names& names) {
      names.each([&](const std::string& name, const Entry& entry) {
        known.push_back({subject, of, name, std::string(name_of(entry.type)), entry.first_us});
      });
    };
    snapshot->events.each([&](const std::string& name, const std::shared_ptr<const EventEntry>& event) {
      known.push_back({Subject::kEvent, "", name, "", event->self.first_us});
      add_names(Subject::kEventAttribute, name, event->attributes);
    });
    add_names(Subject::kUserAttribute, "", snapshot->user_attributes);
    add_names(Subject::kDeviceAttribute, "", snapshot->device_attributes);
    // Hash tables have no order that could be shown, and two nodes would list the same schema
    // differently.
    std::sort(known.begin(), known.end(), [](const Known& a, const Known& b) {
      return std::tie(a.subject, a.of, a.name) < std::tie(b.subject, b.of, b.name);
    });
    return known;
  }

 private:
  // A tenant's schema is made when it is first asked for and stays for ever, so references to it
  // stay valid.
  TenantSchema& schema_of(const std::string& tenant) {
    const std::lock_guard lock(mutex_);
    std::unique_ptr<TenantSchema>& slot = tenants_[tenant];
    if (!slot) slot = std::make_unique<TenantSchema>();
    return *slot;
  }

  std::shared_ptr<const Snapshot> snapshot_of(const std::string& tenant) {
    const std::lock_guard lock(mutex_);
    const auto found = tenants_.find(tenant);
    return found == tenants_.end() ? nullptr : found->second->now();
  }

  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<TenantSchema>> tenants_;
};

}  // namespace

std::unique_ptr<Registry> make_registry() { return std::make_unique<RegistryImpl>(); }

v1::SchemaChange removal_of(const std::string& tenant, const Known& known, int64_t now_us) {
  v1::SchemaChange change;
  change.set_tenant(tenant);
  change.set_removes(to_proto(known.subject));
  change.set_of(known.of);
  change.set_name(known.name);
  change.set_at_us(now_us);
  return change;
}

}  // namespace freshet::schema
