#include "sink_world.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "sink_checks.h"

namespace freshet::sim {
namespace {

using eventlog::Topic;
using testing::CommitFate;

constexpr size_t kCalmRoundsMost = 3'000;
constexpr env::TimeUs kCalmRoundUs = 5'000'000;
constexpr uint32_t kCrashWithinPoints = 40;
constexpr size_t kGatheredBytes = 6'000;
constexpr uint32_t kProcessesOfSink = 2;
constexpr size_t kCalmBatches = 64;
constexpr uint32_t kStepsOfOthers = 12;  // while one hangs in a call
constexpr env::TimeUs kStepOfOthersUs = 250'000;
constexpr env::TimeUs kStateTransactionUs = 16'000'000;  // by then the brokers end a transaction

}  // namespace

// A process as far as it is one sink's: all that it has is gone when it dies.
struct SinkWorld::Process {
  Process(SinkWorld& world, const model::Sink& of)
      : sink_of(of),
        log(world.stage_.broker, world.crash_, world.stage_.dice, world.stage_.faults, world.stage_.probes, true),
        options(world.options_for(of, log)) {}
  // The loop uses the consumer and the sink, and all of them the log: so they go first.
  const model::Sink& sink_of;
  SimLog log;
  sinks::RunnerOptions options;
  std::unique_ptr<sinks::Sink> sink;
  std::unique_ptr<eventlog::Consumer> consumer;
  MemberId member = 0;
  std::unique_ptr<sinks::RunnerLoop> loop;
};

SinkWorld::SinkWorld(const OtherRun& run) : stage_(run), source_(stage_) {
  configure();
  roll_rates();
  stage_.at_call = [this](const char* name) { return call(name); };
  stage_.loses_answer = [this] {
    const bool lost = !calm_ && stage_.dice.permille(rates_.answer_lost);
    if (lost) stage_.probes.hit(Probe::kSinkAnswerLost);
    return lost;
  };
  stage_.hook_status = [this] {
    if (calm_ || !stage_.dice.permille(rates_.hook_busy)) return 200;
    stage_.probes.hit(Probe::kSinkTargetRefused);
    constexpr int kBusy[] = {429, 500, 503, 503};
    return kBusy[stage_.dice.roll(std::size(kBusy))];
  };
  stage_.lake.before = [this] { return call("lake"); };
  stage_.lake.after = [this]() -> Status {
    if (stage_.loses_answer()) return fail(Code::kRetry, "no answer of the lake");
    return {};
  };
  stage_.states.at_step = [this](const char*) { crash_.point(); };
  stage_.states.refuse = [this](const char* name) { return call(name); };
  stage_.states.commit_fate = [this] { return roll_commit(); };
}

SinkWorld::~SinkWorld() = default;

void SinkWorld::configure() {
  for (const Topic topic : {Topic::kEvents, Topic::kChanges}) stage_.broker.create_topic(topic, kSinkPartitions);
  stage_.broker.create_topic(Topic::kDeadLetters, 1);
  stage_.broker.keep_everything(false);
  const auto add = [this](const char* name, model::SinkKind kind, model::SinkOn on) -> model::Sink& {
    model::Sink& sink = stage_.sinks.emplace_back();
    sink.name = name;
    sink.kind = kind;
    sink.on = on;
    return sink;
  };
  model::Sink& lake = add("lake", model::SinkKind::kFiles, model::SinkOn::kEvents);
  lake.compression = model::Compression::kNone;
  lake.split_by = stage_.dice.one_in(2) ? model::SplitBy::kEvent : model::SplitBy::kNothing;
  lake.every_us = stage_.dice.between(200'000, 3'000'000);
  lake.file_bytes = static_cast<uint64_t>(stage_.dice.between(500, 4'000));
  model::Sink& hook = add("hook", model::SinkKind::kWebhook, model::SinkOn::kEvents);
  hook.url = "https://crm.example.com/hook";
  hook.secret = "secret";
  hook.concurrency = 1;
  add("rows", model::SinkKind::kPostgres, model::SinkOn::kEvents);
  add("people", model::SinkKind::kPostgres, model::SinkOn::kChanges);
  add("states", model::SinkKind::kTopic, model::SinkOn::kChanges).topic = kStatesTopic;
  for (size_t i = 0; i < stage_.sinks.size(); ++i)
    for (uint32_t n = 0; n < kProcessesOfSink; ++n) slots_.emplace_back().sink = i;
}

void SinkWorld::roll_rates() {
  rates_.crash = stage_.maybe(200);
  rates_.aside = stage_.maybe(100);
  rates_.no_answer = stage_.maybe(30);
  rates_.answer_lost = stage_.maybe(60);
  rates_.hook_busy = stage_.maybe(250);
  rates_.commit_refused = stage_.maybe(100);
  rates_.commit_mute = stage_.maybe(150);
  stage_.faults.abort = stage_.maybe(60);
  stage_.faults.unknown_outcome = stage_.maybe(60);
  stage_.faults.rebalance_in_batch = stage_.maybe(30);
  stage_.faults.append_refused = stage_.maybe(60);
  stage_.faults.batch_max = static_cast<size_t>(stage_.dice.between(2, 24));
  for (bool Rates::* fault : {&Rates::hang, &Rates::rebalance, &Rates::trim, &Rates::table_lost, &Rates::away})
    rates_.*fault = stage_.dice.one_in(2);
}

// ---- what happens within a call -------------------------------------------------------------------------------------

Status SinkWorld::call(const char* name) {
  last_call_ = name;
  crash_.point();
  if (calm_ || in_step_.empty()) return {};
  crash_.aside(stage_.dice, rates_.aside, [this] {
    const model::Sink* const working = working_;
    Process* const running = running_;
    something_aside();
    working_ = working;
    running_ = running;
  });
  const bool away = away_ != nullptr && working_ == away_;
  if (!away && !stage_.dice.permille(rates_.no_answer)) return {};
  stage_.probes.hit(Probe::kSinkNoAnswer);
  return fail(Code::kRetry, std::string("no answer to ") + name);
}

CommitFate SinkWorld::roll_commit() {
  return calm_ ? CommitFate::kDone : stage_.roll_commit(rates_.commit_refused, rates_.commit_mute);
}

void SinkWorld::something_aside() {
  stage_.probes.hit(Probe::kSinkAside);
  stage_.say("    within {}:", last_call_);
  switch (stage_.dice.roll(5)) {
    case 0: return step_zombie();
    case 1: return step_slot(any_slot());
    case 2: return rates_.hang ? hang_in_call() : source_.step();
    default: return source_.step();
  }
}

// ---- processes ------------------------------------------------------------------------------------------------------

sinks::RunnerOptions SinkWorld::options_for(const model::Sink& sink, SimLog& log) {
  sinks::RunnerOptions options;
  options.log = &log;
  options.gathered_bytes_max = kGatheredBytes;
  options.poll_us = 0;
  options.around.tenant = kSinkTenant;
  options.around.sink = sink;
  options.around.clock = &stage_.clock;
  options.around.random = &stage_.entropy;
  options.around.stopping = &stage_.stopping;
  options.around.partitions = kSinkPartitions;
  options.around.secret = [](const std::string& text) -> Result<std::string> { return text; };
  options.around.read_profile = [this](const v1::Change& change, eventlog::TopicPartition, eventlog::Offset,
                                       sinks::ProfileAs as) { return source_.read_profile(change, as); };
  options.around.say_again = [this](uint32_t partition, sinks::SayAgain what) {
    return source_.say_again(partition, what);
  };
  return options;
}

// Null: its target can't be had, and it is tried again. As sinks/runner.h does it.
std::unique_ptr<SinkWorld::Process> SinkWorld::start(Slot& slot) {
  auto process = std::make_unique<Process>(*this, stage_.sinks[slot.sink]);
  auto sink = open_sink(stage_, slot.disk, process->options.around);
  if (!sink) {
    require(sink.error().code == Code::kRetry, [&] { return "a sink can't be opened: " + sink.error().message; });
    return nullptr;
  }
  process->sink = *std::move(sink);
  eventlog::ConsumerOptions reader;
  reader.group = sinks::group_of(kSinkTenant, process->sink_of.name);
  reader.topics = sinks::topics_of(process->sink_of);
  reader.delivery = eventlog::Delivery::kAtLeastOnce;
  auto consumer = process->log.open_consumer(reader);
  require(consumer.has_value(), "the log can't be read");
  process->member = static_cast<const SimConsumer&>(**consumer).member();
  process->consumer = *std::move(consumer);
  process->loop = std::make_unique<sinks::RunnerLoop>(process->options, *process->consumer, *process->sink);
  stage_.probes.hit(Probe::kSinkNewMember);
  return process;
}

bool SinkWorld::go(Process& process) {
  in_step_.insert(&process);
  working_ = &process.sink_of;
  running_ = &process;
  bool lives = true;
  try {
    const Status done = process.loop->step();
    if (!done) {
      // Its consumer is of no more use, and another process goes on.
      if (done.error().code == Code::kFenced) stage_.probes.hit(Probe::kSinkFenced);
      stage_.say("a process of {} ends: {}", process.sink_of.name, done.error().message);
      lives = false;
    }
  } catch (const Crash&) {
    stage_.probes.hit(Probe::kSinkCrash);
    stage_.say("a process of {} dies, last in {}", process.sink_of.name, last_call_);
    lives = false;
  }
  crash_.arm(0);
  in_step_.erase(&process);
  running_ = nullptr;
  return lives;
}

// What was not synced of its table is kept or lost; now and then all of it is lost, or an older one comes back.
void SinkWorld::die(Slot& slot) {
  slot.process.reset();
  slot.disk->keep(stage_.dice.roll(slot.disk->unsynced.size() + 1));
  slot.disk->unsynced.clear();
  if (!rates_.table_lost || calm_) return;
  if (stage_.dice.one_in(6)) {
    stage_.probes.hit(Probe::kSinkTableLost);
    slot.disk = std::make_shared<kv::MemoryDisk>();
  } else if (stage_.dice.one_in(6)) {
    stage_.probes.hit(Probe::kSinkOlderTable);
    slot.disk->rows = slot.older_rows;
  } else {
    slot.older_rows = slot.disk->rows;
  }
}

void SinkWorld::step_slot(Slot& slot) {
  if (slot.process != nullptr && in_step_.contains(slot.process.get())) return;
  if (!calm_ && stage_.dice.permille(rates_.crash))
    crash_.arm(1 + static_cast<uint32_t>(stage_.dice.roll(kCrashWithinPoints)));
  if (slot.process == nullptr) {
    working_ = &stage_.sinks[slot.sink];
    try {
      slot.process = start(slot);
    } catch (const Crash&) {
      stage_.probes.hit(Probe::kSinkCrash);
    }
    crash_.arm(0);
  } else if (!go(*slot.process)) {
    die(slot);
  }
}

void SinkWorld::step_zombie() {
  if (zombies_.empty()) return;
  Process* const zombie = zombies_[stage_.dice.roll(zombies_.size())].get();
  if (in_step_.contains(zombie)) return;
  stage_.probes.hit(Probe::kSinkZombie);
  if (!go(*zombie)) std::erase_if(zombies_, [&](const auto& one) { return one.get() == zombie; });
}

// ---- the storm ------------------------------------------------------------------------------------------------------

void SinkWorld::run() {
  while (source_.count() < stage_.run.size.records) step();
  calm_down();
  hash_ = hash_of_all();
  if (stage_.run.checks) check_sinks(stage_, source_);
}

void SinkWorld::step() {
  stage_.clock.now += stage_.dice.between(1'000, 300'000);
  switch (const size_t roll = stage_.dice.roll(24)) {
    case 0: return fault();
    case 1: return step_zombie();
    default: return roll < 8 ? source_.step() : step_slot(any_slot());
  }
}

void SinkWorld::fault() {
  switch (stage_.dice.roll(6)) {
    case 0: return rates_.hang ? hang() : void();
    case 1: {
      const model::Sink& sink = stage_.dice.pick(stage_.sinks);
      return rates_.rebalance ? stage_.broker.rebalance(sinks::group_of(kSinkTenant, sink.name)) : void();
    }
    case 2: return rates_.trim ? trim() : void();
    case 3:
      // One target at a time, while the others are written to.
      if (rates_.away) away_ = away_ == nullptr ? &stage_.dice.pick(stage_.sinks) : nullptr;
      return;
    case 4: stage_.clock.now += kStateTransactionUs; return stage_.states.end_transactions();
    default: stage_.clock.now += stage_.dice.between(1, 90) * 1'000'000;
  }
}

// It has been silent for too long: the group gives its partitions to others, and it does not know.
void SinkWorld::hang() {
  Slot& slot = any_slot();
  // Its table is a directory that it has locked: nobody else opens that before it is gone.
  const bool has_table = stage_.sinks[slot.sink].kind == model::SinkKind::kTopic;
  if (slot.process == nullptr) return;
  stage_.probes.hit(Probe::kSinkHung);
  stage_.broker.leave(slot.process->member);
  zombies_.push_back(std::move(slot.process));
  if (has_table) slot.disk = std::make_shared<kv::MemoryDisk>();
}

// It hangs within a call: the group gives its partitions to the other process of its sink, which goes on with them, and
// then it goes on itself, with what it had begun.
void SinkWorld::hang_in_call() {
  if (running_ == nullptr) return;
  stage_.probes.hit(Probe::kSinkHung);
  const Process* const hung = running_;
  stage_.say("    it hangs there");
  stage_.broker.leave(hung->member);
  for (uint32_t i = 0; i < kStepsOfOthers; ++i) {
    stage_.clock.now += kStepOfOthersUs;
    if (stage_.dice.one_in(3)) source_.step();
    for (Slot& slot : slots_)
      if (&stage_.sinks[slot.sink] == &hung->sink_of) step_slot(slot);
  }
}

// Retention takes changes, whether the sinks have had them or not.
void SinkWorld::trim() {
  const eventlog::TopicPartition of{Topic::kChanges, static_cast<uint32_t>(stage_.dice.roll(kSinkPartitions))};
  const auto& partition = stage_.broker.at(of);
  if (partition.low >= partition.next) return;
  stage_.probes.hit(Probe::kSinkTrimmed);
  stage_.broker.trim(of, stage_.dice.between(partition.low, partition.next));
}

// ---- the end --------------------------------------------------------------------------------------------------------

void SinkWorld::calm_down() {
  calm_ = true;
  stage_.say("calm");
  away_ = nullptr;
  zombies_.clear();
  for (Slot& slot : slots_) die(slot);
  stage_.faults = {.batch_max = kCalmBatches};
  stage_.broker.calm_down();
  stage_.states.end_transactions();
  for (size_t round = 0; !left().empty() || source_.answer(); ++round) {
    require(round < kCalmRoundsMost, [this] { return "the sinks do not come to their end: " + left(); });
    for (Slot& slot : slots_) step_slot(slot);
    stage_.clock.now += kCalmRoundUs;
  }
  for (const auto& record : stage_.broker.at({Topic::kDeadLetters, 0}).records) {
    v1::DeadLetter letter;
    const bool is_one = letter.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()));
    if (is_one && letter.code() == "sink_refused") stage_.probes.hit(Probe::kSinkLetter);
  }
}

std::string SinkWorld::left() const {
  for (const model::Sink& sink : stage_.sinks)
    for (const Topic topic : sinks::topics_of(sink))
      for (uint32_t p = 0; p < stage_.broker.partitions(topic); ++p) {
        const auto at = stage_.broker.committed(sinks::group_of(kSinkTenant, sink.name), {topic, p}).value_or(-1);
        const auto end = stage_.broker.at({topic, p}).next;
        if (at < end) return fmt::format("{} is at {} of {} in partition {}", sink.name, at, end, p);
      }
  return "";
}

std::string SinkWorld::hash_of_all() const {
  std::string all = std::to_string(stage_.clock.now) + stage_.broker.digest().hex();
  for (const auto& [key, content] : stage_.lake.objects) all += key + content;
  for (const Delivery& delivery : stage_.deliveries) all += delivery.id;
  for (const auto& [at, row] : stage_.database.events) all += fmt::format("{} {}", row.user, row.number);
  for (const auto& [id, row] : stage_.database.profiles) all += id + row.state;
  for (const auto& [name, logs] : stage_.states.topics)
    for (const auto& log : logs)
      for (const auto& entry : log.entries) all += entry.record.key.value_or("-") + entry.record.value.value_or("-");
  return hash128(all).hex();
}

}  // namespace freshet::sim
