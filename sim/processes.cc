// Processes that die. A step of one runs with a crash point armed or not; a Crash that comes out of
// it ends the process, and its next turn starts it again from what is left.

#include "processes.h"

#include <utility>

#include "base/assert.h"
#include "freshet/v1/event.pb.h"

namespace freshet::sim {
namespace {

// A step makes a handful of calls, so the deadly one is among the first few.
constexpr uint32_t kCallsUntilCrashMax = 6;

enum class Fate { kLives, kFenced, kDied };

// Does a step of a process, which may die in it, or stop because it was fenced.
Fate do_step(Stage& stage, CrashPoint& crash, uint32_t crash_permille, const char* name, uint32_t number,
             const std::function<Status()>& work) {
  const bool dies = stage.dice.permille(crash_permille);
  crash.arm(dies ? 1 + static_cast<uint32_t>(stage.dice.roll(kCallsUntilCrashMax)) : 0);
  try {
    const Status status = work();
    crash.arm(0);
    if (status) return Fate::kLives;
    // Fenced is the one error that ends a healthy process; any other one is a violation.
    require(status.error().code == Code::kFenced,
            [&] { return fmt::format("{} {} stops: {}", name, number, status.error().message); });
    stage.say("{} {} is fenced", name, number);
    return Fate::kFenced;
  } catch (const Crash&) {
    crash.arm(0);
    stage.say("{} {} dies", name, number);
    return Fate::kDied;
  }
}

}  // namespace

// ---- ingest -------------------------------------------------------------------------------------------------------

void IngestProcess::start() {
  // A node learns the schema from its topic before it takes a request, as the product does at its
  // start.
  registry_ = schema::make_registry();
  for (const eventlog::RecordView& record : stage_.broker.at({Topic::kSchema, 0}).records) {
    v1::SchemaChange change;
    if (change.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) registry_->apply(change);
  }
  log_ = std::make_unique<SimLog>(stage_.broker, crash_, stage_.dice, stage_.faults, stage_.probes);
  ingest::ServiceOptions options;
  options.tenants = tenants_;
  options.log = log_.get();
  options.registry = registry_.get();
  options.clock = &stage_.clock;
  options.random = &stage_.entropy;
  options.partitions = log_->partitions(Topic::kActions);
  if (stage_.broker.partitions(Topic::kOverflow) > 0) start_drain();
  options.lanes = lanes_;
  service_ = std::make_unique<ingest::Service>(std::move(options));
}

// Windows and transactions are so small that a short run has many of them.
void IngestProcess::start_drain() {
  ingest::LanesOptions lanes;
  lanes.clock = &stage_.clock;
  lanes.partitions = log_->partitions(Topic::kOverflow);
  for (uint32_t p = 0; p < lanes.partitions; ++p)
    lanes.left_over = lanes.left_over || stage_.broker.lags(ingest::kDrainGroup, {Topic::kOverflow, p});
  lanes_ = std::make_shared<ingest::Lanes>(lanes);
  std::vector<std::shared_ptr<const model::Tenant>> tenants;
  for (const model::Tenant& tenant : tenants_) tenants.push_back(std::make_shared<model::Tenant>(tenant));
  lanes_->know(tenants);
  auto consumer = log_->open_consumer({.group = ingest::kDrainGroup, .topics = {Topic::kOverflow}});
  require(consumer.has_value(), "the drain's consumer can't be opened");
  drained_ = std::move(*consumer);
  ingest::DrainOptions options;
  options.log = log_.get();
  options.clock = &stage_.clock;
  options.lanes = lanes_.get();
  options.partitions = log_->partitions(Topic::kActions);
  options.held_bytes_max = 1;  // then a window is of a few KiB
  options.move_bytes_max = 2'000;
  options.quantum_bytes = 500;
  options.away_us = 5'000;
  options.trim_us = 20'000;
  drain_ = std::make_unique<ingest::DrainLoop>(options, *drained_);
}

// Parts are destroyed in the order of their dependence; what the log had not written is lost or
// lands late.
void IngestProcess::die() {
  crash_.arm(0);
  service_.reset();
  drain_.reset();
  drained_.reset();
  log_.reset();
  lanes_.reset();
  registry_.reset();
}

void IngestProcess::restart_with(std::vector<model::Tenant> tenants) {
  stage_.probes.hit(Probe::kIngestRulesChanged);
  tenants_ = std::move(tenants);
  die();
}

void IngestProcess::handle(http::Request request, http::Respond respond) {
  // A client does not know that the node died; its request finds it up again.
  if (!service_) start();
  guarded([&] {
    service_->handle(std::move(request), std::move(respond));
    return Status{};
  });
}

void IngestProcess::drain() {
  if (!service_) start();
  guarded([&] { return drain_->step(); });
}

bool IngestProcess::tick() {
  if (!log_) return false;
  bool did = true;
  guarded([&] {
    did = log_->tick();
    return Status{};
  });
  return did;
}

void IngestProcess::guarded(const std::function<Status()>& work) {
  const Fate fate = do_step(stage_, crash_, stage_.faults.crash_ingest, "ingest", number_, work);
  if (fate == Fate::kDied) stage_.probes.hit(Probe::kCrashIngest);
  if (fate != Fate::kLives) die();
}

// ---- action -------------------------------------------------------------------------------------------------------

// What one persist has not finished yet must not be overtaken by the next.
Status SimPersistence::finish(uint32_t partition, state::PartitionState& state, action::Upkeep upkeep, uint64_t) {
  require(!jobs_.contains(partition), "a persist begins before the last one is done");
  jobs_[partition] = {&state, upkeep};
  return {};
}

Status SimPersistence::do_job(uint32_t partition, const Job& job) {
  return action::finish_persist(job.upkeep == action::Upkeep::kTrim ? &log_ : nullptr, partition, *job.state);
}

Status SimPersistence::wait() {
  while (!jobs_.empty()) {
    // Whoever waits wants all of them done, in any order; here it is the order of partitions.
    const auto job = jobs_.extract(jobs_.begin());
    FRESHET_TRY(do_job(job.key(), job.mapped()));
  }
  return {};
}

bool SimPersistence::tick() {
  if (jobs_.empty()) return false;
  const auto job = jobs_.extract(jobs_.begin());
  const Status done = do_job(job.key(), job.mapped());
  require(done.has_value(), "a state can't be made durable");
  return true;
}

WorkerProcess::WorkerProcess(Stage& stage, uint32_t number)
    : stage_(stage),
      number_(number),
      persist_interval_us_(stage.dice.between(5'000, 250'000)),
      // Few enough that records come between the pieces of a persist.
      gather_rows_max_(stage.dice.one_in(4) ? 1'000 : static_cast<size_t>(stage.dice.between(1, 12))),
      // A quarter of the workers have so little memory that rows leave it all the time.
      memory_bytes_(stage.dice.one_in(4) ? 8u << 10 : 32u << 20) {}

std::shared_ptr<kv::MemoryDisk>& WorkerProcess::disk(uint32_t partition) {
  std::shared_ptr<kv::MemoryDisk>& disk =
      stage_.faults.own_disks ? own_disks_[partition] : stage_.shared_disks[partition];
  if (!disk) disk = std::make_shared<kv::MemoryDisk>();
  return disk;
}

std::optional<MemberId> WorkerProcess::member() const {
  return consumer_ ? std::optional(static_cast<const SimConsumer&>(*consumer_).member()) : std::nullopt;
}

bool WorkerProcess::follows_closely() const {
  return !consumer_ || static_cast<const SimConsumer&>(*consumer_).follows_closely();
}

void WorkerProcess::start() {
  stage_.say("worker {} starts", number_);
  log_ = std::make_unique<SimLog>(stage_.broker, crash_, stage_.dice, stage_.faults, stage_.probes);
  auto consumer = log_->open_consumer({.group = action::kActionGroup, .topics = {Topic::kActions}});
  require(consumer.has_value(), "action's consumer can't be opened");
  consumer_ = std::move(*consumer);
  persistence_ = std::make_unique<SimPersistence>(*log_);
  action::WorkerOptions options;
  options.log = log_.get();
  options.clock = &stage_.clock;
  options.persist_interval_us = persist_interval_us_;
  options.gather_rows_max = gather_rows_max_;
  if (stage_.from_state) {
    reads_ = std::make_unique<action::ProfileReads>(log_->partitions(Topic::kActions), stage_.clock);
    options.reads = reads_.get();
    options.says_changes = &stage_.says_changes;
  }
  options.open_state = [this](uint32_t partition) {
    const auto opener = [&](const kv::Options& kv_options) {
      return Result<std::unique_ptr<kv::Store>>(open_crashing(disk(partition), kv_options, crash_));
    };
    return state::PartitionState::open({}, {memory_bytes_}, opener);
  };
  loop_ = std::make_unique<action::WorkerLoop>(options, *consumer_, *persistence_);
}

void WorkerProcess::guarded(uint32_t crash_permille, const std::function<Status()>& work) {
  // Whether it died between the halves of a persist is asked before it dies, since its jobs go with
  // it.
  const bool persisting = !persistence_->idle();
  const Fate fate = do_step(stage_, crash_, crash_permille, "worker", number_, work);
  if (fate == Fate::kFenced) stop();
  if (fate != Fate::kDied) return;
  stage_.probes.hit(Probe::kCrashWorker);
  if (persisting) stage_.probes.hit(Probe::kCrashMidPersist);
  die();
}

void WorkerProcess::step() {
  if (!loop_) start();
  guarded(stage_.faults.crash_worker, [&] { return loop_->step(0); });
}

bool WorkerProcess::tick() {
  if (!persistence_ || persistence_->idle()) return false;
  guarded(stage_.faults.crash_worker, [&] {
    (void)persistence_->tick();
    return Status{};
  });
  // Now and then an image of a disk is kept, to be what comes back after a crash.
  for (auto& [partition, disk] : own_disks_)
    if (stage_.faults.older_state > 0 && disk && stage_.dice.one_in(8)) images_[partition] = disk->rows;
  return true;
}

void WorkerProcess::drain() {
  if (loop_) guarded(0, [&] { return loop_->drain(); });
}

void WorkerProcess::stop() {
  loop_.reset();
  persistence_.reset();
  consumer_.reset();
  log_.reset();
  // Whoever waits for an answer asks the next life, which is not there yet.
  const auto reads = std::exchange(reads_, nullptr);
}

void WorkerProcess::die() {
  crash_.arm(0);
  FRESHET_ASSERT(member().has_value());  // only a process that runs can die
  const MemberId was = *member();
  damage_disks(was);
  stop();
}

// What of the disks survives a crash: what was synced; maybe more; maybe another, older disk; maybe
// none.
void WorkerProcess::damage_disks(MemberId was) {
  Disks& disks = stage_.faults.own_disks ? own_disks_ : stage_.shared_disks;
  for (auto& [partition, disk] : disks) {
    const TopicPartition of{Topic::kActions, partition};
    const bool has_it =
        stage_.broker.owner(action::kActionGroup, of) == was || stage_.broker.follower(action::kActionGroup, of) == was;
    if (!has_it || !disk) continue;
    if (!disk->unsynced.empty()) {
      // A disk may have written what nobody asked it to sync, but always a first part of it.
      const bool keeps = stage_.dice.permille(stage_.faults.keep_unsynced);
      if (keeps) disk->keep(1 + stage_.dice.roll(disk->unsynced.size()));
      stage_.probes.hit(keeps ? Probe::kUnsyncedKept : Probe::kUnsyncedLost);
    }
    if (stage_.dice.permille(stage_.faults.lose_state)) {
      stage_.probes.hit(Probe::kStateLost);
      disk = std::make_shared<kv::MemoryDisk>();
    } else if (stage_.dice.permille(stage_.faults.older_state) && images_.contains(partition)) {
      stage_.probes.hit(Probe::kOlderState);
      disk = std::make_shared<kv::MemoryDisk>();
      disk->rows = images_[partition];
    }
  }
}

// ---- reaction -----------------------------------------------------------------------------------------------------

// Bounds are small in some runs, so that back-pressure and full bulks are met.
ReactorProcess::ReactorProcess(Stage& stage, uint32_t number) : stage_(stage), number_(number) {
  options_.clock = &stage.clock;
  options_.waiting_bytes_max = stage.dice.one_in(3) ? 2'000 : 64u << 20;
  options_.bulk_entities_max = 1 + stage.dice.roll(20);
  options_.bulks_in_flight_max = 1 + stage.dice.roll(4);
  options_.linger_us = static_cast<env::TimeUs>(stage.dice.roll(1'000));
  options_.commit_interval_us = stage.dice.between(1'000, 100'000);
  options_.retry_first_us = 500;
  options_.retry_max_us = 8'000;
}

void ReactorProcess::start() {
  stage_.say("reactor {} starts", number_);
  log_ = std::make_unique<SimLog>(stage_.broker, crash_, stage_.dice, stage_.faults, stage_.probes);
  // Each life of a reactor is another client of the store: answers to an earlier life must not
  // reach it.
  store_ = std::make_unique<SimStore>(stage_.store, (uint64_t{number_} << 32) + ++lives_, crash_);
  auto consumer = log_->open_consumer(
      {.group = reaction::kReactionGroup, .topics = {Topic::kChanges}, .delivery = eventlog::Delivery::kAtLeastOnce});
  require(consumer.has_value(), "reaction's consumer can't be opened");
  consumer_ = std::move(*consumer);
  options_.log = log_.get();
  options_.store = store_.get();
  loop_ = std::make_unique<reaction::ReactorLoop>(options_, *consumer_);
}

void ReactorProcess::guarded(const std::function<Status()>& work) {
  const Fate fate = do_step(stage_, crash_, stage_.faults.crash_reactor, "reactor", number_, work);
  if (fate == Fate::kDied) stage_.probes.hit(Probe::kCrashReactor);
  if (fate != Fate::kLives) die();
}

void ReactorProcess::step() {
  if (!loop_) start();
  guarded([&] { return loop_->step(); });
}

bool ReactorProcess::tick() {
  if (!log_ || log_->idle()) return false;
  guarded([&] {
    (void)log_->tick();
    return Status{};
  });
  return true;
}

void ReactorProcess::die() {
  crash_.arm(0);
  // The loop goes before what it points to.
  loop_.reset();
  consumer_.reset();
  store_.reset();
  log_.reset();
}

}  // namespace freshet::sim
