#include "floor/loop.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json_writer.h"
#include "model/time.h"

namespace freshet::bench {
namespace {

constexpr std::string_view kTenant = "acme";
constexpr std::string_view kHashKey = "0123456789abcdef";
constexpr size_t kAttributesMax = 256;

EventCount& count(Entity& entity, std::string_view event, env::TimeUs now_us) {
  auto at = std::ranges::find(entity.events, event, &EventCount::name);
  if (at == entity.events.end()) at = entity.events.insert(at, EventCount{std::string(event), 0, 0});
  ++at->count;
  at->last_us = std::max(at->last_us, now_us);
  return *at;
}

// As in the product the later time wins, and there are only so many.
void set_traits(std::span<const Trait> traits, Entity& entity, env::TimeUs now_us) {
  for (const Trait& trait : traits) {
    auto at = std::ranges::find(entity.attributes, trait.name, &Attribute::name);
    if (at == entity.attributes.end()) {
      if (entity.attributes.size() == kAttributesMax) continue;
      at = entity.attributes.insert(at, Attribute{std::string(trait.name), {}, 0});
    }
    if (now_us < at->time_us) continue;
    at->value.assign(trait.value);
    at->time_us = now_us;
  }
}

void serialize(const Entity& entity, std::string& row) {
  row.clear();
  append_number(row, entity.last_seen_us);
  append_number(row, entity.version);
  for (const Attribute& attribute : entity.attributes) {
    append_text(row, attribute.name);
    append_text(row, attribute.value);
    append_number(row, attribute.time_us);
  }
  for (const EventCount& event : entity.events) {
    append_text(row, event.name);
    append_number(row, event.count);
    append_number(row, event.last_us);
  }
}

}  // namespace

void Loop::add_users(uint64_t users) {
  entities_.resize(users);
  aliases_.reserve(users);
  for (uint64_t i = 0; i < users; ++i) {
    const std::string user = fmt::format("u{:09}", i);
    Entity& entity = entities_[i];
    entity.id = key_of(user);
    entity.attributes = {{"email", user + "@example.com", 1}, {"city", "Pune", 1}, {"plan", "free", 1}};
    aliases_.emplace(entity.id, static_cast<uint32_t>(i));
  }
}

Hash128 Loop::key_of(std::string_view user) {
  if (!parts_.has(Part::kKeys)) return hash128(user);
  key_text_.assign(kTenant).append("\0user\0user_id\0", 14).append(user);
  return keyed_hash128(kHashKey, key_text_);
}

Status Loop::take(const std::string& body, env::TimeUs now_us) {
  FRESHET_TRY(reader_.read(body, parts_.has(Part::kChecks) ? &checks_ : nullptr));
  if (parts_.has(Part::kEvents)) received_at_ = model::format_time(now_us);
  FRESHET_TRY(drop_repeated());
  for (size_t i = 0; i < reader_.items().size(); ++i) {
    const Item& item = reader_.items()[i];
    if (!item.fits || !first_[i]) continue;
    if (parts_.has(Part::kLog)) log_item(item);
    apply(item, now_us);
  }
  return {};
}

Status Loop::drop_repeated() {
  if (!parts_.has(Part::kSeen)) {
    first_.assign(reader_.items().size(), true);
    return {};
  }
  messages_.clear();
  for (const Item& item : reader_.items()) {
    key_text_.assign(kTenant).append(1, '\0').append(item.message_id);
    messages_.push_back(hash128(key_text_));
  }
  return seen_.take(messages_, first_);
}

// The log's record has what a consumer needs and not the JSON around it.
void Loop::log_item(const Item& item) {
  for (const std::string_view part : {item.type, item.message_id, item.user, item.event, item.properties})
    append_text(incoming_, part);
  for (const Trait& trait : reader_.traits_of(item)) {
    append_text(incoming_, trait.name);
    append_text(incoming_, trait.value);
  }
}

void Loop::apply(const Item& item, env::TimeUs now_us) {
  Entity* const entity = find(item.user);
  if (entity == nullptr) return;
  set_traits(reader_.traits_of(item), *entity, now_us);
  const EventCount* const counted = item.type == "track" ? &count(*entity, item.event, now_us) : nullptr;
  entity->last_seen_us = std::max(entity->last_seen_us, now_us);
  ++entity->version;
  ++applied_;
  if (parts_.has(Part::kChanges)) say_change(*entity, item, counted);
  if (parts_.has(Part::kEvents) && counted != nullptr) say_event(*entity, item);
}

// A look-up is what is left of identity: hash, find, mark as changed.
Entity* Loop::find(std::string_view user) {
  const auto found = aliases_.find(key_of(user));
  if (found == aliases_.end()) return nullptr;
  Entity& entity = entities_[found->second];
  if (!entity.changed) {
    entity.changed = true;
    changed_.push_back(found->second);
  }
  return &entity;
}

// What was set, and not all that there is.
void Loop::say_change(const Entity& entity, const Item& item, const EventCount* counted) {
  changes_.append(kTenant).append(entity.id.view());
  append_number(changes_, entity.version);
  append_number(changes_, entity.last_seen_us);
  for (const Trait& trait : reader_.traits_of(item)) {
    append_text(changes_, trait.name);
    append_text(changes_, trait.value);
  }
  if (counted == nullptr) return;
  append_text(changes_, counted->name);
  append_number(changes_, counted->count);
  append_number(changes_, counted->last_us);
}

void Loop::say_event(const Entity& entity, const Item& item) {
  const size_t begin = events_.size();
  JsonWriter json(events_);
  json.begin_object().member("message_id", item.message_id).member("tenant", kTenant);
  json.member("user", entity.id.hex()).member("event", item.event);
  json.key("properties").raw(item.properties.empty() ? "{}" : item.properties);
  json.member("timestamp", item.timestamp).member("received_at", received_at_).member("source", "segment");
  json.key("enriched").begin_object();
  for (const Attribute& attribute : entity.attributes)
    if (attribute.name == "email" || attribute.name == "city") json.member(attribute.name, attribute.value);
  json.end_object().end_object();
  append_number(events_, events_.size() - begin);
}

// One write with one sync, whatever there is. Keys are numbers, big-endian: they rise, so the store never has to look
// for a place.
Status Loop::append() {
  log_batch_.clear();
  std::string key(9, '\0');
  for (size_t i = 0; i < 8; ++i) key[i + 1] = static_cast<char>(log_next_ >> (56 - 8 * i));
  ++log_next_;
  for (std::string* const records : {&incoming_, &changes_, &events_}) {
    ++key[0];
    if (records->empty()) continue;
    log_batch_.put(key, *records);
    records->clear();
  }
  if (log_batch_.count() == 0) return {};
  return stores_.log.write(log_batch_, parts_.has(Part::kLog) ? kv::Durability::kSynced : kv::Durability::kLogged);
}

Status Loop::write_behind() {
  if (parts_.has(Part::kState) && !changed_.empty()) {
    std::ranges::sort(changed_, {}, [this](uint32_t at) { return entities_[at].id; });
    FRESHET_TRY(stores_.state.write_sorted([this](kv::SortedRows& rows) {
      for (const uint32_t at : changed_) {
        serialize(entities_[at], row_);
        rows.put(entities_[at].id.view(), row_);
      }
    }));
    written_ += changed_.size();
  }
  for (const uint32_t at : changed_) entities_[at].changed = false;
  changed_.clear();
  return parts_.has(Part::kSeen) ? seen_.write() : Status{};
}

}  // namespace freshet::bench
