#include "capture_world.h"

#include <fmt/core.h>

#include <utility>

#include "base/hash.h"
#include "capture/loop.h"

namespace freshet::sim {
namespace {

using testing::CommitFate;

constexpr size_t kCalmStepsMost = 20'000;           // of a calm capture, until it has come to its end
constexpr env::TimeUs kTransactionUs = 16'000'000;  // by then the brokers end a transaction
constexpr uint32_t kCrashWithinCalls = 25;
constexpr uint32_t kStepsOfOther = 6;  // while one hangs in a call
constexpr size_t kDocuments = 13;      // of a collection
constexpr env::TimeUs kChangeUs = 1'000;

}  // namespace

// A capture's process. All that it has is gone when it dies; what the cluster has of it stays.
struct CaptureWorld::Process {
  Process(CaptureWorld& world, bool snapshot)
      : target(world.stage_.target.admin()),
        writer(world.stage_.target.writer(world.stage_.config.prefix)),
        source(world.stage_.source.reader(world.stage_.config.source.collections)),
        loop({world.stage_.config, *source, *target, *writer,
              [&world] { return Result<std::unique_ptr<cluster::Reader>>(world.stage_.target.reader()); },
              world.stage_.clock, snapshot}) {}
  const std::unique_ptr<cluster::Admin> target;
  const std::unique_ptr<cluster::Writer> writer;
  const std::unique_ptr<docstore::ChangeReader> source;
  capture::Loop loop;
};

CaptureWorld::CaptureWorld(const OtherRun& run) : stage_(run), judge_(stage_) {
  configure();
  roll_rates();
  stage_.target.at_step = [this](const char* call) { at_call(call); };
  stage_.source.at_call = [this](const char* call) { at_call(call); };
  stage_.target.refuse = [this](const char* call) { return answer(call); };
  stage_.source.refuse = [this](const char* call) { return answer(call); };
  stage_.target.commit_fate = [this] { return roll_commit(); };
}

CaptureWorld::~CaptureWorld() = default;

void CaptureWorld::configure() {
  capture::Config& config = stage_.config;
  config.name = "shop";
  config.prefix = "freshet.capture.shop";
  config.topic = "shop.*";
  config.partitions =
      stage_.run.size.partitions > 0 ? stage_.run.size.partitions : static_cast<uint32_t>(stage_.dice.between(1, 4));
  config.source.collections = {"orders", "cust*"};
  constexpr capture::Deletes kDeletes[] = {capture::Deletes::kBoth, capture::Deletes::kRecord,
                                           capture::Deletes::kTombstone};
  config.deletes = kDeletes[stage_.dice.roll(std::size(kDeletes))];
  // As change streams can, and the oplog can not.
  stage_.source.keeps_before = stage_.dice.one_in(2);
  stage_.limited = stage_.dice.one_in(3);
  if (stage_.limited)
    stage_.target.make(
        "shop.orders", 2,
        {{"max.message.bytes", std::to_string(kCapturedBytesMax), cluster::ConfigSource::kTopic, false, false}});
  for (size_t i = stage_.dice.roll(30); i > 0; --i) change();
}

void CaptureWorld::roll_rates() {
  rates_.crash = stage_.maybe(250);
  rates_.aside = stage_.maybe(150);
  rates_.no_answer = stage_.maybe(20);
  rates_.refused_commit = stage_.maybe(150);
  rates_.mute_commit = stage_.maybe(200);
  for (bool Rates::* fault :
       {&Rates::hang, &Rates::time_out, &Rates::forget, &Rates::anew, &Rates::whole, &Rates::jump})
    rates_.*fault = stage_.dice.one_in(2);
}

// ---- what happens within a call -------------------------------------------------------------------------------------

void CaptureWorld::at_call(const char* call) {
  last_call_ = call;
  crash_.point();
  if (!calm_) crash_.aside(stage_.dice, rates_.aside, [this] { something_aside(); });
}

Status CaptureWorld::answer(const char* call) {
  if (std::string_view(call) == "now") stage_.asked_of_now.insert(stage_.source.log.size());
  if (calm_ || in_step_.empty() || !stage_.dice.permille(rates_.no_answer)) return {};
  stage_.probes.hit(Probe::kCaptureNoAnswer);
  return fail(Code::kRetry, std::string("no answer to ") + call);
}

CommitFate CaptureWorld::roll_commit() {
  if (calm_) return CommitFate::kDone;
  const CommitFate fate = stage_.roll_commit(rates_.refused_commit, rates_.mute_commit);
  if (fate == CommitFate::kDone) return fate;
  stage_.probes.hit(fate == CommitFate::kRefused ? Probe::kCaptureCommitRefused : Probe::kCaptureCommitMute);
  return fate;
}

void CaptureWorld::something_aside() {
  stage_.probes.hit(Probe::kCaptureAside);
  stage_.say("    within {}:", last_call_);
  switch (stage_.dice.roll(6)) {
    case 0: return step_zombie();
    case 1: return step_process();
    case 2: return rates_.hang ? hang_in_call() : change();
    default: return change();
  }
}

// It hangs within a call for so long that another one is started and works; then it goes on with what it had begun.
void CaptureWorld::hang_in_call() {
  if (process_ == nullptr || !in_step_.contains(process_.get())) return;
  stage_.probes.hit(Probe::kCaptureHung);
  stage_.say("    the capture hangs there");
  zombies_.push_back(std::move(process_));
  for (uint32_t i = 0; i < kStepsOfOther; ++i) {
    if (stage_.dice.one_in(2)) change();
    step_process();
  }
}

// ---- clients --------------------------------------------------------------------------------------------------------

// Each change has a time of its own, by which it is known in the topic.
void CaptureWorld::change() {
  stage_.clock.now += kChangeUs;
  const std::string collection = stage_.dice.one_in(4) ? "customers" : stage_.dice.one_in(8) ? "others" : "orders";
  const std::string id = std::to_string(stage_.dice.roll(kDocuments));
  if (rates_.whole && stage_.dice.one_in(40)) {
    change_a_collection();
  } else if (stage_.dice.one_in(4)) {
    stage_.source.erase(collection, id);
  } else {
    const bool large = stage_.limited && stage_.dice.one_in(10);
    if (large) stage_.probes.hit(Probe::kCaptureLarge);
    stage_.source.put(collection, id,
                      fmt::format(R"({{"_id":{},"v":{}{}}})", id, ++changes_,
                                  large ? R"(,"x":")" + std::string(kCapturedBytesMax, 'x') + "\"" : ""));
  }
  stage_.clock.now += kChangeUs;
}

void CaptureWorld::change_a_collection() {
  stage_.probes.hit(Probe::kCaptureCollectionChanged);
  switch (stage_.dice.roll(5)) {
    case 0: return stage_.source.drop("orders");
    case 1: return stage_.source.drop("customers");
    case 2: return stage_.source.rename("customers", "custom");
    case 3: return stage_.source.rename("orders", "elsewhere");
    default: return stage_.source.rename("elsewhere", "orders");
  }
}

// ---- the storm ------------------------------------------------------------------------------------------------------

void CaptureWorld::run() {
  while (changes_ < stage_.run.size.records) {
    step();
    if (stage_.run.checks) judge_.check_transactions();
  }
  calm_down();
  hash_ = hash_of_all();
  if (!stage_.run.checks) return;
  judge_.check_transactions();
  judge_.check_end();
}

void CaptureWorld::step() {
  switch (const size_t roll = stage_.dice.roll(16)) {
    case 0: return fault();
    case 1: return step_zombie();
    default: return roll < 9 ? change() : step_process();
  }
}

// What an operator does when a capture stops: who is told that its position is too old begins anew.
bool CaptureWorld::go(Process& process) {
  in_step_.insert(&process);
  if (!calm_ && stage_.dice.permille(rates_.crash))
    crash_.arm(1 + static_cast<uint32_t>(stage_.dice.roll(kCrashWithinCalls)));
  bool lives = true;
  try {
    const Status done = process.loop.step();
    if (!done) {
      const bool fenced = done.error().code == Code::kFenced;
      require(fenced || done.error().message.find("--snapshot") != std::string::npos,
              [&] { return "the capture stops: " + done.error().message; });
      stage_.probes.hit(fenced ? Probe::kCaptureFenced : Probe::kCaptureTooLate);
      stage_.say("the capture stops: {}", done.error().message);
      snapshot_ = snapshot_ || !fenced;
      lives = false;
    }
  } catch (const Crash&) {
    const std::string_view call = last_call_;
    stage_.probes.hit(Probe::kCaptureCrash);
    if (call == "offsets" || call == "write") stage_.probes.hit(Probe::kCaptureCrashInTransaction);
    if (call == "committed") stage_.probes.hit(Probe::kCaptureCrashAfterCommit);
    stage_.say("the capture dies before {}", call);
    lives = false;
  }
  crash_.arm(0);
  in_step_.erase(&process);
  return lives;
}

void CaptureWorld::step_process() {
  if (process_ != nullptr && in_step_.contains(process_.get())) return;
  if (process_ == nullptr) process_ = std::make_unique<Process>(*this, std::exchange(snapshot_, false));
  Process* const mine = process_.get();
  if (!go(*mine)) end(mine);
}

// It may be a zombie by now.
void CaptureWorld::end(const Process* process) {
  if (process_.get() == process) process_.reset();
  std::erase_if(zombies_, [&](const auto& one) { return one.get() == process; });
}

void CaptureWorld::step_zombie() {
  if (zombies_.empty()) return;
  Process* const zombie = zombies_[stage_.dice.roll(zombies_.size())].get();
  if (in_step_.contains(zombie)) return;
  stage_.probes.hit(Probe::kCaptureZombie);
  if (!go(*zombie)) end(zombie);
}

void CaptureWorld::fault() {
  switch (stage_.dice.roll(5)) {
    case 0:
      if (!rates_.hang || process_ == nullptr) return;
      stage_.probes.hit(Probe::kCaptureHung);
      stage_.say("the capture hangs");
      zombies_.push_back(std::move(process_));
      return;
    case 1:
      if (!rates_.time_out) return;
      stage_.probes.hit(Probe::kCaptureTimedOut);
      stage_.clock.now += kTransactionUs;
      return stage_.target.end_transactions();
    case 2:
      if (!rates_.forget || !stage_.dice.one_in(4)) return;
      stage_.say("the source forgets its log");
      return stage_.source.forget_log();
    case 3:
      if (!rates_.anew || !stage_.dice.one_in(4)) return;
      stage_.probes.hit(Probe::kCaptureAnew);
      stage_.say("the operator has the capture begin anew");
      process_.reset();
      snapshot_ = true;
      return;
    default:
      if (rates_.jump) stage_.clock.now += stage_.dice.between(1, 30) * 1'000'000;
  }
}

// ---- the end --------------------------------------------------------------------------------------------------------

void CaptureWorld::calm_down() {
  calm_ = true;
  stage_.say("calm");
  zombies_.clear();
  process_.reset();
  for (size_t step = 0; step == 0 || !all_captured(); ++step) {
    require(step < kCalmStepsMost, "the capture does not come to its end");
    step_process();
    if (stage_.run.checks) judge_.check_transactions();
  }
}

bool CaptureWorld::all_captured() const {
  if (process_ == nullptr) return false;
  const auto& position = process_->loop.position();
  return position && position->todo.empty() && position->at == std::to_string(stage_.source.log.size());
}

std::string CaptureWorld::hash_of_all() const {
  std::string all = std::to_string(stage_.clock.now);
  for (const auto& [name, logs] : stage_.target.topics)
    for (const auto& log : logs)
      for (const auto& entry : log.entries)
        all += fmt::format("{} {}={} {}{}\n", name, entry.record.key.value_or("-"), entry.record.value.value_or("-"),
                           entry.marker ? "*" : "", entry.transaction ? static_cast<int>(entry.transaction->state) : 9);
  return hash128(all).hex();
}

}  // namespace freshet::sim
