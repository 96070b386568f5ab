// Wires the roles of a process together. There are no cycles among them: each part is given
// pointers to those before it, and stages meet in the log only. open() is the order of a start and
// stop() that of an end.

#include "app/server.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "action/engine.h"
#include "action/late_records.h"
#include "action/worker.h"
#include "app/audit_file.h"
#include "app/canary.h"
#include "app/checkpoints.h"
#include "app/clock_watch.h"
#include "app/disk_check.h"
#include "app/installation.h"
#include "app/letters.h"
#include "app/listeners.h"
#include "app/log.h"
#include "app/log_disks.h"
#include "app/log_looks.h"
#include "app/log_watch.h"
#include "app/objectives.h"
#include "app/overflow.h"
#include "app/profiles.h"
#include "app/retirement.h"
#include "app/savepoint.h"
#include "app/signal_exporter.h"
#include "app/sinks.h"
#include "app/small_file.h"
#include "app/stages.h"
#include "app/stages_room.h"
#include "app/state_profiles.h"
#include "app/state_scrubs.h"
#include "app/stores.h"
#include "app/tenant_keeper.h"
#include "app/trace_exporter.h"
#include "app/vitals.h"
#include "base/assert.h"
#include "base/version.h"
#include "console/admin.h"
#include "console/lookout.h"
#include "console/people.h"
#include "console/streams.h"
#include "docstore/reads_aside.h"
#include "http/server.h"
#include "ingest/service.h"
#include "ingest/sources/csv/import_json.h"
#include "ingest/sources/csv/import_ledger.h"
#include "ingest/sources/csv/import_store.h"
#include "ingest/sources/csv/imports.h"
#include "kv/store.h"
#include "reaction/reactor.h"
#include "state/partition_state.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"

namespace freshet::app {
namespace {

using eventlog::Topic;

constexpr uint32_t kStopGraceMs = 3000;
// Of large requests that wait for their turn.
constexpr size_t kLaneBytesMax = 128u << 20;
// Of logs, which are to delay nobody: requests that wait, and what is on its way into the log, where it shares a disk.
constexpr size_t kLogsLaneBytesMax = 32u << 20;
constexpr size_t kImportsLaneBytesMax = 64u << 20;
constexpr size_t kLogsInflightBytesMax = 8u << 20;
// How often the stores are looked after.
constexpr env::TimeUs kLookUs = 1'000'000;
// How often imports that are too old are looked for.
constexpr env::TimeUs kExpireUs = 3'600'000'000;
// Who of many tenants has a name in the metrics: every change makes new series.
constexpr env::TimeUs kRankUs = 3'600'000'000;
constexpr size_t kExpiredAtOnce = 100;
// Between two syncs of the embedded profile store; a crash reads again what came since the last one.
constexpr env::TimeUs kProfilesSyncUs = 10'000'000;
// Of action on Kafka, where a commit is a transaction: that takes tens of milliseconds, however little is in it.
constexpr size_t kKafkaBatchBytesMax = 4u << 20;

uint32_t cores() { return std::max(1u, std::thread::hardware_concurrency()); }

// How state.memory is shared out: the cache of the state's store (mostly its indexes and filters),
// the state's rows in memory, the cache of the profile store, and the changes that wait for its
// sync (half of what is allowed, as a sync that is under way has another half).
struct MemoryPlan {
  uint64_t state_store, rows, profiles, pending;
  explicit MemoryPlan(const Config& config) : MemoryPlan(config.state.memory_bytes) {
    // Where profiles are read from the rows, these have the memory of both.
    if (profiles_kind(config) == Config::Profiles::Kind::kState) rows += profiles + 2 * pending;
  }

 private:
  explicit MemoryPlan(uint64_t total)
      : state_store(total / 8), rows(total / 8 * 5), profiles(total / 8), pending(total / 16) {}
};

// Up to where changes can be read.
std::vector<eventlog::Position> readable_of(const std::vector<std::unique_ptr<reaction::Reactor>>& reactors) {
  std::vector<eventlog::Position> all;
  for (const auto& reactor : reactors) {
    const std::vector<eventlog::Position> of_one = reactor->readable();
    all.insert(all.end(), of_one.begin(), of_one.end());
  }
  return all;
}

CheckNextFile check_of(std::weak_ptr<kv::Store> store) {
  return [store = std::move(store)](std::string& cursor) -> Result<uint64_t> {
    const std::shared_ptr<kv::Store> open = store.lock();
    if (open) return open->check_next_file(cursor);
    cursor.clear();
    return uint64_t{0};
  };
}

// What is checked beside the stores that come and go.
void start_disk_check(DiskCheck& check, docstore::DocStore* profiles, eventlog::EventLog& log,
                      const std::string& data_dir) {
  if (profiles != nullptr)
    check.add("profiles", [profiles](std::string& cursor) { return profiles->check_next_file(cursor); });
  check.add("log", [&log](std::string& cursor) { return log.check_next_file(cursor); });
  check.add("installation", [data_dir](std::string& cursor) -> Result<uint64_t> {
    cursor.clear();
    FRESHET_TRY(read_small_file(data_dir + "/installation"));
    return uint64_t{0};
  });
  check.start();
}

// Progress that is old serves nobody, and names files. What was imported stays imported.
void expire_imports(ingest::ImportStore& imports, env::TimeUs before_us) {
  const auto old = imports.complete_before(before_us, kExpiredAtOnce);
  if (!old) log::warn("imports: what is old is not forgotten: {}", old.error().message);
  if (!old) return;
  for (const auto& [tenant, id] : *old) {
    if (const Status removed = imports.remove(tenant, id); removed) continue;
    return log::warn("imports: not all that are old are forgotten; it goes on in an hour");
  }
  if (!old->empty()) log::info("imports: forgot {} that were complete long ago", old->size());
}

void expire_now_and_then(ingest::ImportStore* imports, env::TimeUs now, env::TimeUs& due, env::TimeUs before_us) {
  if (imports == nullptr || now < due) return;
  due = now + kExpireUs;
  expire_imports(*imports, before_us);
}

void rank_tenants_now_and_then(env::TimeUs now, env::TimeUs& due) {
  if (now < due) return;
  due = now + kRankUs;
  telemetry::rank_tenants();
}

telemetry::TracerOptions tracer_options(const Config& config) {
  telemetry::TracerOptions out{.sample = config.tracing.sample, .slow_us = config.tracing.slow_us};
  if (config.log.kind == Config::LogKind::kKafka) {
    out.systems.log = "kafka";
    out.systems.topic_prefix = config.log.topic_prefix;
  }
  if (!config.profiles.mongodb_uri.empty()) out.systems.store = "mongodb";
  return out;
}

// A page of what Imports lists, for the console. One more than is shown says whether there is a next page. The imports
// outlive the listener that asks.
auto lister_of(ingest::ImportStore& imports) {
  return [&imports](const std::string& tenant, const std::string& after, size_t limit) -> Result<std::string> {
    if (const auto refreshed = imports.refresh(); !refreshed) return tl::unexpected(refreshed.error());
    FRESHET_ASSIGN(auto all, imports.list(tenant, after, limit + 1));
    const bool goes_on = all.size() > limit;
    if (goes_on) all.pop_back();
    return ingest::import_list_json(all, goes_on);
  };
}

// Null: the log is here, or nobody wants to know.
std::unique_ptr<LogDisks> watch_log_disks(const Config& config) {
  if (config.log.kind != Config::LogKind::kKafka || (!config.roles.ingest && !config.roles.console)) return nullptr;
  auto disks = std::make_unique<LogDisks>(config);
  disks->start();
  return disks;
}

// Null: the log deletes by itself.
std::unique_ptr<Retirement> retire_changes(const Config& config, eventlog::EventLog& log, env::Clock& clock) {
  if (config.log.kind != Config::LogKind::kKafka) return nullptr;
  auto retirement = std::make_unique<Retirement>(log, clock);
  retirement->start();
  return retirement;
}

auto savepoint_asker(state::Checkpointer& checkpointer, size_t workers) {
  return [&checkpointer, workers](bool ask) {
    if (ask) checkpointer.ask();
    return savepoint_json(checkpointer.asked(), workers);
  };
}

auto finder_of(StateProfiles& profiles) {
  return [&profiles](const console::SoughtMessage& sought, std::function<void(Result<bool>)> done) {
    profiles.find_message(sought.tenant, sought.kind, sought.senders, sought.message_id, std::move(done));
  };
}

// Null: nobody else is looked at.
std::shared_ptr<console::Lookout> lookout_of(const Config::Console& at, env::Clock& clock) {
  if (at.fleet.empty() && at.peers.empty()) return nullptr;
  return std::make_shared<console::Lookout>(
      console::LookoutOptions{.fleet = at.fleet, .peers = at.peers, .token = at.token}, clock);
}

// What the console orders goes into the log on the way of what comes in. The service outlives the admin listener.
void send_through(ingest::Service& service, eventlog::EventLog& log, env::Clock& clock,
                  console::AdminOptions& options) {
  // A refusal is told by the result and not by the callback, which the admin listener does not tell apart.
  options.submit = [&service](v1::Envelope envelope, std::function<void(Status)> done) {
    if (Status status = service.submit(std::move(envelope), done); !status) done(std::move(status));
  };
  options.replay = replayer_of(service, log, clock);
  options.remove_names = [&service](std::vector<v1::SchemaChange> removals, std::function<void(Status)> done) {
    ingest::Outgoing out;
    out.schema_changes = std::move(removals);
    service.appender().append(std::move(out), std::move(done));
  };
}

// What could not be sent is told the next time.
void tell_late_records(const std::shared_ptr<action::LateRecordCounter>& counter, eventlog::EventLog& log,
                       env::Clock& clock, env::Random& random) {
  std::vector<v1::DeadLetter> letters = counter->take(clock.now_us(), random);
  if (letters.empty()) return;
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = {eventlog::Topic::kDeadLetters, 0};
  for (const v1::DeadLetter& letter : letters) batches[0].records.add("", letter.SerializeAsString());
  log.append(std::move(batches), [counter, letters = std::move(letters)](const Status& status) {
    if (!status) counter->put_back(letters);
  });
}

// Times before 1970 are what nothing here can order records by.
Status check_clock(env::Clock& clock) {
  if (clock.now_us() > 0) return {};
  return fail(Code::kFatal, "the system's clock shows a time before 1970: set it, then start again");
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(const Config& config) : config_(config), clock_(env::real_clock()), random_(env::real_random()) {}
  ~ServerImpl() override { ServerImpl::stop(); }

  // The order matters: whoever comes later needs what came before, and rules are published before a
  // record can come in.
  Status open(bool implicit) {
    FRESHET_TRY(check_clock(clock_));
    FRESHET_ASSIGN(installation_, Installation::open(config_.data_dir, random_));
    FRESHET_TRY(start_tracing());
    // Whoever is asked first decides about the key of the alias hashes: a log that several
    // processes share, or else the checkpoints, which a new data directory goes on from.
    const bool shared = config_.log.kind == Config::LogKind::kKafka;
    if (!shared) FRESHET_TRY(open_checkpoints());
    FRESHET_TRY(open_log_and_topics());
    make_tenants();
    FRESHET_TRY(tenants_->ledger().agree());
    if (shared) FRESHET_TRY(open_checkpoints_of_log());
    FRESHET_TRY(tenants_->ledger().publish(config_, implicit));
    FRESHET_TRY(open_profiles());
    FRESHET_TRY(stores_.watch(config_, profiles_.get(), *log_, clock_));
    FRESHET_TRY(start_reaction());
    FRESHET_TRY(start_action());
    if (config_.roles.ingest) {
      FRESHET_ASSIGN(overflow_, Overflow::start(config_, tenants_->ledger().all(), *log_, clock_, [this] {
                       if (catches_up(tenants_->ledger().agreement().moves().at())) return std::optional<int64_t>(0);
                       const auto action = lag_of(*log_, action::kActionGroup, Topic::kActions);
                       // Of another process's reaction only its commits are known, which trail.
                       const auto reaction = reactors_.empty() ? std::optional<int64_t>(0) : reaction_lag();
                       return action && reaction ? std::optional(*action + *reaction) : std::nullopt;
                     }));
    }
    make_service();
    start_tenants();
    FRESHET_TRY(start_ingest());
    FRESHET_TRY(start_admin());
    start_disk_check(disk_check_, profiles_.get(), *log_, config_.data_dir);
    if (state_profiles_ != nullptr) remove_unused(config_.data_dir);
    return {};
  }

  // Ingest stops first, so that nothing new comes in; the admin listener stays as long as it can,
  // for health checks.
  void stop() override {
    if (ingest_server_) ingest_server_->stop(kStopGraceMs);
    disk_check_.stop();
    if (overflow_) overflow_->stop();
    if (service_) service_->report_violations();
    if (letters_) letters_->stop();
    if (tenants_) tenants_->stop();
    if (sinks_) sinks_->stop();
    if (log_disks_) log_disks_->stop();
    if (checkpoints_) checkpoints_->stop();
    if (scrubs_) scrubs_->stop();
    for (auto& worker : workers_) worker->stop();
    if (!workers_.empty()) tell_late_records(late_records_, *log_, clock_, random_);
    if (state_profiles_ != nullptr) state_profiles_->close();
    if (retirement_) retirement_->stop();
    for (auto& reactor : reactors_) reactor->stop();
    if (look_ups_) look_ups_->close();
    if (admin_server_) admin_server_->stop(kStopGraceMs);
    if (trace_exporter_) trace_exporter_->stop();
    if (signal_exporter_) signal_exporter_->stop();
  }

  Status status() const override {
    for (const auto& worker : workers_) FRESHET_TRY(worker->status());
    for (const auto& reactor : reactors_) FRESHET_TRY(reactor->status());
    return overflow_ ? overflow_->status() : Status{};
  }

  void tick() override {
    FRESHET_ASSERT(admin_ != nullptr);  // open() has succeeded
    if (config_.roles.ingest) look_for_room();
    if (canary_) canary_->tick();
    admin_->sample();
    const env::TimeUs now = clock_.monotonic_us();
    if (now < look_due_) return;
    look_due_ = now + kLookUs;
    stores_.look_after(readable_of(reactors_));
    if (state_profiles_ != nullptr) state_profiles_->look_after();
    show_vitals(config_.data_dir, admin_->options().ready(), clock_.now_us());
    if (service_) service_->report_violations();
    if (!workers_.empty()) tell_late_records(late_records_, *log_, clock_, random_);
    if (config_.roles.reaction) objectives_.tick(tenants_->ledger().present());
    clock_watch_.tick();
    rank_tenants_now_and_then(now, rank_due_);
    expire_now_and_then(import_store_.get(), now, expire_due_,
                        clock_watch_.expires_before_us(config_.retention.imports_us));
  }

  void reload(const std::optional<Config>& file) override {
    if (file) tenants_->reload(*file, config_.section_hashes);
    reload_tls(ingest_server_.get(), "ingest");
    reload_tls(admin_server_.get(), "admin");
  }

  uint16_t ingest_port() const override { return ingest_server_ ? ingest_server_->port() : uint16_t{0}; }
  uint16_t admin_port() const override { return admin_server_ ? admin_server_->port() : uint16_t{0}; }

 private:
  // Looks whether the stages behind have room, and the log's disks.
  void look_for_room() {
    const auto action = lag_of(*log_, action::kActionGroup, Topic::kActions);
    log_watch_.note(action.has_value(), clock_.monotonic_us());
    const bool has_room = stages_room_.look(*log_, *tenants_, action, reaction_lag());
    has_room_ = has_room && (log_disks_ == nullptr || log_disks_->has_room());
  }

  // How far reaction is behind. Its commits lie behind what can be read, because they wait for a
  // sync of the store, so what can be read counts.
  [[nodiscard]] std::optional<int64_t> reaction_lag() const {
    if (state_profiles_ != nullptr) return 0;
    return lag_of(*log_, reaction::kReactionGroup, Topic::kChanges, readable_of(reactors_));
  }

  // Starts what is sent to collectors, before anything that could be traced.
  Status start_tracing() {
    TracedProcess process;
    process.instance = installation_->name();
    process.version = std::string(version());
    process.roles = text_of(config_.roles);
    process.facts = {tracer_options(config_).systems, config_.ingest.tls.cert.empty() ? "http" : "https"};
    telemetry::gauge("freshet_process_info", "1; its labels say which process this is.",
                     {{"process", process.instance}, {"roles", process.roles}, {"version", process.version}})
        .set(1);
    if (!config_.telemetry.otlp.empty()) {
      FRESHET_ASSIGN(auto collector, open_collector(config_.telemetry));
      signal_exporter_ = std::make_unique<SignalExporter>(
          SignalExporterOptions{std::move(collector), process, config_.telemetry.interval_us}, clock_);
    }
    if (config_.tracing.otlp.empty()) return {};
    TraceExporterOptions options;
    FRESHET_ASSIGN(options.to, open_collector(config_.tracing));
    options.process = std::move(process);
    telemetry::tracer().start(tracer_options(config_), [](size_t n) { return env::real_random().bytes(n); });
    trace_exporter_ = std::make_unique<TraceExporter>(options, telemetry::tracer(), clock_);
    return {};
  }

  // The name tells this process from others at the brokers.
  Status open_log_and_topics() {
    FRESHET_ASSIGN(auto log, open_log(config_, installation_->name(), clock_));
    log_ = std::move(log);
    FRESHET_TRY(create_topics(*log_, config_));
    log_disks_ = watch_log_disks(config_);
    return {};
  }

  void make_tenants() {
    registry_ = schema::make_registry();
    tenants_ = std::make_unique<TenantKeeper>(TenantLedgerOptions{.log = log_.get(),
                                                                  .registry = registry_.get(),
                                                                  .installation = installation_.get(),
                                                                  .partitions = config_.log.partitions,
                                                                  .clock = &clock_,
                                                                  .random = &random_});
  }

  // From here on changes of tenants reach this process, too.
  void start_tenants() {
    if (config_.roles.reaction) sinks_ = std::make_unique<Sinks>(config_, *log_, *profiles_, clock_, random_);
    tenants_->start(
        [this](const ingest::Tenants& tenants) {
          if (state_profiles_ != nullptr) state_profiles_->use(tenants_->ledger().present());
          if (service_) service_->use_tenants(tenants);
          if (overflow_) overflow_->use(tenants_->ledger().present());
          if (sinks_) sinks_->use(tenants_->ledger().present());
        },
        [this](const model::Tenant& tenant) { return profiles_ ? profiles_->add_tenant(tenant) : Status{}; });
  }

  Status open_profiles() {
    if (!config_.roles.reaction && !config_.roles.console) return {};
    if (profiles_kind(config_) == Config::Profiles::Kind::kState) {
      FRESHET_ASSIGN(auto profiles, StateProfiles::open(config_, *log_, clock_));
      state_profiles_ = profiles.get();
      state_profiles_->use(tenants_->ledger().present());
      profiles_ = std::move(profiles);
      return {};
    }
    const MemoryPlan plan(config_);
    FRESHET_ASSIGN(profiles_,
                   app::open_profiles(config_, tenants_->ledger().all(), plan.profiles, plan.pending, clock_));
    return {};
  }

  Status start_reaction() {
    if (!config_.roles.reaction || state_profiles_ != nullptr) return {};
    const uint32_t members = 1;
    for (uint32_t member = 0; member < members; ++member) {
      reaction::ReactorOptions options;
      options.log = log_.get();
      options.store = profiles_.get();
      options.clock = &clock_;
      options.member = member;
      options.members = members;
      if (profiles_kind(config_) != Config::Profiles::Kind::kMongodb) options.commit_interval_us = kProfilesSyncUs;
      FRESHET_ASSIGN(auto reactor, reaction::Reactor::start(options));
      reactors_.push_back(std::move(reactor));
    }
    retirement_ = retire_changes(config_, *log_, clock_);
    return {};
  }

  Status open_checkpoints() {
    FRESHET_TRY(check_checkpoints(config_));
    if (config_.checkpoints.to.empty() || !config_.roles.action) return {};
    FRESHET_ASSIGN(checkpoints_, Checkpoints::open(config_, *installation_, clock_, random_));
    return {};
  }

  // The key came from the log; these checkpoints must have the same one.
  Status open_checkpoints_of_log() {
    const std::string key = installation_->hash_key();
    FRESHET_TRY(open_checkpoints());
    if (installation_->hash_key() == key) return {};
    return fail(Code::kInvalid,
                fmt::format("checkpoints.to: the checkpoints at {} are of another log than {} with the prefix \"{}\": "
                            "configure the one that belongs to the other, or a new place",
                            config_.checkpoints.to, config_.log.brokers, config_.log.topic_prefix));
  }

  // Opens a partition's state as this disk has it.
  [[nodiscard]] Result<std::unique_ptr<state::PartitionState>> open_state_here(
      uint32_t partition, const state::StateOptions& state_options) {
    kv::Options options;
    options.path = state_directory(config_, partition);
    options.memory = state_memory_;
    options.open_files_max = config_.store_files;
    const auto marks = log_->watermarks({Topic::kActions, partition});
    options.remember_damage = checkpoints_ != nullptr || (marks && marks->low == 0);  // There is something else.
    if (scrubs_ != nullptr) scrubs_->opening(partition);
    FRESHET_ASSIGN(auto state, state::PartitionState::open(options, state_options, kv::open_rocks));
    disk_check_.add("state " + std::to_string(partition), check_of(state->store()));
    if (scrubs_ == nullptr) purged_.add(state->store());
    if (scrubs_ != nullptr) scrubs_->add(partition, state->store());
    return state;
  }

  // Opens a partition's state from wherever it is nearest: this disk, or a checkpoint.
  [[nodiscard]] Result<std::unique_ptr<state::PartitionState>> recover_state(uint32_t partition,
                                                                             const Checkpoints::OpenState& open) {
    const auto marks = log_->watermarks({Topic::kActions, partition});
    const int64_t log_begins_at = marks ? marks->low : 0;  // if it is not known, the first poll will say
    const bool begins_with_state = tenants_->ledger().agreement().moves().begins_with_state();
    if (checkpoints_) return checkpoints_->open_state(partition, log_begins_at, begins_with_state, open);
    state::RecoverOptions options;
    options.accept_loss = config_.accept_loss;
    options.partition = partition;
    options.identity.partitions = config_.log.partitions;
    options.directory = state_directory(config_, partition);
    options.log_begins_at = log_begins_at;
    options.begins_with_state = begins_with_state;
    options.open = open;
    return state::open_or_restore(options);
  }

  Status start_action() {
    if (!config_.roles.action) return {};
    FRESHET_TRY(check_has_state(tenants_->ledger().agreement().moves().at(), config_.log));
    const MemoryPlan plan(config_);
    state_memory_ = kv::make_memory_budget(plan.state_store);
    const state::StateOptions state_options{plan.rows / config_.log.partitions};
    if (checkpoints_) checkpoints_->start();
    // On Kafka a state may become another process's at any time.
    if (config_.log.kind == Config::LogKind::kKafka)
      scrubs_ = std::make_unique<StateScrubs>(StateScrubsOptions{.log = log_.get(),
                                                                 .clock = &clock_,
                                                                 .installation = installation_->name(),
                                                                 .data_dir = checkpoints_ ? config_.data_dir : "",
                                                                 .partitions = config_.log.partitions});
    const auto open_state = [this, state_options](uint32_t partition) {
      return recover_state(partition,
                           [this, state_options, partition] { return open_state_here(partition, state_options); });
    };
    const uint32_t slots = slots_of(config_);
    // More threads than cores would only take turns, and more than slots would have no work.
    const uint32_t members = std::min(cores(), slots > 0 ? slots : config_.log.partitions);
    for (uint32_t member = 0; member < members; ++member) {
      action::WorkerOptions options;
      options.slots = slots;
      options.log = log_.get();
      options.clock = &clock_;
      if (config_.log.kind == Config::LogKind::kKafka) options.batch_bytes_max = kKafkaBatchBytesMax;
      options.open_state = open_state;
      if (state_profiles_ != nullptr) state_profiles_->serve(options);
      options.late_records = late_records_.get();
      options.checkpoints = checkpoints_ ? checkpoints_->keeper() : nullptr;
      // On Kafka a worker that loses its disk needs all of `actions`, unless there is a checkpoint.
      options.accept_loss = config_.accept_loss;
      options.trims = config_.log.kind == Config::LogKind::kEmbedded || checkpoints_ != nullptr;
      // What is not durable is in no checkpoint.
      if (checkpoints_)
        options.persist_interval_us = std::min(options.persist_interval_us, config_.checkpoints.interval_us);
      options.member = member;
      options.members = members;
      FRESHET_ASSIGN(auto worker, action::Worker::start(options));
      workers_.push_back(std::move(worker));
    }
    return {};
  }

  // Makes the service of ingest, and of the console, which sends orders and dead letters on through
  // it.
  void make_service() {
    FRESHET_ASSERT(log_ != nullptr && registry_ != nullptr);
    if (!config_.roles.ingest && !config_.roles.console) return;
    ingest::ServiceOptions options;
    options.log = log_.get();
    options.registry = registry_.get();
    options.clock = &clock_;
    options.random = &random_;
    options.partitions = config_.log.partitions;
    options.letters_max = config_.deadletters.count;
    options.letter_bytes_max = config_.deadletters.bytes;
    options.has_room = [this] { return has_room_.load(std::memory_order_relaxed); };
    options.imports = [this](const ingest::Sender& sender, http::Request request, http::Respond respond) {
      imports_->handle(sender.tenant, std::move(request), std::move(respond), sender.scope);
    };
    options.lanes = overflow_ ? overflow_->lanes() : nullptr;
    // One core less than there are: with all of them the lane could keep the server's threads waiting, whatever the
    // kernel is told.
    lane_ = std::make_unique<ingest::Lane>(kLaneBytesMax, std::max(cores() - 1, 1U));
    options.lane = lane_.get();
    options.cores = cores();
    options.tls = !config_.ingest.tls.cert.empty();
    if (config_.roles.ingest) {
      logs_ = std::make_unique<ingest::Logs>(
          *log_, clock_,
          ingest::LogsOptions{.inflight_bytes_max = kLogsInflightBytesMax,
                              .bytes_per_s = config_.logs.bytes_per_s,
                              .bodies_of_an_address = http::bodies_of_an_address(ingest_listener(config_.ingest),
                                                                                 ingest::kLogsBodiesBytesMax)});
      logs_lane_ = std::make_unique<ingest::Lane>(kLogsLaneBytesMax);
      options.logs = logs_.get();
      options.logs_lane = logs_lane_.get();
    }
    service_ = std::make_unique<ingest::Service>(std::move(options));
    if (config_.roles.ingest && config_.canary_us > 0)
      canary_ = std::make_unique<Canary>(
          installation_->name(), config_.canary_us,
          [this](v1::Envelope envelope, Canary::Done done) {
            return service_->submit(std::move(envelope), std::move(done));
          },
          clock_);
  }

  Status start_ingest() {
    if (!config_.roles.ingest) return {};
    FRESHET_ASSIGN(const auto import_rows, stores_.open_imports(config_));
    purged_.add(import_rows);
    disk_check_.add("imports", check_of(import_rows));
    if (config_.log.kind == Config::LogKind::kKafka) {
      import_store_ = std::make_unique<ingest::ImportLedger>(*log_, import_rows, log_name(config_));
      imports_lane_ = std::make_unique<ingest::Lane>(kImportsLaneBytesMax);
    } else {
      import_store_ = ingest::make_import_store(import_rows);
    }
    imports_ = std::make_unique<ingest::Imports>(
        *import_store_, *registry_, clock_,
        [this](const model::Tenant& tenant, ingest::ImportBatch batch, eventlog::AppendDone done) {
          service_->append_import(tenant, std::move(batch), std::move(done));
        },
        imports_lane_.get());
    FRESHET_ASSIGN(ingest_server_, serve_ingest(config_.ingest, *service_, has_room_));
    return {};
  }

  // Starts the admin listener. Every process has one, for health and metrics; what else there is
  // only the console role has.
  Status start_admin() {
    console::AdminOptions options;
    if (config_.roles.console) {
      // Action's workers answer for themselves; another store may be slow, or away.
      if (state_profiles_ == nullptr) look_ups_ = std::make_unique<docstore::ReadsAside>(*profiles_);
      options.store = look_ups_ ? look_ups_.get() : profiles_.get();
      FRESHET_ASSIGN(auto rows, stores_.open_letters(config_));
      disk_check_.add("letters", check_of(rows));
      FRESHET_ASSIGN(letters_, keep_letters(config_, std::move(rows), installation_->hash_key(), *log_, *profiles_,
                                            purged_, clock_, [this] { return tenants_->ledger().present(); }));
    }
    options.letters = letters_;
    if (config_.roles.console) {
      options.streams = std::make_shared<console::Streams>(*log_, clock_);
      options.people = std::make_shared<console::People>(*log_, *options.store);
    }
    if (config_.roles.console) options.lookout = lookout_of(config_.console, clock_);
    options.events_as_protobuf = config_.events_as_protobuf;
    options.changes_written = [this] { return state_profiles_ == nullptr || state_profiles_->writes_changes(); };
    options.events_if_read = !writes_unread_events(config_);
    options.registry = registry_.get();
    options.log = log_.get();
    options.tenants = tenants_.get();
    options.tokens = config_.admin.tokens;
    if (!config_.admin.token.empty()) options.tokens.push_back({"admin", config_.admin.token, console::Role::kErase});
    options.audit = [file = config_.data_dir + "/audit.jsonl"](const console::AuditEntry& entry) {
      append_audit(file, entry);
    };
    options.clock = &clock_;
    options.objective = config_.objective;
    FRESHET_ASSERT(!config_.roles.console || (profiles_ != nullptr && service_ != nullptr));
    options.random = &random_;
    if (service_) send_through(*service_, *log_, clock_, options);
    options.ready = [this] {
      return status().has_value() && stores_.are_well() && !disk_check_.found_damage() && !log_watch_.is_silent() &&
             std::all_of(workers_.begin(), workers_.end(), [](const auto& w) { return w->caught_up(); });
    };
    options.rebuilding = [this] { return stores_.are_rebuilding(); };
    if (state_profiles_ != nullptr) options.find_message = finder_of(*state_profiles_);
    log_looks_ = std::make_unique<LogLooks>(
        *log_, clock_,
        LogLooksOptions{.roles = config_.roles,
                        .reads_state = state_profiles_ != nullptr,
                        .overflow_waits = [this] { return overflow_ ? overflow_->waiting() : std::nullopt; },
                        .reaction_lag = [this] { return reaction_lag(); },
                        .readable = [this] { return readable_of(reactors_); }});
    if (log_disks_) options.disk_bytes = [this] { return log_disks_->bytes(); };
    if (checkpoints_ && !workers_.empty())
      options.checkpoints_json = savepoint_asker(*checkpoints_->keeper(), workers_.size());
    options.flow_json = [this] { return log_looks_->flow(); };
    options.stages_json = [this] { return log_looks_->stages(); };
    if (import_store_) options.imports_json = lister_of(*import_store_);
    if (overflow_) options.waiting = [this](const std::string& tenant) { return overflow_->waiting(tenant); };
    admin_ = std::make_unique<console::Admin>(std::move(options));
    FRESHET_ASSIGN(admin_server_, serve_admin(config_.admin, *admin_));
    return {};
  }

  const Config config_;
  std::atomic<bool> has_room_{true};  // what ingest asks before it accepts
  StagesRoom stages_room_;
  LogWatch log_watch_;  // of ingest
  env::Clock& clock_;
  ClockWatch clock_watch_{clock_};
  env::Random& random_;
  // These are in the order in which they need one another, and are destroyed the other way round.
  std::unique_ptr<Installation> installation_;
  std::unique_ptr<SignalExporter> signal_exporter_;  // null: no collector has metrics and lines
  std::unique_ptr<TraceExporter> trace_exporter_;    // null if nothing is traced
  std::unique_ptr<eventlog::EventLog> log_;
  std::unique_ptr<LogDisks> log_disks_;  // null: the log is here, or nobody wants to know
  std::unique_ptr<schema::Registry> registry_;
  std::unique_ptr<TenantKeeper> tenants_;
  env::TimeUs look_due_ = 0, rank_due_ = 0, expire_due_ = 0;
  std::unique_ptr<docstore::DocStore> profiles_;
  StateProfiles* state_profiles_ = nullptr;         // profiles_, where they are read from action's state
  std::unique_ptr<docstore::ReadsAside> look_ups_;  // of the admin listener; null: no console, or the state is read
  Stores stores_;
  std::shared_ptr<kv::MemoryBudget> state_memory_;
  PurgedStores purged_;
  std::unique_ptr<Checkpoints> checkpoints_;  // null if there are none
  std::unique_ptr<StateScrubs> scrubs_;       // null with the embedded log, and without action
  std::vector<std::unique_ptr<reaction::Reactor>> reactors_;
  std::unique_ptr<Retirement> retirement_;  // null: no reaction, or a log that deletes by itself
  std::unique_ptr<Sinks> sinks_;            // null: no reaction
  const std::shared_ptr<action::LateRecordCounter> late_records_ = std::make_shared<action::LateRecordCounter>();
  std::vector<std::unique_ptr<action::Worker>> workers_;
  std::unique_ptr<Overflow> overflow_;  // null: no ingest
  std::unique_ptr<ingest::ImportStore> import_store_;
  std::unique_ptr<ingest::Service> service_;
  std::unique_ptr<Canary> canary_;  // null: there is none
  std::unique_ptr<ingest::Imports> imports_;
  std::unique_ptr<ingest::Logs> logs_;
  std::unique_ptr<ingest::Lane> lane_;          // its thread works for those above
  std::unique_ptr<ingest::Lane> logs_lane_;     // of requests with logs
  std::unique_ptr<ingest::Lane> imports_lane_;  // of imports that other nodes share; null: none do
  std::unique_ptr<http::Server> ingest_server_;
  std::shared_ptr<console::LetterKeeper> letters_;  // null: no console
  std::unique_ptr<LogLooks> log_looks_;
  Objectives objectives_{config_.objective};
  DiskCheck disk_check_{clock_};  // of stores above
  std::unique_ptr<console::Admin> admin_;
  std::unique_ptr<http::Server> admin_server_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Config& config, bool implicit) {
  auto server = std::make_unique<ServerImpl>(config);
  FRESHET_TRY(server->open(implicit));
  return server;
}

}  // namespace freshet::app
