#include "mirror_world.h"

#include <algorithm>

#include "base/hash.h"
#include "mirror/loop.h"

namespace freshet::sim {
namespace {

using testing::CommitFate;
using testing::FakeCluster;

constexpr size_t kRoundsMost = 3'000;           // of a calm mirror, until it has come to its end
constexpr env::TimeUs kTimeOutUs = 16'000'000;  // by then the brokers end a transaction
constexpr uint32_t kCrashWithin = 60;           // calls

}  // namespace

// A mirror's process. All that it has is gone when it dies; what the clusters have of it stays.
struct MirrorWorld::Process {
  Process(MirrorWorld& world, mirror::Config with, size_t number)
      : slot(number),
        config(std::move(with)),
        source(world.stage_.source.admin()),
        target(world.stage_.target.admin()),
        writer(world.stage_.target.writer(transactional_id_of(config))),
        group(world.stage_.target.join(group_of(config), config.instance)),
        topics(config, *source, *target),
        loop({config, topics, *group, *writer, *source, *target,
              [&world](const std::string&) {
                return Result<std::unique_ptr<cluster::Reader>>(world.stage_.source.reader());
              },
              world.stage_.clock}) {}
  const size_t slot;
  const mirror::Config config;
  const std::unique_ptr<cluster::Admin> source, target;
  const std::unique_ptr<cluster::Writer> writer;
  const std::unique_ptr<cluster::Membership> group;
  mirror::Topics topics;
  mirror::Loop loop;
};

// ---- what a run is --------------------------------------------------------------------------------------------------

MirrorWorld::MirrorWorld(const OtherRun& run) : stage_(run) {
  make_topics();
  roll_rates();
  clients_ = std::make_unique<MirrorClients>(stage_.dice, stage_.probes, stage_.source, stage_.topics);
  judge_ = std::make_unique<MirrorJudge>(stage_, *clients_);
  slots_.resize(1 + stage_.dice.roll(3));
  watch_calls(stage_.source);
  watch_calls(stage_.target);
  stage_.target.commit_fate = [this] { return roll_commit(); };
}

MirrorWorld::~MirrorWorld() = default;

void MirrorWorld::make_topics() {
  stage_.config.name = "m";
  stage_.config.prefix = "freshet.mirror.m";
  stage_.config.source.name = "front";
  stage_.config.target.name = "back";
  stage_.config.refresh_us = 1'000'000;
  stage_.config.offset_sync_us = stage_.dice.between(200'000, 3'000'000);
  stage_.config.switch_over_us = kSwitchOverUs;
  stage_.config.groups = {"*"};
  for (const char* name : {"orders", "clicks"}) {
    MirroredTopic& topic = stage_.topics.emplace_back();
    topic.name = name;
    topic.rule = {.match = name, .to = std::string("copy.") + name};
    if (stage_.topics.size() == 1 || stage_.dice.one_in(2))
      topic.rule.partitions = static_cast<uint32_t>(stage_.dice.between(1, 7));
    if (stage_.dice.one_in(2))
      topic.rule.keyless = stage_.dice.one_in(2) ? mirror::Keyless::kSpread : mirror::Keyless::kSetAside;
    if (stage_.dice.one_in(4)) topic.rule.priority = mirror::Priority::kLow;
    if (stage_.dice.one_in(8)) topic.rule.bandwidth_bytes_per_s = 4'000;
    topic.numbers = {topic.rule.partitions};
    topic.limited = stage_.dice.one_in(3);
    topic.punctual = stage_.dice.one_in(3);
    topic.source_partitions =
        stage_.run.size.partitions > 0 ? stage_.run.size.partitions : static_cast<uint32_t>(stage_.dice.between(1, 4));
    std::vector<cluster::Config> with;
    if (topic.limited)
      with.push_back(
          {"max.message.bytes", std::to_string(kRecordBytesMax), cluster::ConfigSource::kTopic, false, false});
    if (topic.punctual)
      with.push_back({"message.timestamp.after.max.ms", std::to_string(kFutureMostMs), cluster::ConfigSource::kTopic,
                      false, false});
    stage_.source.make(topic.name, topic.source_partitions, std::move(with));
    stage_.config.topics.push_back(topic.rule);
  }
}

// Each fault is in about half of the runs.
void MirrorWorld::roll_rates() {
  rates_.crash = stage_.maybe(250);
  rates_.aside = stage_.maybe(60);
  rates_.no_answer = stage_.maybe(15);
  rates_.refused_commit = stage_.maybe(150);
  rates_.mute_commit = stage_.maybe(200);
  for (bool Rates::* fault :
       {&Rates::expel, &Rates::time_out, &Rates::hang, &Rates::jump, &Rates::trim, &Rates::grow, &Rates::renumber})
    rates_.*fault = stage_.dice.one_in(2);
}

mirror::Config MirrorWorld::config_for(size_t slot) const {
  mirror::Config config = stage_.config;
  mirror::set_instance(config, std::to_string(slot));
  return config;
}

void MirrorWorld::watch_calls(FakeCluster& cluster) {
  cluster.at_step = [this](const char* call) { at_call(call); };
  cluster.refuse = [this](const char* call) {
    if (calm_ || in_step_.empty() || !stage_.dice.permille(rates_.no_answer)) return Status{};
    stage_.probes.hit(Probe::kMirrorNoAnswer);
    return Status(fail(Code::kRetry, std::string("no answer to ") + call));
  };
}

// ---- what happens within a call -------------------------------------------------------------------------------------

void MirrorWorld::at_call(const char* call) {
  last_call_ = call;
  crash_.point();
  if (!calm_) crash_.aside(stage_.dice, rates_.aside, [this] { something_aside(); });
}

CommitFate MirrorWorld::roll_commit() {
  if (calm_) return CommitFate::kDone;
  const CommitFate fate = stage_.roll_commit(rates_.refused_commit, rates_.mute_commit);
  if (fate == CommitFate::kDone) return fate;
  stage_.probes.hit(fate == CommitFate::kRefused ? Probe::kMirrorCommitRefused : Probe::kMirrorCommitMute);
  return fate;
}

void MirrorWorld::something_aside() {
  stage_.probes.hit(Probe::kMirrorAside);
  stage_.say("    within {}:", last_call_);
  switch (stage_.dice.roll(4)) {
    case 0: return clients_->step();
    case 1: return rates_.expel ? expel() : clients_->step();
    case 2: return step_zombie();
    default: return step_process(stage_.dice.roll(slots_.size()));
  }
}

// ---- the storm ------------------------------------------------------------------------------------------------------

void MirrorWorld::run() {
  while (clients_->count() < stage_.run.size.records) {
    step();
    judge_->check_positions();
  }
  calm_down();
  hash_ = hash_of_all();
  for (const auto& process : slots_)
    for (const mirror::Standing& one : process->loop.standings())
      require(one.halted.empty(), [&] { return "a partition is halted: " + one.halted; });
  if (stage_.run.checks) judge_->check_end();
}

void MirrorWorld::step() {
  switch (const size_t roll = stage_.dice.roll(16)) {
    case 0: return fault();
    case 1: return step_zombie();
    case 2: return judge_->move_group();
    default: return roll < 7 ? clients_->step() : step_process(stage_.dice.roll(slots_.size()));
  }
}

bool MirrorWorld::go(Process& process) {
  in_step_.insert(&process);
  if (!calm_ && stage_.dice.permille(rates_.crash))
    crash_.arm(1 + static_cast<uint32_t>(stage_.dice.roll(kCrashWithin)));
  bool lives = true;
  try {
    const Status done = process.loop.step();
    if (!done) {
      require(done.error().code == Code::kFenced, [&] { return "the mirror stops: " + done.error().message; });
      stage_.probes.hit(Probe::kMirrorFenced);
      stage_.say("process {} is fenced: {}", process.slot, done.error().message);
      lives = false;
    }
  } catch (const Crash&) {
    const std::string_view call = last_call_;
    stage_.probes.hit(Probe::kMirrorCrash);
    if (call == "offsets" || call == "write") stage_.probes.hit(Probe::kMirrorCrashInTransaction);
    if (call == "committed") stage_.probes.hit(Probe::kMirrorCrashAfterCommit);
    stage_.say("process {} dies before {}", process.slot, call);
    lives = false;
  }
  crash_.arm(0);
  in_step_.erase(&process);
  return lives;
}

void MirrorWorld::step_process(size_t slot) {
  std::unique_ptr<Process>& process = slots_[slot];
  if (process != nullptr && in_step_.contains(process.get())) return;
  if (process == nullptr) process = std::make_unique<Process>(*this, config_for(slot), slot);
  Process* const it = process.get();
  if (go(*it)) return;
  // It may have been hung aside from within its own step, and stands with the zombies then.
  if (slots_[slot].get() == it) slots_[slot].reset();
  std::erase_if(zombies_, [&](const auto& one) { return one.get() == it; });
}

void MirrorWorld::step_zombie() {
  if (zombies_.empty()) return;
  Process* const zombie = zombies_[stage_.dice.roll(zombies_.size())].get();
  if (in_step_.contains(zombie)) return;
  stage_.probes.hit(Probe::kMirrorZombie);
  if (!go(*zombie)) std::erase_if(zombies_, [&](const auto& one) { return one.get() == zombie; });
}

void MirrorWorld::fault() {
  switch (stage_.dice.roll(8)) {
    case 0: return rates_.expel ? expel() : void();
    case 1: return rates_.hang ? hang() : void();
    case 2: return rates_.grow ? grow() : void();
    case 3: return rates_.renumber ? renumber() : void();
    case 4: return rates_.trim ? trim() : void();
    case 5: return judge_->verify_running();
    case 6:
      if (!rates_.time_out) return;
      stage_.probes.hit(Probe::kMirrorTimedOut);
      stage_.say("transactions time out");
      stage_.clock.now += kTimeOutUs;
      for (auto& [id, producer] : stage_.target.producers)
        if (producer.second) stage_.target.end(*producer.second, testing::FakeTransaction::State::kAborted);
      return;
    default:
      if (rates_.jump) stage_.clock.now += stage_.dice.between(1, 30) * 1'000'000;
  }
}

void MirrorWorld::expel() {
  const size_t slot = stage_.dice.roll(slots_.size());
  stage_.probes.hit(Probe::kMirrorExpelled);
  stage_.say("instance {} is expelled", slot);
  stage_.target.expel(group_of(stage_.config), std::to_string(slot));
}

// A supervisor takes it for dead, and starts another one.
void MirrorWorld::hang() {
  const size_t slot = stage_.dice.roll(slots_.size());
  if (slots_[slot] == nullptr) return;
  stage_.probes.hit(Probe::kMirrorHung);
  stage_.say("process {} hangs", slot);
  zombies_.push_back(std::move(slots_[slot]));
}

// Once for each topic, as keys that move twice within a switch-over have no order; and only of a topic that is mirrored
// already, as the mirror can't know of earlier partitions.
void MirrorWorld::grow() {
  MirroredTopic& topic = stage_.topics[stage_.dice.roll(stage_.topics.size())];
  if (topic.grown) return;
  for (uint32_t p = 0; p < topic.source_partitions; ++p)
    if (stage_.position(topic.name, static_cast<int32_t>(p)) < 0) return;
  topic.grown = true;
  topic.grown_at = stage_.clock.now;
  const uint32_t total = topic.source_partitions + static_cast<uint32_t>(stage_.dice.between(1, 3));
  stage_.source.topics.at(topic.name).resize(total);
  stage_.probes.hit(Probe::kMirrorGrown);
  stage_.say("{} has {} partitions", topic.name, total);
}

// All processes are started again with another number of partitions, once, and somebody may have added some before.
void MirrorWorld::renumber() {
  if (stage_.renumbered || stage_.topics[0].rule.partitions == 0) return;
  stage_.renumbered = true;
  stage_.probes.hit(Probe::kMirrorRenumbered);
  MirroredTopic& topic = stage_.topics[0];
  topic.rule.partitions += static_cast<uint32_t>(stage_.dice.between(1, 4));
  topic.numbers.push_back(topic.rule.partitions);
  stage_.config.topics[0].partitions = topic.rule.partitions;
  const auto copy = stage_.target.topics.find(topic.rule.to);
  if (stage_.dice.one_in(2) && copy != stage_.target.topics.end())
    copy->second.resize(std::max<size_t>(copy->second.size(), topic.rule.partitions + 1));
  stage_.say("{} goes into {} partitions", topic.name, topic.rule.partitions);
  zombies_.clear();
  for (auto& process : slots_) process.reset();
}

// The source deletes what was mirrored.
void MirrorWorld::trim() {
  const MirroredTopic& topic = stage_.topics[stage_.dice.roll(stage_.topics.size())];
  auto& logs = stage_.source.topics.at(topic.name);
  const size_t partition = stage_.dice.roll(logs.size());
  const int64_t most = stage_.position(topic.name, static_cast<int32_t>(partition));
  if (most <= logs[partition].first) return;
  stage_.trimmed = true;
  stage_.probes.hit(Probe::kMirrorTrimmed);
  logs[partition].first = stage_.dice.between(logs[partition].first, most);
}

// ---- the end --------------------------------------------------------------------------------------------------------

void MirrorWorld::calm_down() {
  calm_ = true;
  stage_.say("calm");
  clients_->finish();
  zombies_.clear();
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    slots_[slot].reset();
    stage_.target.expel(group_of(stage_.config), std::to_string(slot));
  }
  stage_.target.end_transactions();
  slots_.resize(1 + stage_.dice.roll(slots_.size()));
  for (size_t round = 0; !all_mirrored(); ++round) {
    require(round < kRoundsMost, "the mirror does not come to its end");
    for (size_t slot = 0; slot < slots_.size(); ++slot) step_process(slot);
    judge_->check_positions();
    if (round % 20 == 19) stage_.clock.now += kSwitchOverUs;
  }
  // The last marks.
  for (int round = 0; round < 3; ++round) {
    stage_.clock.now += stage_.config.offset_sync_us;
    for (size_t slot = 0; slot < slots_.size(); ++slot) step_process(slot);
  }
}

bool MirrorWorld::all_mirrored() const {
  for (const MirroredTopic& topic : stage_.topics) {
    const auto& logs = stage_.source.topics.at(topic.name);
    for (size_t p = 0; p < logs.size(); ++p)
      if (stage_.position(topic.name, static_cast<int32_t>(p)) < static_cast<int64_t>(logs[p].entries.size()))
        return false;
  }
  return true;
}

std::string MirrorWorld::hash_of_all() const {
  std::string all = std::to_string(stage_.clock.now);
  for (const FakeCluster* cluster : {&stage_.source, &stage_.target}) {
    for (const auto& [name, logs] : cluster->topics)
      for (const auto& log : logs)
        for (const auto& entry : log.entries)
          all += fmt::format("{} {}{}{}\n", name, text_of(entry.record), entry.marker ? "*" : "",
                             entry.transaction ? static_cast<int>(entry.transaction->state) : 9);
    for (const auto& [name, group] : cluster->groups)
      for (const auto& [of, place] : group.places)
        all += fmt::format("{} {}[{}] {} {}\n", name, of.topic, of.partition, place.next, place.note);
  }
  return hash128(all).hex();
}

}  // namespace freshet::sim
