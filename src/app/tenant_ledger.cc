#include "app/tenant_ledger.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <utility>

#include "action/control.h"
#include "app/json_output.h"
#include "app/log.h"
#include "app/plan_document.h"
#include "app/tenant_document.h"
#include "base/assert.h"
#include "base/parts_hash.h"
#include "base/secret.h"
#include "model/time.h"
#include "state/checkpoint/recover.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

using eventlog::Topic;
using Change = v1::TenantsChange;
using Part = Change::Part;

// After so long whoever has proposed something counts as gone.
constexpr env::TimeUs kFinishAfterUs = 3'000'000;
constexpr int kClaimsMax = 20;
// Of one record: a broker takes messages of 1 MiB.
constexpr size_t kRecordBytesMax = 256u << 10;
// Of documents that are proposed in one append.
constexpr size_t kProposedAtOnceBytes = 4u << 20;

telemetry::Counter& unreadable_tenants() {
  static telemetry::Counter& count =
      telemetry::counter("freshet_tenants_unreadable_total",
                         "Changes of tenants in the log that this version does not understand and left out.");
  return count;
}

void write_origin(JsonWriter& json, const TenantPart& part) {
  json.begin_object().member("from", part.by_api ? "api" : "file").member("revision", part.revision);
  json.member("at", model::format_time(part.at_us)).end_object();
}

// What an order by the API would put into the log, and the tenant, if it becomes another one.
struct Wanted {
  std::vector<Part> parts;
  std::optional<model::Tenant> tenant;
};

Part part_of(const std::string& tenant, Part::What what, const std::string& document) {
  Part part;
  part.set_tenant(tenant);
  part.set_what(what);
  part.set_document(document);
  return part;
}

Result<Wanted> read_plan_order(const console::TenantOrder& order) {
  if (!order.text) return Wanted{{part_of(order.name, Part::PLAN, "")}, std::nullopt};
  yaml::Problems problems("plan of " + order.name);
  const auto plan = read_plan(*order.text, problems);
  if (!plan) return fail(Code::kInvalid, problems.text());
  return Wanted{{part_of(order.name, Part::PLAN, plan->document)}, std::nullopt};
}

// A plan that the text has is put, too; one that it does not speak of stays.
Result<Wanted> read_settings_order(const console::TenantOrder& order) {
  if (!order.text) return Wanted{{part_of(order.name, Part::SETTINGS, "")}, std::nullopt};
  yaml::Problems problems("tenant " + order.name);
  auto tenant = read_tenant(order.name, *order.text, problems, TenantIs::kSent);
  if (!tenant) return fail(Code::kInvalid, problems.text());
  Wanted wanted{{part_of(order.name, Part::SETTINGS, tenant->document)}, std::nullopt};
  if (!tenant->plan.empty()) wanted.parts.push_back(part_of(order.name, Part::PLAN, tenant->plan));
  wanted.tenant = std::move(tenant->tenant);
  return wanted;
}

// Whether the tenant would have a key that commands, and that it has not now; null: there is no such tenant.
bool adds_commands(const model::Tenant* now, const model::Tenant& wanted) {
  std::set<SecretHash> known;
  if (now != nullptr)
    for (const std::string& key : now->server_keys) known.insert(SecretHash::of_configured(key));
  const bool adds_key = std::any_of(wanted.server_keys.begin(), wanted.server_keys.end(), [&](const std::string& key) {
    return !known.contains(SecretHash::of_configured(key));
  });
  if (adds_key || wanted.app_secret.empty()) return adds_key;
  const bool has_secret = now != nullptr && !now->app_secret.empty();
  return !has_secret || SecretHash::of_configured(now->app_secret) != SecretHash::of_configured(wanted.app_secret);
}

// Whether persons of the tenant would go where they do not go now: what has left nobody calls back.
bool adds_sinks(const model::Tenant* now, const model::Tenant& wanted) {
  return std::any_of(wanted.sinks.begin(), wanted.sinks.end(), [now](const model::Sink& sink) {
    return now == nullptr || std::find(now->sinks.begin(), now->sinks.end(), sink) == now->sinks.end();
  });
}

FileHash hash_of(const Config& config) {
  v1::Envelope record = action::control_record(config.tenants, 0, "", 0);
  record.mutable_control()->set_events_as_protobuf(config.events_as_protobuf);
  // Only what the file says: without the key it has the hash that it had before there was one.
  Config unsaid;
  unsaid.log.kind = config.log.kind;
  record.mutable_control()->set_events_if_read(writes_unread_events(config) != writes_unread_events(unsaid));
  FileHash hash;
  hash.rules = Installation::fingerprint(record.control());
  PartsHash whole;
  whole.add(hash.rules);
  constexpr std::string_view kBetween("\0", 1);
  for (const auto* const documents : {&config.tenant_documents, &config.tenant_plans}) {
    for (const auto& [name, document] : *documents) {
      for (const std::string_view part : {kBetween, std::string_view(name), kBetween}) whole.add(part);
      whole.add(document.text());
    }
  }
  hash.whole = whole.hash().hex();
  return hash;
}

void add_part(std::vector<Change>& changes, Change::Part part, uint64_t revision, int64_t at_us) {
  const bool fits = !changes.empty() && changes.back().ByteSizeLong() + part.document().size() < kRecordBytesMax;
  Change& change = fits ? changes.back() : changes.emplace_back();
  change.set_revision(revision);
  change.set_at_us(at_us);
  *change.add_parts() = std::move(part);
}

// Whether a file of this revision changes what there is to this document; "": it has none. kInvalid: the revision was
// published with another one.
Result<bool> file_changes(const TenantPart& now, const PackedText& document, uint64_t revision) {
  if (now.revision > revision) return false;
  if (document.empty()) return !now.document.empty() && !now.by_api && now.revision < revision;
  if (!now.by_api && now.document == document) return false;
  if (now.revision < revision) return true;
  return fail(Code::kInvalid, "");
}

}  // namespace

TenantLedger::TenantLedger(const TenantLedgerOptions& options)
    : options_(options), agreement_(*options.log, *options.registry, [this](const Change& change) { take(change); }) {
  FRESHET_ASSERT(options.installation != nullptr && options.clock != nullptr && options.random != nullptr);
  FRESHET_ASSERT(options.partitions > 0);
  static_cast<void>(unreadable_tenants());  // It is shown from the start.
}

void TenantLedger::take(const Change& change) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> unreadable;
  book_.set_phones_are_normal(agreement_.phones_are_normal());
  const std::vector<std::string> names = book_.take(change, unreadable);
  for (const std::string& name : names) {
    const TenantEntryPtr entry = book_.find(name);
    now_ = now_.with(*entry->tenant);
    if (!entry->is_there()) now_ = now_.without_keys(name);
    changed_[name] = entry->tenant;
  }
  for (const std::string& line : unreadable) {
    unreadable_tenants().add();
    log::error("a change of a tenant is not understood by this version, and left out here: {}", line);
  }
  if (!change.published()) return;
  proposed_at_us_.erase(change.revision());
  static telemetry::Gauge& count = telemetry::gauge("freshet_tenants", "Tenants that are there.");
  static telemetry::Gauge& revision = telemetry::gauge(
      "freshet_tenants_revision", "The highest revision of tenants and rules that is in force in this process.");
  count.set(static_cast<double>(book_.count()));
  revision.set(static_cast<double>(book_.revision()));
}

std::optional<TenantLedger::Changed> TenantLedger::take_changed() {
  const std::lock_guard lock(mutex_);
  if (changed_.empty()) return std::nullopt;
  return Changed{now_, std::exchange(changed_, {})};
}

ingest::Tenants TenantLedger::tenants() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

// ---- the steps of a change ----------------------------------------------------------------------------------------

Status TenantLedger::append_everywhere(const v1::Envelope& control) {
  const std::string record = control.SerializeAsString();
  std::vector<eventlog::Produce> batches(options_.partitions);
  // Each partition has its own order, so each gets a record with the rules.
  for (uint32_t p = 0; p < options_.partitions; ++p) {
    batches[p].to = {Topic::kActions, p};
    batches[p].records.add({}, record);
  }
  return append(*options_.log, std::move(batches));
}

Status TenantLedger::append_rules(const std::vector<v1::TenantRules>& rules, uint64_t revision) {
  std::vector<v1::TenantRules> part;
  size_t bytes = 0;
  for (size_t i = 0; i < rules.size(); ++i) {
    part.push_back(rules[i]);
    bytes += rules[i].ByteSizeLong();
    if (i + 1 < rules.size() && bytes < kRecordBytesMax) continue;
    FRESHET_TRY(append_everywhere(action::rules_record(part, revision, options_.clock->now_us())));
    part.clear();
    bytes = 0;
  }
  return {};
}

Status TenantLedger::finish(uint64_t revision) {
  std::vector<TenantBook::ProposedPart> parts;
  {
    const std::lock_guard lock(mutex_);
    const auto proposal = book_.proposals().find(revision);
    if (proposal == book_.proposals().end()) return {};
    parts = proposal->second.parts;
  }
  // Also rules that are as they were: another process may have left others in some partitions and not in all.
  std::vector<v1::TenantRules> rules;
  for (const TenantBook::ProposedPart& part : parts) {
    if (part.what != Part::SETTINGS || part.document.empty()) continue;
    yaml::Problems problems("tenant " + part.tenant);
    auto text = read_tenant(part.tenant, part.document.text(), problems);
    if (!text) return fail(Code::kRetry, "a change of a tenant is not understood by this version: " + problems.text());
    rules.push_back(std::move(text->tenant.rules));
  }
  FRESHET_TRY(append_rules(rules, revision));
  Change published;
  published.set_revision(revision);
  published.set_published(true);
  return agreement_.say({published});
}

Status TenantLedger::finish_all() {
  std::vector<uint64_t> revisions;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [revision, proposal] : book_.proposals()) revisions.push_back(revision);
  }
  for (const uint64_t revision : revisions) FRESHET_TRY(finish(revision));
  return {};
}

// Whoever has proposed it may only be slow: to finish it twice does no harm.
void TenantLedger::finish_stale() {
  const env::TimeUs now_us = options_.clock->monotonic_us();
  std::vector<uint64_t> stale;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [revision, proposal] : book_.proposals())
      if (now_us - proposed_at_us_.try_emplace(revision, now_us).first->second >= kFinishAfterUs)
        stale.push_back(revision);
  }
  for (const uint64_t revision : stale) {
    const Status finished = finish(revision);
    const std::lock_guard lock(mutex_);
    if (book_.proposals().contains(revision)) proposed_at_us_[revision] = now_us;  // not each turn
    if (finished) continue;
    log::warn("revision {} of the tenants is proposed and not published: {}", revision, finished.error().message);
  }
}

// ---- the file -----------------------------------------------------------------------------------------------------

Status TenantLedger::agree() {
  Installation& installation = *options_.installation;
  FRESHET_TRY(follow());
  FRESHET_TRY(agreement_.moves().check_open());
  FRESHET_ASSIGN(const auto key, agreement_.hash_key(installation.hash_key(), !installation.is_in_use()));
  FRESHET_TRY(installation.adopt_hash_key(key, "the topics of the log"));
  FRESHET_ASSIGN(const uint32_t partitions, agreement_.partitions(options_.partitions));
  FRESHET_TRY(state::check_partitions("topic schema says that the log is", partitions, options_.partitions));
  // The data directory remembers what it has seen, so a configuration that is out of date is
  // noticed without the log.
  return installation.learn_published(agreement_.file_revision(), agreement_.rules());
}

Status TenantLedger::check_keys(const model::Tenant& tenant) const {
  for (const auto* const keys : {&tenant.write_keys, &tenant.server_keys}) {
    for (const std::string& key : *keys) {
      const auto owner = now_.owner_of(SecretHash::of_configured(key));
      if (owner != nullptr && owner->name != tenant.name)
        return fail(Code::kConflict,
                    fmt::format("a key of {} is that of {} too; each must be its own", tenant.name, owner->name));
    }
  }
  const auto owner = now_.owner_of_app(tenant.app_id);
  if (owner == nullptr || owner->name == tenant.name) return {};
  return fail(Code::kConflict,
              fmt::format("the app_id of {} is that of {} too; each must be its own", tenant.name, owner->name));
}

// What came by the API is not in the file, and stays: the file must get along with it.
Status TenantLedger::check_file(const Config& config) const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> in_file;
  for (const model::Tenant& tenant : config.tenants) in_file.insert(tenant.name);
  size_t count = in_file.size();
  ingest::Tenants others;
  for (const auto& [name, entry] : book_.entries()) {
    if (!entry->is_there() || !entry->settings.by_api || in_file.contains(name)) continue;
    others = others.with(*entry->tenant);
    ++count;
  }
  if (count > kTenantsMax)
    return fail(Code::kInvalid, fmt::format("tenants: with those that came by the API there are {}, and at most {} "
                                            "may be",
                                            count, kTenantsMax));
  for (const model::Tenant& tenant : config.tenants) {
    std::string owner;
    for (const auto* const keys : {&tenant.write_keys, &tenant.server_keys})
      for (const std::string& key : *keys)
        if (const auto other = others.owner_of(SecretHash::of_configured(key))) owner = other->name;
    if (const auto other = others.owner_of_app(tenant.app_id)) owner = other->name;
    if (!owner.empty())
      return fail(Code::kInvalid, fmt::format("tenants: a key or the app_id of {} is that of {} too, which came by the "
                                              "API; each must be its own",
                                              tenant.name, owner));
  }
  return {};
}

Result<std::vector<TenantBook::ProposedPart>> TenantLedger::changes_of_file(const Config& config,
                                                                            uint64_t revision) const {
  const std::lock_guard lock(mutex_);
  std::vector<TenantBook::ProposedPart> changes;
  const auto compare = [&](const std::string& name, Part::What what, const TenantPart& now,
                           const PackedText& document) -> Status {
    const auto differs = file_changes(now, document, revision);
    if (!differs)
      return fail(Code::kInvalid, fmt::format("revision: {} was published with another tenant {}: raise it to {}",
                                              revision, name, agreement_.revision() + 1));
    if (*differs) changes.push_back({name, what, document});
    return {};
  };
  // Those that go come first: a key may go from one of them to another tenant.
  for (const auto& [name, entry] : book_.entries())
    if (!config.tenant_documents.contains(name)) FRESHET_TRY(compare(name, Part::SETTINGS, entry->settings, {}));
  for (const auto& [name, document] : config.tenant_documents) {
    const TenantEntryPtr entry = book_.find(name);
    const auto plan = config.tenant_plans.find(name);
    FRESHET_TRY(compare(name, Part::SETTINGS, entry == nullptr ? TenantPart() : entry->settings, document));
    FRESHET_TRY(compare(name, Part::PLAN, entry == nullptr ? TenantPart() : entry->plan,
                        plan == config.tenant_plans.end() ? PackedText() : plan->second));
  }
  return changes;
}

// A part of them at a time, so that not all documents are there as they are at once.
Status TenantLedger::propose(const std::vector<TenantBook::ProposedPart>& parts, uint64_t revision) {
  const int64_t now_us = options_.clock->now_us();
  std::vector<Change> changes;
  size_t bytes = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    add_part(changes, part_of(parts[i].tenant, parts[i].what, parts[i].document.text()), revision, now_us);
    bytes += parts[i].document.size();
    if (i + 1 < parts.size() && bytes < kProposedAtOnceBytes) continue;
    FRESHET_TRY(agreement_.say(changes));
    changes.clear();
    bytes = 0;
  }
  return {};
}

Status TenantLedger::publish(const Config& config, bool implicit) {
  FRESHET_ASSERT(!config.tenant_documents.empty());
  Installation& installation = *options_.installation;
  FRESHET_TRY(follow());
  FRESHET_TRY(finish_all());
  const FileHash file = hash_of(config);
  FRESHET_TRY(installation.learn_published(agreement_.file_revision(), agreement_.rules()));
  FRESHET_ASSIGN(const auto revision,
                 installation.revision_for(file, config.revision, agreement_.revision(), implicit));
  FRESHET_TRY(check_file(config));
  FRESHET_ASSIGN(const auto changes, changes_of_file(config, revision));
  // Claimed before it is published: two processes with different files must not both publish them
  // under one revision.
  FRESHET_TRY(agreement_.claim(revision, file));
  v1::Envelope base =
      action::control_record({}, options_.partitions, installation.hash_key(), options_.clock->now_us());
  base.mutable_control()->set_events_as_protobuf(config.events_as_protobuf);
  base.mutable_control()->set_events_if_read(!writes_unread_events(config));
  base.mutable_control()->set_revision(revision);
  FRESHET_TRY(append_everywhere(base));
  FRESHET_TRY(propose(changes, revision));
  FRESHET_TRY(finish(revision));
  // Remembered last: a crash before leads to publishing once more, which changes nothing.
  return installation.published(revision, file);
}

// ---- changes by the API -------------------------------------------------------------------------------------------

Result<std::optional<Change>> TenantLedger::change_of(const console::TenantOrder& order) const {
  const bool of_plan = order.what == console::TenantWhat::kPlan;
  FRESHET_ASSIGN(const auto wanted, of_plan ? read_plan_order(order) : read_settings_order(order));
  const std::lock_guard lock(mutex_);
  const TenantEntryPtr entry = book_.find(order.name);
  const bool is_there = entry != nullptr && entry->is_there();
  if (!is_there && (of_plan || !order.text)) return fail(Code::kNotFound, "there is no tenant " + order.name);
  if (!order.text && of_plan && entry->plan.document.empty())
    return fail(Code::kNotFound, "the tenant has no tracking plan");
  if (!is_there && (book_.count() >= kTenantsMax || book_.entries().size() >= kTenantsEverMax))
    return fail(Code::kConflict,
                fmt::format("there are {} tenants, and at most {} may be", book_.count(), kTenantsMax));
  if (wanted.tenant) FRESHET_TRY(check_keys(*wanted.tenant));
  const model::Tenant* const there = is_there ? entry->tenant.get() : nullptr;
  if (wanted.tenant && !order.may_entrust &&
      (adds_commands(there, *wanted.tenant) || adds_sinks(there, *wanted.tenant)))
    return std::optional<Change>();
  std::vector<Change> changes;
  for (const Part& part : wanted.parts) {
    const TenantPart* const now = entry == nullptr            ? nullptr
                                  : part.what() == Part::PLAN ? &entry->plan
                                                              : &entry->settings;
    if (now != nullptr && now->document.text() == part.document()) continue;
    add_part(changes, part, agreement_.revision() + 1, options_.clock->now_us());
  }
  if (changes.empty()) return std::optional(Change());
  // All of it is one record, which the claim is a part of.
  for (size_t i = 1; i < changes.size(); ++i) changes[0].mutable_parts()->MergeFrom(changes[i].parts());
  changes[0].set_by_api(true);
  return std::optional(std::move(changes[0]));
}

// Until nobody else takes the same revision: whoever loses looks again at what has come before.
Result<std::optional<std::string>> TenantLedger::make_change(const console::TenantOrder& order) {
  for (int attempt = 0; attempt < kClaimsMax; ++attempt) {
    FRESHET_TRY(follow());
    FRESHET_TRY(finish_all());
    FRESHET_ASSIGN(const auto change, change_of(order));
    if (!change) return std::optional<std::string>();
    if (change->parts_size() > 0) {
      FRESHET_ASSIGN(const bool is_first, agreement_.claim_change(*change, *options_.random));
      if (!is_first) continue;
      FRESHET_TRY(finish(change->revision()));
      telemetry::counter("freshet_tenant_changes_total", "Changes of tenants that came by this process's API.").add();
      log::info("tenant {}: {}{} by the API, revision {}", order.name,
                order.what == console::TenantWhat::kPlan ? "its plan was " : "", order.text ? "changed" : "removed",
                change->revision());
    }
    if (order.text) return order.what == console::TenantWhat::kPlan ? show_plan(order.name) : show(order.name);
    return json_text([&](JsonWriter& json) { json.begin_object().member("removed", order.name).end_object(); });
  }
  return fail(Code::kRetry, "others change tenants all the time; send it again in a moment");
}

// ---- what requests read -------------------------------------------------------------------------------------------

std::vector<std::shared_ptr<const model::Tenant>> TenantLedger::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const model::Tenant>> out;
  for (const auto& [name, entry] : book_.entries()) out.push_back(entry->tenant);
  return out;
}

std::vector<std::shared_ptr<const model::Tenant>> TenantLedger::present() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const model::Tenant>> out;
  for (const auto& [name, entry] : book_.entries())
    if (entry->is_there()) out.push_back(entry->tenant);
  return out;
}

std::shared_ptr<const model::Tenant> TenantLedger::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const TenantEntryPtr entry = book_.find(name);
  return entry == nullptr ? nullptr : entry->tenant;
}

std::vector<console::TenantSummary> TenantLedger::list(std::string_view after, size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<console::TenantSummary> out;
  for (auto at = book_.entries().upper_bound(after); at != book_.entries().end() && out.size() < limit; ++at) {
    const TenantPart& part = at->second->settings;
    if (at->second->is_there()) out.push_back({at->first, {part.revision, part.by_api, part.at_us}});
  }
  return out;
}

std::optional<std::string> TenantLedger::show(const std::string& name) const {
  TenantEntryPtr entry;
  {
    const std::lock_guard lock(mutex_);
    entry = book_.find(name);
  }
  if (entry == nullptr || !entry->is_there()) return std::nullopt;
  return json_text([&](JsonWriter& json) {
    json.begin_object().member("tenant", name);
    write_settings(json.key("settings"), entry->settings.document.text());
    write_keys(json.key("keys"), *entry->tenant);
    json.key("from").begin_object();
    write_origin(json.key("settings"), entry->settings);
    if (!entry->plan.document.empty()) write_origin(json.key("plan"), entry->plan);
    json.end_object().end_object();
  });
}

std::optional<std::string> TenantLedger::show_plan(const std::string& name) const {
  TenantEntryPtr entry;
  {
    const std::lock_guard lock(mutex_);
    entry = book_.find(name);
  }
  if (entry == nullptr || !entry->is_there() || entry->plan.document.empty()) return std::nullopt;
  return json_text([&](JsonWriter& json) {
    json.begin_object().member("tenant", name).key("plan").raw(entry->plan.document.text());
    write_origin(json.key("from"), entry->plan);
    json.end_object();
  });
}

}  // namespace freshet::app
